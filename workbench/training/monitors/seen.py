"""Observe a model while its train step runs or is traced: outputs of layers, losses, updates.

For the time of one step, a few methods of the model's objects (`call`, `add_loss`, `compute_loss`, an optimizer's
`apply`) are replaced on the instance by ones that observe. Observing adds no operation, so that random operations,
which draw their seeds from the number of operations before them, keep theirs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import keras
import tensorflow as tf
from keras import tree

from workbench.storage.layer_paths import labelled_layers, weight_paths
from workbench.training.monitors.naming import distinct


@dataclass(frozen=True)
class Output:
    """A tensor that a layer returned. `name` is the layer's path, with the number of its call from the second on."""

    name: str
    path: str
    layer: Any
    value: tf.Tensor


@dataclass(frozen=True)
class Loss:
    """A call of the model's `compute_loss`: the total, and the terms in it by name."""

    total: tf.Tensor
    terms: dict[str, tf.Tensor]
    inputs: list[tf.Tensor]
    targets: list[tf.Tensor]

    @property
    def rows(self) -> tf.Tensor:
        """The rows of the batch, a scalar of float32."""
        return tf.cast(tf.shape(self.inputs[0])[0], tf.float32) if self.inputs else tf.ones(())


BeforeUpdate = Callable[["Seen", Any, Sequence[Any], Sequence[Any]], None]


