"""Build form 3 of a model: a graph, in Keras' functional syntax."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

import keras

from workbench.assembly.errors import arity_error, call_error
from workbench.assembly.make import Maker, OnBuilt
from workbench.assembly.names import LayerNames
from workbench.assembly.structure import InputSpec
from workbench.catalog import Entry, Kind
from workbench.errors import RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.graph import Apply, Line, Make, Ref, parse_line
from workbench.recipe.model_schema import OF_DATA, Graph, OfData, Use
from workbench.recipe.names import layers_named


def build_graph(
    spec: Graph,
    inputs: Mapping[str, InputSpec] | None,
    maker: Maker,
    name: str | None,
    on_built: OnBuilt,
    key: str = "model",
) -> Any:
    """A `keras.Model` with a dict of inputs and, where there are several, a dict of outputs.

    On an error, the layers before it were built and reported.

    Args:
        inputs: the data's, which the model's are to be; None for a model inside another thing: that one is called on
            its inputs by position, and returns a list where it has several outputs.
        key: the recipe's key of the model.

    Raises:
        RecipeError: a line cannot be read, names what is not there, or a layer in it cannot take what
            it is given. `where` names the line.
    """
    lines = [parse_line(text, f"{key}.graph[{index}]") for index, text in enumerate(spec.graph)]
    builder = _Builder(spec, inputs, maker, on_built, key)
    with maker.sharing(builder.layers):
        builder.make_layers(spec)
        for index, line in enumerate(lines):
            builder.run(line, f"{key}.graph[{index}]")
    outputs = {output: builder.tensor(output, f"{key}.outputs") for output in spec.outputs}
    builder.refuse_unused()
    tensors = builder.inputs
    try:
        return keras.Model(
            inputs=_structured(tensors, by_name=inputs is not None),
            outputs=_structured(outputs, by_name=inputs is not None),
            name=name,
        )
    except (ValueError, RuntimeError) as error:
        shapes = [tensor.shape for tensor in tensors.values()]
        raise call_error("the graph", shapes, error, f"{key}.graph") from error


def _structured(tensors: Mapping[str, Any], *, by_name: bool) -> Any:
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    return dict(tensors) if by_name else list(tensors.values())


class _Builder:
    """Holds the named tensors and layers so far, and the recipe key of each."""

    def __init__(
        self,
        spec: Graph,
        inputs: Mapping[str, InputSpec] | None,
        maker: Maker,
        on_built: OnBuilt,
        key: str,
    ) -> None:
        self.maker = maker
        self.on_built = on_built
        self.key = key
        self.names = LayerNames(spec.inputs)
        self.tensors: dict[str, Any] = {}
        self.sources: dict[str, str] = {name: f"{key}.inputs.{name}" for name in spec.inputs}
        self.unused: dict[str, str] = {key: name for name, key in self.sources.items()}
        self.layers: dict[str, Any] = {}
        self.entries: dict[str, Entry | None] = {}
        for input_name, shape in spec.inputs.items():
            given = self._given(input_name, shape, inputs)
            self.tensors[input_name] = given.symbol(input_name, None if shape == OF_DATA else shape)
        self.inputs = dict(self.tensors)
        for extra in inputs or ():
            if extra not in spec.inputs:
                raise RecipeError(
                    f"the data's input '{extra}' is no input of the graph ({', '.join(spec.inputs)}).",
                    where=f"{key}.inputs",
                    hint=did_you_mean(extra, spec.inputs)
                    or f"Add `{extra}: data` there and a line that uses it; whole numbers go through an Embedding.",
                )

    def make_layers(self, spec: Graph) -> None:
        """Make the layers that have names, in their order: one may be an argument of a later one."""
        for layer_name, item in spec.layers.items():
            where = f"{self.key}.layers.{layer_name}"
            shared = isinstance(item, Use) and self.maker.shared(item.use) is not None
            self.entries[layer_name] = None
            if isinstance(item, Use) and not shared:
                self.entries[layer_name] = self.maker.entry(Kind.LAYER, item, where)
                # The recipe's own name for the layer is the one to find it by later.
                item = Use.model_validate({"name": layer_name} | item.model_dump())
            elif not isinstance(item, Use):
                item = item.model_copy(update={"name": item.name or layer_name})
            self._uses_in(item, where)
            layer = self.maker.layer(item, where)
            if not shared:
                self.names.take(layer, given=True, where=where)
            self.layers[layer_name] = layer
            self.unused[where] = layer_name
            self.on_built(where, layer, None)

    def _given(
        self, name: str, shape: tuple[int | None, ...] | OfData, inputs: Mapping[str, InputSpec] | None
    ) -> InputSpec:
        where = f"{self.key}.inputs.{name}"
        if inputs is None:
            if shape == OF_DATA:
                raise RecipeError(
                    "only the inputs of the whole model have shapes that the data gives.",
                    where=where,
                    hint="Give the shape, as in [8].",
                )
            return InputSpec(shape)
        if name not in inputs:
            hint = did_you_mean(name, inputs) or "Name the data's inputs like the graph's (data.inputs)."
            raise RecipeError(
                f"the data has no input '{name}' ({', '.join(inputs)}).", where=where, hint=hint
            )
        given = inputs[name]
        if shape == OF_DATA:
            return given
        fits = len(shape) == len(given.shape) and all(
            a is None or b is None or a == b for a, b in zip(shape, given.shape, strict=True)
        )
        if not fits:
            raise RecipeError(
                f"the graph says {list(shape)}, the data has {list(given.shape)}.",
                where=where,
                hint=f"`{name}: data` takes the data's shape. Shapes are without the batch axis.",
            )
        return given

    def run(self, line: Line, where: str) -> None:
        """Carry out one line and name its results."""
        for target in line.targets:
            if target in self.layers:
                raise RecipeError(f"'{target}' is the name of a layer already.", where=where)
        result = self._apply(line.value, where)
        self.unused[where] = ", ".join(line.targets)
        self.sources |= dict.fromkeys(line.targets, where)
        if len(line.targets) == 1:
            if isinstance(result, list | tuple):
                label = self._label(line.value)
                raise RecipeError(
                    f"{label} has {len(result)} outputs; 1 name is given.",
                    where=where,
                    hint=f"Name them all, as in `{', '.join('abcdefgh'[: len(result)])} = ...`.",
                )
            self.tensors[line.targets[0]] = result
            return
        results = list(result) if isinstance(result, list | tuple) else [result]
        if len(results) != len(line.targets):
            count = "1 output" if len(results) == 1 else f"{len(results)} outputs"
            raise RecipeError(
                f"{self._label(line.value)} has {count}; {len(line.targets)} names are given.",
                where=where,
            )
        self.tensors.update(zip(line.targets, results, strict=True))

    def tensor(self, name: str, where: str) -> Any:
        """A tensor by name."""
        if name in self.tensors:
            self.unused.pop(self.sources[name], None)
            return self.tensors[name]
        if name in self.layers:
            raise RecipeError(f"'{name}' is a layer; call it on a tensor: `y = {name}(x)`.", where=where)
        hint = did_you_mean(name, self.tensors) or f"So far there are: {', '.join(self.tensors)}."
        raise RecipeError(f"no tensor is called '{name}' here.", where=where, hint=hint)

    def refuse_unused(self) -> None:
        """Refuse what leads nowhere: it would be left out of the model without a word.

        Of a line's several results one is enough.
        """
        for key, name in self.unused.items():
            if key.startswith(f"{self.key}.graph"):
                what, hint = f"nothing uses the output of this line ('{name}').", "Use it, or leave it out."
            else:
                what, hint = f"no line of the graph uses '{name}'.", ""
            raise RecipeError(what, where=key, hint=hint)

    def _apply(self, call: Apply, where: str) -> Any:
        inputs = [self._value(item, where) for item in call.inputs]
        keywords = {key: self._value(item, where) for key, item in call.keywords}
        layer, entry = self._layer(call.layer, where)
        flat = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], tuple) else inputs
        arguments = [list(item) if isinstance(item, tuple) else item for item in inputs]
        keywords = {key: list(item) if isinstance(item, tuple) else item for key, item in keywords.items()}
        least, most = _tensors_of_call(layer)
        binds = 1 < len(flat) == len(inputs) and least <= len(flat) <= most
        other = entry is not None and entry.inputs not in (None, len(flat))
        if entry is not None and other and not binds and not keywords:
            raise arity_error(entry, len(flat), where, in_stack=False)
        if len(arguments) > max(most, 1):
            arguments = [arguments]  # as `call(self, inputs)` unpacks them
        try:
            with self.maker.sites.watch():
                result = layer(*arguments, **keywords)
        except (KeyboardInterrupt, WorkbenchError):
            raise
        except BaseException as error:  # plugin code: SystemExit included
            given = keras.tree.flatten([arguments, keywords])
            shapes = [tensor.shape for tensor in given if hasattr(tensor, "shape")]
            raise self.maker.sites.error(
                layer, self._label(call), shapes[0] if len(shapes) == 1 else shapes, error, where
            ) from error
        self.on_built(where, layer, result)
        return result

    def _used(self, name: str) -> None:
        self.unused.pop(f"{self.key}.layers.{name}", None)

    def _uses_in(self, value: Any, where: str) -> None:
        """Note the named layers that stand among the arguments of another."""
        for name in layers_named(value):
            self._used(name)

    def _layer(self, spec: Make | str, where: str) -> tuple[Any, Entry | None]:
        if isinstance(spec, Make):
            self._uses_in(spec, where)
            layer = self.maker.layer(spec, where)
            self.names.take(layer, given="name" in dict(spec.keywords), where=where)
            of_entry = spec.name != "Sequential"
            return layer, self.maker.entry(Kind.LAYER, spec, where) if of_entry else None
        if spec in self.layers:
            self._used(spec)
            return self.layers[spec], self.entries[spec]
        if spec in self.tensors:
            raise RecipeError(f"'{spec}' is a tensor and cannot be called.", where=where)
        if (shared := self.maker.shared(spec)) is not None:
            return shared, None
        try:
            self.maker.entry(Kind.LAYER, Use(use=spec), where)
        except RecipeError:
            hint = did_you_mean(spec, self.layers) or "Name it under `model.layers`."
            raise RecipeError(f"no layer is named '{spec}' here.", where=where, hint=hint) from None
        raise RecipeError(
            f"'{spec}' must be made before it is called.", where=where, hint=f"As in `y = {spec}(...)(x)`."
        )

    def _value(self, item: Any, where: str) -> Any:
        if isinstance(item, Ref):
            return self.tensor(item.name, where)
        if isinstance(item, Apply):
            return self._apply(item, where)
        if isinstance(item, tuple):
            return tuple(self._value(part, where) for part in item)
        return item

    def _label(self, call: Apply) -> str:
        if isinstance(call.layer, Make):
            return call.layer.name
        entry = self.entries.get(call.layer)
        return f"{call.layer} ({entry.name})" if entry else call.layer


def _tensors_of_call(layer: Any) -> tuple[int, int]:
    """How many tensors `call` needs by position, and how many it can have.

    An argument with the default None may be a tensor; a switch, a mask and what Keras fills in itself are none.
    """
    least = most = 0
    for parameter in inspect.signature(layer.call).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return least, sys.maxsize
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            break
        if parameter.default is parameter.empty:
            least += 1
        elif parameter.default is not None or parameter.name in ("mask", "training"):
            break
        most += 1
    return least, most
