"""Adapt preprocessing layers to the training rows, as `layer.adapt(rows)` does in plain Keras before training.

`Normalization`, `Discretization`, `StringLookup`, `IntegerLookup` and `TextVectorization` learn their state from data
in one go, which training does not do. In a stack or graph that happens when the layer is called for the first time:
what comes behind may depend on it (the size of a vocabulary). Layers inside other layers and models follow once the
whole model is built. A layer whose state its arguments give, or that comes from a file, is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from workbench.assembly.layers import sublayers
from workbench.assembly.structure import as_keras_takes
from workbench.errors import RecipeError, RecipeWarning
from workbench.keras_private import lookup_layer
from workbench.sentence import short_message
from workbench.storage import draws

_LOOKUPS = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)
_HOOK = "compute_output_spec"  # what a layer's first call on symbols comes to, once it is built

Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Rows:
    """The training rows.

    Attributes:
        batches: the inputs by name, some rows at a time.
        whole: whether they are in memory, so that a layer may get all it is to see at once.
    """

    batches: Callable[[], Iterator[Inputs]]
    whole: bool


class Adapter:
    """Adapts the layers of one recipe's model, each time that this is built in the same way.

    Args:
        rows: the training rows.
        states: what was found before, in the order in which the layers were adapted.

    Attributes:
        states: what was found, as JSON data.
        error: why a layer could not be adapted. Keras puts words of its own around what is raised inside a call.
    """

    def __init__(self, rows: Rows, states: list[dict[str, Any]] | None = None) -> None:
        self._rows = rows
        self.states = list(states or ())
        self.error: RecipeError | None = None
        self._next = 0
        self._left: set[int] = set()
        self._inner = False

    def summary(self) -> str:
        """Which layers were adapted, in one line for people."""
        named = ", ".join(f"'{state.get('layer')}' ({state.get('class')})" for state in self.states)
        return f"adapted to the training rows: {named}"

    def begin(self) -> None:
        """A model is going to be built."""
        self.error = None
        self._next = 0
        self._left = set()

    @contextmanager
    def inner_model(self) -> Iterator[None]:
        """Meanwhile a model inside the model is made, whose inputs are others."""
        outer, self._inner = self._inner, True
        try:
            yield
        finally:
            self._inner = outer

    def watch(self, made: Any) -> None:
        """A layer was made: it is adapted when it is called."""
        if self._inner or not isinstance(made, keras.Layer) or not needs_adapting(made):
            return
        whole = getattr(made, _HOOK)

        def first_call(*args: Any, **kwargs: Any) -> Any:
            object.__delattr__(made, _HOOK)
            given = args[0] if args else next(iter(kwargs.values()), None)
            sources = keras.utils.get_source_inputs(given) if isinstance(given, keras.KerasTensor) else []
            if sources and needs_adapting(made):
                self._adapt(made, lambda: self._through(sources, given))
            return whole(*args, **kwargs)

        object.__setattr__(made, _HOOK, first_call)

    def leave(self, model: Any) -> None:
        """A model comes from a file, with its state."""
        self._left |= {id(layer) for layer in sublayers(model)}

    def rest(self, model: Any, pack: Callable[[Inputs], Any]) -> None:
        """Adapt what is inside the layers of a built model.

        Args:
            pack: the inputs in the form that the model is called with.
        """
        while waiting := [each for each in sublayers(model) if self.is_waiting(each)]:
            first = next(_reached(model, waiting, map(pack, self._rows.batches())), None)
            if first is None:
                return  # not by the model's inputs: `not_adapted` reports it
            layer = first[0]
            self._left.add(id(layer))
            self._adapt(layer, lambda layer=layer: self._to(layer, model, pack))  # type: ignore[misc]

    def is_waiting(self, layer: Any) -> bool:
        """True if a layer is not from a file, and was not adapted."""
        return id(layer) not in self._left and needs_adapting(layer)

    def _adapt(self, layer: Any, seen: Callable[[], Iterator[Any]]) -> None:
        kind = type(layer).__name__
        if self._next < len(self.states) and self.states[self._next].get("class") == kind:
            _restore(layer, self.states[self._next])
        else:
            try:
                with draws.kept():
                    layer.adapt(np.concatenate(list(seen())) if self._rows.whole else _Again(seen))
            except Exception as error:  # what it is given may be of the wrong type or shape
                self.error = RecipeError(
                    f"'{layer.name}' ({kind}) cannot be adapted to the training rows: {short_message(error)}.",
                    where="model",
                )
                raise self.error from error
            self.states[self._next :] = [_state(layer)]
        self._next += 1

    def _through(self, sources: list[Any], given: Any) -> Iterator[np.ndarray]:
        """What comes out of a graph that begins at inputs of the model."""
        names = [source.name for source in sources]
        function = None if len(sources) == 1 and sources[0] is given else keras.Function(sources, given)
        for inputs in self._rows.batches():
            if function is None:
                yield inputs[names[0]]
                continue
            inputs = as_keras_takes(inputs)
            tensors = [keras.ops.convert_to_tensor(inputs[name]) for name in names]
            yield np.asarray(keras.ops.convert_to_numpy(function(tensors)))

    def _to(self, layer: Any, model: Any, pack: Callable[[Inputs], Any]) -> Iterator[np.ndarray]:
        """What a layer inside a model is given."""
        for _, tensor in _reached(model, [layer], map(pack, self._rows.batches())):
            yield np.asarray(keras.ops.convert_to_numpy(tensor))


def needs_adapting(layer: Any) -> bool:
    """True if a layer learns its state from data, and has none."""
    if isinstance(layer, keras.layers.Normalization):
        if layer.input_mean is not None:
            return False
        return not layer.built or _is_identity(layer)
    if isinstance(layer, keras.layers.Discretization):
        return layer.bin_boundaries is None
    if isinstance(layer, _LOOKUPS):
        return not len(layer.get_vocabulary(include_special_tokens=False))
    return False


def not_adapted(model: Any, adapter: Adapter) -> Iterator[RecipeWarning]:
    """Warnings for layers of a built model that could not be adapted."""
    for layer in sublayers(model):
        if adapter.is_waiting(layer):
            yield RecipeWarning(
                f"'{layer.name}' ({type(layer).__name__}) is not adapted to the data: the model's inputs do not lead "
                "to it. Give it its state by its arguments.",
                "model",
            )


def lost_vocabularies(model: Any, save: Iterable[str]) -> Iterator[RecipeWarning]:
    """Warnings for files that kwb reads back, and plain Keras without the state that its layers were adapted to."""
    adapted = [each for each in sublayers(model) if isinstance(each, _LOOKUPS) and not needs_adapting(each)]
    for number, path in enumerate(save):
        if adapted and path.endswith(".h5") and not path.endswith(".weights.h5"):
            yield RecipeWarning(
                f"plain Keras reads an .h5 file without the vocabulary of '{adapted[0].name}', and fails at its first "
                "use; kwb reads it whole, and both read a .keras file.",
                f"save[{number}]",
            )


class _Again:
    """Batches that can be gone through more than once."""

    def __init__(self, batches: Callable[[], Iterator[Any]]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        return self._batches()


class _ReachedError(BaseException):
    """A call has come to a layer that is looked for. Keras wraps no exception of this kind."""

    def __init__(self, layer: Any, given: Any) -> None:
        super().__init__()
        self.layer, self.given = layer, given


def _reached(model: Any, layers: list[Any], batches: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
    """For each batch the layer that a call comes to first, and what that is given."""

    def stop_at(layer: Any) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            raise _ReachedError(layer, args[0] if args else next(iter(kwargs.values())))

        return call

    for batch in batches:
        for layer in layers:
            object.__setattr__(layer, "call", stop_at(layer))
        try:
            with draws.kept():
                model(batch, training=False)
        except _ReachedError as reached:
            yield reached.layer, reached.given
        else:
            return
        finally:
            for layer in layers:
                object.__delattr__(layer, "call")


def _is_identity(layer: Any) -> bool:
    mean, variance = (
        np.asarray(keras.ops.convert_to_numpy(v)) for v in (layer.adapt_mean, layer.adapt_variance)
    )
    return not np.any(mean) and bool(np.all(variance == 1))


def _state(layer: Any) -> dict[str, Any]:
    state: dict[str, Any] = {"layer": layer.name, "class": type(layer).__name__}
    if isinstance(layer, keras.layers.Normalization):
        for name in ("adapt_mean", "adapt_variance"):
            state[name] = np.asarray(keras.ops.convert_to_numpy(getattr(layer, name))).tolist()
    elif isinstance(layer, keras.layers.Discretization):
        state["bin_boundaries"] = list(layer.bin_boundaries)
    else:
        lookup = lookup_layer(layer)
        state["vocabulary"] = [_plain(token) for token in layer.get_vocabulary(include_special_tokens=False)]
        if lookup.output_mode == "tf_idf":
            state["idf_weights"] = np.asarray(lookup.idf_weights_const).tolist()
    return state


def _plain(token: Any) -> Any:
    return token.item() if isinstance(token, np.generic) else token


def _restore(layer: Any, state: Mapping[str, Any]) -> None:
    if isinstance(layer, keras.layers.Normalization):
        layer.adapt_mean.assign(np.asarray(state["adapt_mean"], "float32"))
        layer.adapt_variance.assign(np.asarray(state["adapt_variance"], "float32"))
        layer.finalize_state()
    elif isinstance(layer, keras.layers.Discretization):
        layer.bin_boundaries = list(state["bin_boundaries"])
    elif (weights := state.get("idf_weights")) is not None:
        # Those of the tokens that stand for others come first; Keras makes them itself.
        layer.set_vocabulary(state["vocabulary"], idf_weights=weights[-len(state["vocabulary"]) :])
    else:
        layer.set_vocabulary(state["vocabulary"])