class Seen:
    """Observes while its context is active, and has the results afterwards.

    Args:
        before_update: called with this, the optimizer, the gradients and the weights right before an optimizer moves
            the weights. May add operations.
    """

    def __init__(self, model: keras.Model, before_update: BeforeUpdate) -> None:
        self.model = model
        self.layers = labelled_layers(model)
        self.outputs: list[Output] = []
        self.losses: list[Loss] = []
        self.updates = 0
        self._before_update = before_update
        self._terms: list[tuple[str, tf.Tensor]] = []
        self._calls: dict[str, int] = {}
        self._depth = 0
        self._graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        self._replaced = ExitStack()

    def __enter__(self) -> Self:
        for path, layer in self.layers.items():
            self._replace(layer, "call", functools.partial(self._call, path, layer))
            self._replace(layer, "add_loss", functools.partial(self._add_loss, path))
        self._replace(self.model, "compute_loss", self._compute_loss)
        for optimizer in _optimizers(self.model):
            self._replace(optimizer, "apply", functools.partial(self._apply, optimizer))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._replaced.close()

    def terms(self) -> dict[str, tf.Tensor]:
        """The terms added so far to the loss that comes next, as scalars of float32 by layer path and use."""
        found: dict[str, tf.Tensor] = {}
        uses: dict[str, int] = {}
        for path, value in self._terms:
            uses[path] = uses.get(path, 0) + 1
            found[_numbered(path, uses[path])] = value
        return found

    def within(self, value: Any) -> bool:
        """True if a tensor can be used in the step: one of a loop or a branch inside the step cannot."""
        if not isinstance(value, tf.Tensor):
            return False
        if self._graph is None:
            return not tf.is_symbolic_tensor(value)
        return tf.is_symbolic_tensor(value) and value.graph is self._graph

    def _replace(self, thing: Any, name: str, around: Callable[..., Any]) -> None:
        original = getattr(thing, name)

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return around(original, *args, **kwargs)

        self._replaced.enter_context(attribute(thing, name, replacement))

    def _call(self, path: str, layer: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._depth == 0:
            self._forget_terms(path)
        self._depth += 1
        try:
            result = original(*args, **kwargs)
        finally:
            self._depth -= 1
        values = [value for value in tree.flatten(result) if self.within(value) and value.dtype.is_floating]
        if values and layer is not self.model:
            number = self._calls[path] = self._calls.get(path, 0) + 1
            name = _numbered(path, number)
            self.outputs += [Output(name, path, layer, value) for value in values]
        return result

    def _forget_terms(self, path: str) -> None:
        """Keras does so too, at each call that is not inside another."""
        if self.layers[path] is self.model:
            self._terms.clear()
        else:
            inside = f"{path}/"
            self._terms = [term for term in self._terms if term[0] != path and not term[0].startswith(inside)]

    def _add_loss(self, path: str, original: Callable[[Any], None], loss: Any) -> None:
        original(loss)
        self._terms += [(path, value) for value in tree.flatten(loss) if self.within(value)]

    def _compute_loss(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        regularization: dict[str, tf.Tensor] = {}
        with self._watched_regularizers(regularization):
            total = original(*args, **kwargs)
        given = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
        if self.within(total):
            terms = self.terms()
            for name, value in regularization.items():
                terms[distinct(name, terms)] = value
            if type(self.model).compute_loss is not keras.Model.compute_loss and self._graph is not None:
                parts = _made_of(total)
                terms = {name: value for name, value in terms.items() if value.op in parts}
            inputs = self._tensors(given.get("x")) or self._tensors(given.get("y_pred"))
            self.losses.append(Loss(total, terms, inputs, self._tensors(given.get("y"))))
        return total

    def _tensors(self, values: Any) -> list[tf.Tensor]:
        return [value for value in tree.flatten(values) if self.within(value)]

    @contextmanager
    def _watched_regularizers(self, found: dict[str, tf.Tensor]) -> Iterator[None]:
        paths = weight_paths(self.model)
        with ExitStack() as stack:
            for weight in self.model.trainable_weights:
                if weight.regularizer is not None:
                    name = f"{paths[id(weight)]} regularizer"
                    stack.enter_context(_watched_regularizer(weight, name, found))
            yield

    def _apply(
        self, optimizer: Any, original: Callable[..., Any], grads: Any, trainable_variables: Any = None
    ) -> Any:
        gradients = list(grads)
        weights = list(self.model.trainable_weights if trainable_variables is None else trainable_variables)
        usable = all(self.within(tensor) for gradient in gradients for tensor in _parts(gradient))
        if usable and len(gradients) == len(weights):
            self._before_update(self, optimizer, gradients, weights)
            self.updates += 1
        return original(gradients, trainable_variables if trainable_variables is None else weights)


@contextmanager
def attribute(thing: Any, name: str, value: Any) -> Iterator[None]:
    """While inside, an attribute of the instance; past Keras' own setters, which would track it."""
    had = name in vars(thing)
    before = vars(thing).get(name)
    object.__setattr__(thing, name, value)
    try:
        yield
    finally:
        if had:
            object.__setattr__(thing, name, before)
        else:
            object.__delattr__(thing, name)


@contextmanager
def _watched_regularizer(weight: Any, name: str, found: dict[str, tf.Tensor]) -> Iterator[None]:
    original = weight.regularizer

    def regularizer(value: Any) -> Any:
        found[name] = original(value)
        return found[name]

    weight.regularizer = regularizer
    try:
        yield
    finally:
        weight.regularizer = original


def _optimizers(model: keras.Model) -> list[Any]:
    """The model's optimizer, and those that a model class keeps beside it."""
    held = [model.optimizer, *vars(model).values()]
    found = {id(thing): thing for thing in held if isinstance(thing, keras.optimizers.Optimizer)}
    return list(found.values())


def _parts(gradient: Any) -> list[tf.Tensor]:
    if gradient is None:
        return []
    return [gradient.values] if isinstance(gradient, tf.IndexedSlices) else [gradient]


def _numbered(path: str, number: int) -> str:
    return path if number == 1 else f"{path}#{number}"


def _made_of(tensor: tf.Tensor) -> set[Any]:
    """The operations that a tensor of a graph is computed from."""
    found = {tensor.op}
    left = [tensor.op]
    while left:
        for needed in left.pop().inputs:
            if needed.op not in found:
                found.add(needed.op)
                left.append(needed.op)
    return found
