"""Build form 3 of a model: a graph (`model.graph`), in Keras' functional syntax."""

from __future__ import annotations

import inspect
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
from workbench.recipe.schema import Graph, Use


def build_graph(
    spec: Graph, inputs: Mapping[str, InputSpec], maker: Maker, name: str, on_built: OnBuilt
) -> Any:
    """A `keras.Model` with a dict of inputs and, where there are several, a dict of outputs.

    On an error, the layers before it were built and reported.

    Raises:
        RecipeError: a line cannot be read, names what is not there, or a layer in it cannot take what
            it is given. `where` names the line.
    """
    lines = [parse_line(text, f"model.graph[{index}]") for index, text in enumerate(spec.graph)]
    builder = _Builder(spec, inputs, maker, on_built)
    for index, line in enumerate(lines):
        builder.run(line, f"model.graph[{index}]")
    outputs = {output: builder.tensor(output, "model.outputs") for output in spec.outputs}
    builder.refuse_unused()
    tensors = builder.inputs
    try:
        return keras.Model(
            inputs=tensors if len(tensors) > 1 else next(iter(tensors.values())),
            outputs=outputs if len(outputs) > 1 else next(iter(outputs.values())),
            name=name,
        )
    except (ValueError, RuntimeError) as error:
        raise call_error("the graph", [t.shape for t in tensors.values()], error, "model.graph") from error


class _Builder:
    """Holds the named tensors and layers so far, and the recipe key of each."""

    def __init__(self, spec: Graph, inputs: Mapping[str, InputSpec], maker: Maker, on_built: OnBuilt) -> None:
        self.maker = maker
        self.on_built = on_built
        self.names = LayerNames(spec.inputs)
        self.tensors: dict[str, Any] = {}
        self.sources: dict[str, str] = {name: f"model.inputs.{name}" for name in spec.inputs}
        self.unused: dict[str, str] = {key: name for name, key in self.sources.items()}
        self.layers: dict[str, Any] = {}
        self.entries: dict[str, Entry | None] = {}
        for input_name, shape in spec.inputs.items():
            given = self._given(input_name, shape, inputs)
            self.tensors[input_name] = given.symbol(input_name, shape)
        self.inputs = dict(self.tensors)
        for extra in inputs:
            if extra not in spec.inputs:
                raise RecipeError(
                    f"the data's input '{extra}' is no input of the graph ({', '.join(spec.inputs)}).",
                    where="model.inputs",
                    hint=did_you_mean(extra, spec.inputs),
                )
        for layer_name, item in spec.layers.items():
            where = f"model.layers.{layer_name}"
            if isinstance(item, Use):
                self.entries[layer_name] = maker.entry(Kind.LAYER, item, where)
                # The recipe's own name for the layer is the one to find it by later.
                item = Use.model_validate({"name": layer_name} | item.model_dump())
            else:
                self.entries[layer_name] = None
                item = item.model_copy(update={"name": item.name or layer_name})
            layer = maker.layer(item, where)
            self.names.take(layer, given=True, where=where)
            self.layers[layer_name] = layer
            self.unused[where] = layer_name
            on_built(where, layer, None)

    def _given(self, name: str, shape: tuple[int | None, ...], inputs: Mapping[str, InputSpec]) -> InputSpec:
        where = f"model.inputs.{name}"
        if name not in inputs:
            hint = did_you_mean(name, inputs) or "Name the data's inputs like the graph's (data.inputs)."
            raise RecipeError(
                f"the data has no input '{name}' ({', '.join(inputs)}).", where=where, hint=hint
            )
        given = inputs[name]
        fits = len(shape) == len(given.shape) and all(
            a is None or b is None or a == b for a, b in zip(shape, given.shape, strict=True)
        )
        if not fits:
            raise RecipeError(
                f"the graph says {list(shape)}, the data has {list(given.shape)}.",
                where=where,
                hint="Shapes are without the batch axis.",
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
            if key.startswith("model.graph"):
                what, hint = f"nothing uses the output of this line ('{name}').", "Use it, or leave it out."
            else:
                what, hint = f"no line of the graph uses '{name}'.", ""
            raise RecipeError(what, where=key, hint=hint)

    def _apply(self, call: Apply, where: str) -> Any:
        inputs = [self._value(item, where) for item in call.inputs]
        keywords = {key: self._value(item, where) for key, item in call.keywords}
        layer, entry = self._layer(call.layer, where)
        flat = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], tuple) else inputs
        if entry is not None and entry.inputs is not None and not keywords and len(flat) != entry.inputs:
            raise arity_error(entry, len(flat), where, in_stack=False)
        arguments = [list(item) if isinstance(item, tuple) else item for item in inputs]
        if len(arguments) > 1 and _tensors_of_call(layer) == 1:
            arguments = [arguments]  # as `call(self, inputs)` unpacks them
        try:
            result = layer(*arguments, **keywords)
        except (KeyboardInterrupt, WorkbenchError):
            raise
        except BaseException as error:  # plugin code: SystemExit included
            given = keras.tree.flatten([arguments, keywords])
            shapes = [tensor.shape for tensor in given if hasattr(tensor, "shape")]
            raise call_error(
                self._label(call), shapes[0] if len(shapes) == 1 else shapes, error, where
            ) from error
        self.on_built(where, layer, result)
        return result

    def _layer(self, spec: Make | str, where: str) -> tuple[Any, Entry | None]:
        if isinstance(spec, Make):
            layer = self.maker.layer(spec, where)
            self.names.take(layer, given="name" in dict(spec.keywords), where=where)
            return layer, self.maker.entry(Kind.LAYER, spec, where)
        if spec in self.layers:
            self.unused.pop(f"model.layers.{spec}", None)
            return self.layers[spec], self.entries[spec]
        if spec in self.tensors:
            raise RecipeError(f"'{spec}' is a tensor and cannot be called.", where=where)
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


def _tensors_of_call(layer: Any) -> int:
    """How many tensors `call` needs by position: its arguments without a default."""
    parameters = inspect.signature(layer.call).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 2  # any number
    return sum(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters
    )
