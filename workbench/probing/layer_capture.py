"""Run one training step eagerly, and keep what goes in and out of each layer, with the gradients of the loss.

The step is the model's own `train_step`: what is kept is what training computes. The gradients of the tensors in
between come from the very call of the tape that computes those of the weights, which is asked for a few more.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench.keras_private import backend_value, logits_of, mask_of
from workbench.probing.summaries import as_array
from workbench.storage.layer_paths import labelled_layers, weights_by_path
from workbench.storage.optimizers import optimizers
from workbench.training.monitors.seen import attribute


@dataclass(eq=False)
class LayerUse:
    """One call of a layer.

    Attributes:
        path: the layer's path, with the number of its call from the second on: `encoder#2`.
        layer: the layer.
        inputs: the tensors of its arguments by name: of several in one argument `inputs[0]`.
        outputs: the tensors that it returned: `output`, or of several `output[0]`.
        depth: how many calls of other layers this one is inside of.
    """

    path: str
    layer: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    depth: int

    @property
    def masks(self) -> dict[str, Any]:
        """The masks of inputs and outputs by those names, where there are any. Keras sets them after the call."""
        tensors = self.inputs | self.outputs
        return {name: mask for name, each in tensors.items() if (mask := mask_of(each)) is not None}


@dataclass
class Captured:
    """What was kept of a step.

    Attributes:
        uses: the calls of layers, in the order in which they began.
        weights: the weights before the step, by path.
        weight_gradients: the gradients of the loss with regard to weights, by path; those that the step computes.
        logs: what the step returned.
    """

    uses: list[LayerUse] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    weight_gradients: dict[str, np.ndarray] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    _gradients: dict[int, dict[int, np.ndarray]] = field(default_factory=dict)

    def gradient(self, tensor: Any) -> np.ndarray | None:
        """The gradient of the loss with regard to a tensor of a layer; None where the loss does not depend on it, as
        where a cross-entropy uses the logits of an output (`by_logits`)."""
        of_losses = list(self._gradients.get(id(tensor), {}).values())
        return np.sum(of_losses, axis=0) if of_losses else None

    def by_logits(self, tensor: Any) -> np.ndarray | None:
        """The gradient of the loss with regard to the logits of an output that a sigmoid or a softmax has made of them,
        where the loss uses these; else None."""
        logits = logits_of(tensor)
        return None if logits is None or self.gradient(tensor) is not None else self.gradient(logits)

    def add_gradient(self, tensor: Any, gradient: np.ndarray, loss: int) -> None:
        """Keep a gradient. Those of several losses add up; of one, which `loss` names, the last counts."""
        self._gradients.setdefault(id(tensor), {})[loss] = gradient


def capture(model: Any, step: Callable[[Any], Any], batch: Any) -> Captured:
    """Run a step eagerly and keep what its layers do.

    Args:
        model: compiled and built. What the step does to its variables stays.
        step: its `train_step`, or a function that only calls it.
        batch: what the step gets, as tensors.
    """
    captured = Captured()
    captured.weights = {
        path: as_array(tf.convert_to_tensor(weight)) for path, weight in weights_by_path(model).items()
    }
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with _Watching(model, captured).watch():
            logs = step(batch)
    finally:
        tf.config.run_functions_eagerly(eagerly)
    if isinstance(logs, Mapping):
        captured.logs = {str(name): as_array(tf.convert_to_tensor(value)) for name, value in logs.items()}
    return captured


class _Watching:
    """Watches the calls of layers and the tapes."""

    def __init__(self, model: Any, captured: Captured) -> None:
        self._model = model
        self._captured = captured
        self._tapes: list[Any] = []
        self._calls: dict[str, int] = {}
        self._depth = 0
        self._scale = 1.0
        self._targets: dict[int, Any] = {}
        self._paths = {
            id(backend_value(weight)): path
            for path, weight in weights_by_path(model).items()
            if isinstance(weight, keras.Variable)
        }

    @contextmanager
    def watch(self) -> Iterator[None]:
        tape = tf.GradientTape
        with ExitStack() as stack:
            for path, layer in labelled_layers(self._model).items():
                if layer is not self._model:
                    self._replace(stack, layer, "call", functools.partial(self._call, path, layer))
            for optimizer in optimizers(self._model).values():
                self._replace(stack, optimizer, "scale_loss", self._scale_loss)
            stack.enter_context(_method(tape, "__enter__", self._enter))
            stack.enter_context(_method(tape, "__exit__", self._exit))
            stack.enter_context(_method(tape, "gradient", self._gradient))
            yield

    @staticmethod
    def _replace(stack: ExitStack, thing: Any, name: str, around: Callable[..., Any]) -> None:
        original = getattr(thing, name)

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return around(original, *args, **kwargs)

        stack.enter_context(attribute(thing, name, replacement))

    # ------------------------------------------------------------------ layers

    def _call(self, path: str, layer: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not tf.executing_eagerly():
            return original(*args, **kwargs)
        inputs = _arguments(original, args, kwargs)
        for tensor in inputs.values():
            self._follow(tensor)
        number = self._calls[path] = self._calls.get(path, 0) + 1
        use = LayerUse(path if number == 1 else f"{path}#{number}", layer, inputs, {}, self._depth)
        self._captured.uses.append(use)
        depth, self._depth = self._depth, self._depth + 1
        try:
            result = original(*args, **kwargs)
        finally:
            self._depth = depth
        use.outputs = _named("output", result)
        for tensor in use.outputs.values():
            self._follow(tensor)
        return result

    def _follow(self, tensor: Any) -> None:
        """Have the tapes keep the gradient of a tensor, also of one that no weight went into."""
        if tensor.dtype.is_floating:
            for tape in self._tapes:
                tape.watch(tensor)

    # ------------------------------------------------------------------ tapes

    def _enter(self, original: Callable[..., Any], tape: Any) -> Any:
        self._tapes.append(tape)
        return original(tape)

    def _exit(self, original: Callable[..., Any], tape: Any, *rest: Any) -> Any:
        self._tapes = [each for each in self._tapes if each is not tape]
        return original(tape, *rest)

    def _scale_loss(self, original: Callable[..., Any], loss: Any) -> Any:
        scaled = original(loss)
        # What is shown is the gradient of the loss itself.
        with np.errstate(all="ignore"):
            ratio = float(np.asarray(tf.cast(scaled, tf.float32)) / np.asarray(tf.cast(loss, tf.float32)))
        self._scale = ratio if np.isfinite(ratio) and ratio > 0 else 1.0
        return scaled

    def _gradient(
        self, original: Callable[..., Any], tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if not tf.executing_eagerly():  # inside of a Jacobian
            return original(tape, target, sources, *args, **kwargs)
        between = {
            id(tensor): tensor
            for use in self._captured.uses
            for tensor in (*use.inputs.values(), *_with_logits(use.outputs.values()))
            if tensor.dtype.is_floating
        }
        paths = [self._path_of(source) for source in tree.flatten(sources)]
        if not any(paths):  # such as the gradient by the inputs of a gradient penalty
            return original(tape, target, sources, *args, **kwargs)
        asked, more = original(tape, target, (sources, list(between.values())), *args, **kwargs)
        self._targets[id(target)] = target  # kept, so that no other one gets its id
        for tensor, gradient in zip(between.values(), more, strict=True):
            if gradient is not None:
                self._captured.add_gradient(
                    tensor, as_array(tf.convert_to_tensor(gradient)) / self._scale, id(target)
                )
        for path, gradient in zip(paths, _flat(asked), strict=False):
            if path is not None and gradient is not None:
                self._captured.weight_gradients[path] = as_array(tf.convert_to_tensor(gradient)) / self._scale
        return asked

    def _path_of(self, source: Any) -> str | None:
        return self._paths.get(id(backend_value(source) if isinstance(source, keras.Variable) else source))


def _with_logits(tensors: Iterable[Any]) -> Iterator[Any]:
    for tensor in tensors:
        yield tensor
        if (logits := logits_of(tensor)) is not None:
            yield logits


@contextmanager
def _method(cls: type, name: str, around: Callable[..., Any]) -> Iterator[None]:
    """While inside, a method of a class goes through a function around it."""
    original = getattr(cls, name)

    @functools.wraps(original)
    def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
        return around(original, self, *args, **kwargs)

    setattr(cls, name, replacement)
    try:
        yield
    finally:
        setattr(cls, name, original)


def _arguments(call: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    """The tensors among the arguments of a call, by name."""
    try:
        bound = inspect.signature(call).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {"inputs": args, **kwargs}
    found: dict[str, Any] = {}
    for name, value in bound.items():
        found |= _named(name, value)
    return found


def _named(name: str, value: Any) -> dict[str, Any]:
    tensors = [each for each in tree.flatten(value) if isinstance(each, tf.Tensor)]
    if len(tensors) == 1:
        return {name: tensors[0]}
    return {f"{name}[{at}]": each for at, each in enumerate(tensors)}


def _flat(gradients: Any) -> list[Any]:
    """Gradients in a list; one of an `Embedding`, which has parts, is one."""
    return list(tf.nest.flatten(gradients, expand_composites=False))
