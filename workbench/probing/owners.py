"""Which layer each operation of a traced step is of.

While a layer is called, the operations that are added to the graph are its; a loop or a function that it calls has a
graph of its own. An operation of the gradient has the name of the one that it is the gradient of.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from workbench.storage.layer_paths import labelled_layers
from workbench.storage.optimizers import optimizers
from workbench.training.monitors.seen import attribute

LOSS, UPDATE, REST = "(loss)", "(update)", "(rest)"
_GRADIENT = "gradient_tape/"
_GRADIENTS = "gradients/"  # of a graph of its own, before the names of the operations
# What TensorFlow makes of the name of a loop's or a function's graph, for its gradient and when it is kept.
_GRAPH_NAMES = (
    re.compile(r"^__(?:inference___)?backward_(?P<name>.+?)_\d+(?:_\d+)?$"),
    re.compile(r"^__(?:forward|inference)_(?P<name>.+)_\d+$"),
    re.compile(r"^(?P<name>.+)_grad_\d+$"),
    re.compile(r"^(?P<name>.+)_rewritten$"),
)
_IN_LOOP = re.compile(r"^.*/(?:body|cond)/_\d+/")  # before the names of operations of a loop that runs


@dataclass
class _OperationNames:
    """The owners of one graph's operations, by name; and of the scopes that hold operations of one owner alone: what
    TensorFlow adds has names in them."""

    of: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)

    def finish(self) -> None:
        for name, owner in self.of.items():
            for scope in _scopes(name):
                if self.scopes.setdefault(scope, owner) != owner:
                    self.scopes[scope] = ""

    def find(self, name: str) -> str:
        if name in self.of:
            return self.of[name]
        return next(
            (found for scope in _scopes(name) if (found := self.of.get(scope) or self.scopes.get(scope))), ""
        )


@dataclass
class Owners:
    """The owners of operations: paths of layers, with the number of the call from the second on, or `(loss)`,
    `(update)`.

    Attributes:
        began: the owners, in the order in which they were called.
    """

    began: list[str] = field(default_factory=list)
    _graphs: dict[str, _OperationNames] = field(default_factory=dict)
    _main: str = ""

    def add(self, graph: str, name: str, owner: str) -> None:
        """An operation was added to a graph. Where it is known already, it is of a layer inside of this one."""
        self._graphs.setdefault(graph, _OperationNames()).of.setdefault(name, owner)

    def finish(self, main: str) -> None:
        """All is traced; `main` is the name of the step's own graph."""
        self._main = main
        for names in self._graphs.values():
            names.finish()

    def find(self, name: str, graph: str = "", inherited: str = REST) -> str:
        """The owner of an operation.

        Args:
            name: of the operation.
            graph: the name of its graph; "" for the step's own.
            inherited: the owner of the loop or call that the graph is of.
        """
        names = self._graphs.get(_traced(graph) if graph else self._main)
        if names is None:
            return inherited
        return names.find(_forward(name)) or inherited

    def find_measured(self, name: str) -> str:
        """The owner of an operation by the name that it runs with, in a loop or not."""
        plain = _IN_LOOP.sub("", name)
        if plain != name:
            forward = _forward(plain)
            for names in self._graphs.values():
                if forward in names.of:
                    return names.of[forward]
        return self.find(name)


def is_of_gradient(name: str) -> bool:
    """True for the name of an operation of the gradient."""
    return name.startswith((_GRADIENT, _GRADIENTS))


def _traced(graph: str) -> str:
    """The name that a graph had while it was traced: gradients and kept copies have others."""
    for pattern in _GRAPH_NAMES:
        if found := pattern.match(graph):
            return _traced(found["name"])
    return graph


def _forward(name: str) -> str:
    """The name of the operation that one of the gradient is the gradient of; the same for others."""
    if not is_of_gradient(name):
        return name
    name = name.removeprefix(_GRADIENT)
    _, gradients, inner = name.rpartition(_GRADIENTS)
    # `dense/MatMul_grad/MatMul_1` is of `dense/MatMul`.
    return inner.rpartition("_grad")[0] or inner if gradients else name


def _scopes(name: str) -> Iterator[str]:
    """`a/b/c`: `a/b`, `a`."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


@contextmanager
def noting(model: Any, owners: Owners) -> Iterator[None]:
    """While inside, operations that are added to a graph in a layer's call, the loss or the update are noted as its."""
    calls: dict[str, int] = {}

    def note(owner: str, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        before = len(graph.get_operations())
        if owner not in (LOSS, UPDATE):
            number = calls[owner] = calls.get(owner, 0) + 1
            owner = owner if number == 1 else f"{owner}#{number}"
            owners.began.append(owner)
        result = original(*args, **kwargs)
        for operation in graph.get_operations()[before:]:
            owners.add(graph.name, operation.name, owner)
        return result

    watched = [(layer, "call", path) for path, layer in labelled_layers(model).items() if layer is not model]
    watched += [(model, "compute_loss", LOSS)]
    watched += [(each, "apply", UPDATE) for each in optimizers(model).values()]
    with ExitStack() as stack:
        for thing, name, owner in watched:
            original = getattr(thing, name)
            noted = functools.wraps(original)(functools.partial(note, owner, original))
            stack.enter_context(attribute(thing, name, noted))
        yield
