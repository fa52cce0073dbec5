"""Build a recipe's `keras.Model`, in whichever form it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workbench.assembly.adapting import Adapter
from workbench.assembly.errors import model_arity_error
from workbench.assembly.forms import maker_of
from workbench.assembly.graph import build_graph
from workbench.assembly.make import LoadModel, Maker, OnBuilt
from workbench.assembly.own_training import has_own, lacks_call
from workbench.assembly.stack import build_stack
from workbench.assembly.stateful import static_batch
from workbench.assembly.structure import Form, InputSpec, Structure, input_structure, output_structure
from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.document import Document
from workbench.recipe.model_schema import Graph, Load, Sequential, Use
from workbench.recipe.schema import Recipe

# A batch of the training data, by input name.
Rows = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Assembly:
    """A built model, and how the data's named inputs and targets fit its inputs and outputs.

    Attributes:
        outputs: its outputs for symbolic inputs, by output name; none for a model that cannot be called.
    """

    model: Any
    structure: Structure
    maker: Maker
    outputs: Mapping[str, Any]


def assemble(
    document: Document,
    catalog: Catalog,
    inputs: Mapping[str, InputSpec],
    targets: Sequence[str],
    *,
    load_model: LoadModel,
    load_weights: Any,
    rows: Rows = dict,
    on_built: OnBuilt = lambda key, layer, result: None,
    adapter: Adapter | None = None,
) -> Assembly:
    """Build the model of a recipe.

    Args:
        document: the recipe.
        catalog: where its names are looked up.
        inputs: the data's inputs by name.
        targets: the data's targets by name.
        load_model: reads a saved model (`{load: file}`).
        load_weights: `(model, path)`, reads weights into a model (`weights: file`).
        rows: gives a batch of the training data by input name, for a model that is built by nothing else.
        on_built: called for each layer of a stack or graph; on an error, for those before it.
        adapter: adapts preprocessing layers to the training rows.

    Raises:
        RecipeError: the recipe cannot be built; `where` is the key.
        FileError: a saved file that it names is refused.
    """
    recipe = document.recipe
    maker = maker_of(catalog, document.find, load_model, on_built)
    maker.adapter = adapter
    make = partial(_make, document, inputs, maker, on_built)
    try:
        model = make()
    except WorkbenchError as error:
        raise ((adapter.error if adapter else None) or error) from error.__cause__
    try:
        structure, outputs = _connect(model, inputs, targets, recipe, maker, rows)
    except RecipeError as error:
        if not isinstance(recipe.model, Use) or error.__cause__ is None:
            raise
        # A class does not declare how it gets its inputs: one that fails this way may need them by name.
        model = make()
        try:
            structure, outputs = _connect(model, inputs, targets, recipe, maker, rows, by_name=True)
        except RecipeError as second:
            # What a tuple says to inputs["name"].
            takes_names = "indices must be integers" in str(error.__cause__)
            failure = second if takes_names else error
            raise failure from failure.__cause__
    if adapter is not None and not lacks_call(model):
        adapter.rest(model, structure.pack_inputs)
    if recipe.weights is not None:
        path = document.find(recipe.weights)
        if not path.exists():
            raise RecipeError(f"there is no file '{recipe.weights}'.", where="weights")
        load_weights(model, Path(path))
    named = {} if lacks_call(model) else structure.unpack_outputs(outputs)
    return Assembly(model, structure, maker, named)


def _make(document: Document, inputs: Mapping[str, InputSpec], maker: Maker, on_built: OnBuilt) -> Any:
    """The model, not yet connected to its inputs."""
    recipe = document.recipe
    if maker.adapter is not None:
        maker.adapter.begin()
    keras.utils.clear_session()  # layer names count from the start, however many models came before
    keras.config.set_dtype_policy(_policy(recipe.train.dtype))
    # Right before the first layer, so that the weights are those of the same class written by hand.
    keras.utils.set_random_seed(recipe.seed)
    for label, item in recipe.layers.items():
        layer = maker.layer(_called(item, label), f"layers.{label}")
        maker.share(label, layer)
        on_built(f"layers.{label}", layer, None)
    name = re.sub(r"\W", "_", recipe.name, flags=re.ASCII)  # TensorFlow makes a scope of it
    match recipe.model:
        case Sequential() as stack:
            return build_stack(stack, inputs, maker, name, on_built)
        case Graph() as graph:
            return build_graph(graph, inputs, maker, name, on_built)
        case Load() as load:
            return maker.load(load, "model.load", compile=True)
        case Use() as use:
            entry = maker.entry(Kind.MODEL, use, "model")
            if entry.inputs is not None and entry.inputs != len(inputs):
                raise model_arity_error(entry, tuple(inputs))
            return maker.make(Kind.MODEL, use, "model")


def _called(item: Any, name: str) -> Any:
    """A layer of the recipe with the name that the recipe has for it."""
    if isinstance(item, Use):
        return Use.model_validate({"name": name} | item.model_dump())
    return item.model_copy(update={"name": item.name or name})


def _policy(dtype: str | None) -> Any:
    try:
        return keras.dtype_policies.get(dtype or "float32")
    except ValueError:
        raise RecipeError(
            f"there is no dtype policy '{dtype}'.",
            where="train.dtype",
            hint="float32, mixed_bfloat16, mixed_float16 ...",
        ) from None


def _connect(
    model: Any,
    inputs: Mapping[str, InputSpec],
    targets: Sequence[str],
    recipe: Recipe,
    maker: Maker,
    rows: Rows,
    *,
    by_name: bool = False,
) -> tuple[Structure, Any]:
    """Call the model on symbolic tensors: that builds it, and shows what it returns. One that cannot be called is left
    to its first step.

    Raises:
        RecipeError: it cannot be called so (then with a cause), or the data does not fit it.
    """
    input_form, input_names = input_structure(model, inputs, "model")
    if by_name:
        input_form = "dict"
    if lacks_call(model):
        if not has_own(model, "train_step"):
            name = type(model).__name__
            raise RecipeError(
                f"{name} has neither a call() nor a train_step: it cannot be trained.", where="model"
            )
        return Structure(input_form, input_names, "one" if len(targets) < 2 else "tuple", tuple(targets)), {}
    tensors = {
        name: replace(inputs[name], batch=static_batch(model) or inputs[name].batch).symbol(name)
        for name in input_names
    }
    packed = Structure(input_form, input_names, "one", ()).pack_inputs(tensors)
    try:
        with maker.sites.watch():
            outputs = model(packed)
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as error:  # plugin code: SystemExit included
        form = Structure(input_form, input_names, "one", ())
        outputs = _called_in_training(model, form.pack_inputs, tensors, rows, eager=recipe.train.run_eagerly)
        if outputs is not None:
            return _with_outputs(model, outputs, targets, recipe.model, input_form, input_names)
        spec = recipe.model
        label = spec.use if isinstance(spec, Use) else getattr(spec, "load", "the model")
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        given = shapes if len(shapes) > 1 else next(iter(shapes.values()))
        raise maker.sites.error(model, label, given, error, "model") from error
    return _with_outputs(model, outputs, targets, recipe.model, input_form, input_names)


def _called_in_training(
    model: Any,
    pack: Callable[[Mapping[str, Any]], Any],
    symbols: Mapping[str, Any],
    rows: Rows,
    *,
    eager: bool,
) -> Any:
    """What a model returns that Keras cannot call on symbols, called as its training will call it: in a traced step, or
    on real rows where training is eager or by a step of its own. None where it fails so as well."""
    by_itself = eager or has_own(model, "train_step")
    try:
        if by_itself:
            outputs = model(pack({name: tf.convert_to_tensor(array) for name, array in rows().items()}))
            return keras.tree.map_structure(
                lambda each: keras.KerasTensor((None, *each.shape[1:]), each.dtype), outputs
            )
        specs = {name: tf.TensorSpec(each.shape, each.dtype) for name, each in symbols.items()}
        traced = tf.function(lambda given: model(given), autograph=False).get_concrete_function(pack(specs))
        return keras.tree.map_structure(
            lambda each: keras.KerasTensor(each.shape, each.dtype), traced.structured_outputs
        )
    except Exception:  # the model's own code
        return None


def _with_outputs(
    model: Any,
    outputs: Any,
    targets: Sequence[str],
    spec: Any,
    input_form: Form,
    input_names: tuple[str, ...],
) -> tuple[Structure, Any]:
    """How the data fits what a model returned."""
    output_form, output_names = output_structure(
        outputs, targets, "model", getattr(model, "output_names", None) or ()
    )
    if isinstance(spec, Graph) and output_form == "one":
        output_names = tuple(spec.outputs)  # what the recipe calls it, in `loss: {price: mse}` too
    return Structure(input_form, input_names, output_form, output_names), outputs
