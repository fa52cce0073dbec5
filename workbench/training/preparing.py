"""Prepare a run: read the data, build and compile the model. Errors that can be found before training are found
here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench import events
from workbench.assembly.adapting import Adapter, lost_vocabularies, not_adapted
from workbench.assembly.compile import compile_model, make_callbacks
from workbench.assembly.losses import TargetSpec, check_losses, check_metrics
from workbench.assembly.make import OnBuilt
from workbench.assembly.model import Assembly, assemble
from workbench.assembly.own_training import can_evaluate, lacks_call
from workbench.assembly.stateful import batch_of, check_batches, static_batch
from workbench.assembly.structure import InputSpec
from workbench.atomic import check_writable
from workbench.catalog.lookup import Catalog
from workbench.data import loading
from workbench.data.lazy import LazyRows
from workbench.data.preparation import Part, Preparation
from workbench.data.weights import class_weights
from workbench.errors import FileError, OutOfMemoryError, RecipeError, RecipeWarning, WorkbenchError
from workbench.keras_private import compiled_with, learning_rate_of
from workbench.recipe.document import Document
from workbench.recipe.model_schema import Load
from workbench.recipe.names import about_hidden
from workbench.recipe.reach import reach
from workbench.recipe.schema import Recipe
from workbench.storage import formats, structure
from workbench.storage.checked_files import CheckedFiles
from workbench.storage.optimizers import optimizers
from workbench.training import feeding
from workbench.training.accumulation_checks import check_accumulation
from workbench.training.adapted_states import adapter_for
from workbench.training.augmenting import Augmenter, make_augmenter
from workbench.training.building import arrays, build, step_batch
from workbench.training.callback_checks import check_rates, check_watched
from workbench.training.engines import Arrays, Stream
from workbench.training.own_units import OwnUnits
from workbench.training.unit_checks import unit_warnings
from workbench.training.worker_checks import check_model, check_recipe

LARGEST_PROBE = 512  # rows of a batch that predictions are compared on

_SCHEDULE = keras.optimizers.schedules.LearningRateSchedule


PROBED_ROWS = 1_000  # of a stream, to see how large its targets are


@dataclass(frozen=True)
class PreparedRun:
    """A recipe prepared for training: its data is read, its model built and compiled.

    Attributes:
        warnings: what is likely not meant so, and what was not as it should be of the files that are loaded.
        adapter: has adapted the model's preprocessing layers.
        augmenter: changes the pictures of training batches; one of the callbacks too.
    """

    document: Document
    prepared: loading.Prepared | loading.Streamed
    assembly: Assembly
    callbacks: Sequence[Any]
    warnings: Sequence[RecipeWarning] = ()
    adapter: Adapter | None = None
    augmenter: Augmenter | None = None

    @property
    def model(self) -> Any:
        return self.assembly.model

    @property
    def steps(self) -> int:
        """The steps of an epoch."""
        return -(-self.prepared.train.rows // self.document.recipe.train.batch_size)

    def feed(self, part: loading.Rows, *, shuffled: bool = False) -> Arrays | Stream:
        """A part of the data as the engines take it: in memory, or batch by batch.

        Args:
            part: rows.
            shuffled: whether a stream draws an order for each epoch. For arrays the engine does that.
        """
        recipe = self.document.recipe
        seed = recipe.seed if shuffled else None
        return feeding.feed(part, self.arrays, recipe.train.batch_size, seed=seed)

    def units(self) -> OwnUnits:
        """Gives metrics numbers in the targets' own units."""
        return OwnUnits.of(self.model, self.assembly.structure.outputs, self.prepared.preparation)

    def probe(self, rows: int) -> Any:
        """The inputs of the first training rows, to compare predictions on; None for a model that cannot be called.

        Args:
            rows: how many, for batches too large to be tried; else a batch of them, which is all some models take.
        """
        size = self.document.recipe.train.batch_size
        rows = size if size <= LARGEST_PROBE or static_batch(self.model) else rows
        if lacks_call(self.model):
            return None
        return self.arrays(head(self.prepared, rows)).x

    def first_rows(self) -> Part:
        """The first batch of the training rows."""
        return head(self.prepared, self.document.recipe.train.batch_size)

    def symbols(self) -> Any:
        """Symbolic tensors in the structure the model is called with; for one that cannot be called, the batch that its
        `train_step` gets."""
        if lacks_call(self.model):
            return step_batch(self.assembly, self.first_rows())
        specs = input_specs(self.prepared.preparation, static_batch(self.model))
        symbols = {name: spec.symbol(name) for name, spec in specs.items()}
        return self.assembly.structure.pack_inputs(symbols)

    def arrays(self, part: Part) -> Arrays:
        """A part of the data in the structure the model is called with, its targets scaled where that was asked for."""
        return arrays(self.assembly, self.prepared.preparation.for_model(part))


def head(prepared: loading.Prepared | loading.Streamed, rows: int) -> Part:
    """The first training rows."""
    train = prepared.train
    return train.take(slice(rows)).in_memory() if isinstance(train, Part) else train.head(rows)


def load_data(
    document: Document, catalog: Catalog, streamed: bool | None = None
) -> loading.Prepared | loading.Streamed:
    """A recipe's data, once it is known that its files can be written.

    Args:
        streamed: what a run's checkpoint says of its data (see `resume.streamed_before`); None for a new run.

    Raises:
        WorkbenchError: with the recipe's file and line where the recipe is wrong.
    """
    recipe = document.recipe
    try:
        check_saves(recipe.save)
        return loading.load_or_stream(
            recipe.data, catalog, folder=document.folder, seed=recipe.seed, streamed=streamed
        )
    except WorkbenchError as error:
        if isinstance(error, OutOfMemoryError) and streamed is False:
            error.hint = (
                "This run holds its data in memory, and a stream would split the rows in another way: free some "
                "memory, or start a new run."
            )
        raise document.located(error) from error


def prepare(
    document: Document,
    catalog: Catalog,
    *,
    data: loading.Prepared | loading.Streamed | None = None,
    on_built: OnBuilt = lambda key, layer, result: None,
    adapter: Adapter | None = None,
) -> PreparedRun:
    """Everything that can fail before training does: paths, data, names, shapes.

    Args:
        document: the recipe.
        catalog: where its names are looked up.
        data: the result of `load_data`, if it was called before; it has checked the files to save, too.
        on_built: called for each layer of a stack or graph; on an error, for those before it.
        adapter: has adapted the preprocessing layers of this recipe before; None does so now.

    Raises:
        WorkbenchError: with the recipe's file and line where the recipe is wrong.
    """
    recipe = document.recipe
    try:
        check_recipe(recipe)
    except WorkbenchError as error:
        raise document.located(error) from error
    warnings: list[RecipeWarning] = []
    files = CheckedFiles(catalog, lambda key, warning: warnings.append(RecipeWarning(warning, key)))
    prepared = data or load_data(document, catalog)
    adapter = adapter or adapter_for(prepared)
    try:
        class_weight = class_weights(recipe, prepared)
        inputs = input_specs(prepared.preparation, batch_of(recipe))
        assembly = assemble(
            document,
            catalog,
            inputs,
            tuple(prepared.preparation.target_shapes()),
            load_model=files.model,
            load_weights=files.weights,
            rows=lambda: head(prepared, recipe.train.batch_size).inputs,
            on_built=on_built,
            adapter=adapter,
        )
        check_batches(assembly.model, recipe, _rows(prepared))
        was_compiled = assembly.model.compiled
        compile_model(assembly.model, recipe.train, assembly.structure, assembly.maker)
        _check_evaluation(assembly.model, prepared)
        first = prepared.preparation.for_model(head(prepared, recipe.train.batch_size))
        assembly = build(assembly, first, class_weight)
        if recipe.train.workers > 1:
            fixed = static_batch(assembly.model) is not None
            check_model(assembly.model, [*optimizers(assembly.model).values()], static_batch=fixed)
        check_accumulation(recipe.train, assembly.model, [*optimizers(assembly.model).values()])
        if recipe.train.loss is None and not was_compiled and not _learns(assembly, inputs):
            raise RecipeError(
                "a loss is missing.",
                where="train",
                hint="For numbers `loss: mse`. A model may bring its own: `add_loss`, or a `train_step`.",
            )
        warnings += [*prepared.traps, *about_hidden(document, catalog)]
        notes = files.notes if isinstance(recipe.model, Load) else {}
        path = recipe.model.load if isinstance(recipe.model, Load) else ""
        warnings += unit_warnings(prepared.preparation, assembly.outputs, notes, path)
        warnings += lost_vocabularies(assembly.model, recipe.save)
        warnings += [*not_adapted(assembly.model, adapter), *_check_losses(recipe, assembly, prepared)]
        if prepared.test is not None and not can_evaluate(assembly.model):
            reason = f"{type(assembly.model).__name__} has neither a call() nor a test_step, so no row of it is used."
            warnings.append(RecipeWarning(reason, "data.split.test"))
        if hidden := list(structure.untracked(assembly.model)):
            advice = structure.hidden_hint([item for _, item in hidden])
            warnings.append(RecipeWarning(f"{structure.not_seen(hidden)}. {advice}", "model"))
        if structure.states(assembly.model) and recipe.train.shuffle:
            reason = (
                "a stateful layer goes on from one batch to the next, and the rows are shuffled. `false` keeps "
                "their order."
            )
            warnings.append(RecipeWarning(reason, "train.shuffle"))
        callbacks = make_callbacks(recipe.train, assembly.maker)
        some = head(prepared, 2)
        augmenter = make_augmenter(
            recipe.data.augment,
            assembly.maker,
            recipe.seed,
            list(some.inputs.values()),
            list(some.targets.values()),
        )
        warnings += check_rates(callbacks, assembly.model)
        validates = prepared.validation is not None
        check_watched(callbacks, assembly.model, assembly.structure.outputs, validates=validates)
    except WorkbenchError as error:
        raise document.located(error) from error
    callbacks += [augmenter] if augmenter else []
    return PreparedRun(document, prepared, assembly, callbacks, tuple(warnings), adapter, augmenter)


def assembled_event(prepared_run: PreparedRun, rows: Sequence[events.LayerRow]) -> events.Assembled:
    """The model's rows and counts."""
    trainable = sum(math.prod(weight.shape) for weight in prepared_run.model.trainable_weights)
    return events.Assembled(
        tuple(row.as_record() for row in rows),
        prepared_run.model.count_params(),
        trainable,
        tuple(prepared_run.prepared.preparation.scales()),
    )


def check_saves(paths: Sequence[str]) -> None:
    """Refuse a format or a folder that cannot be written before hours of training, not after."""
    for index, path in enumerate(paths):
        try:
            formats.format_of(path)
            check_writable(path)
        except FileError as error:
            raise FileError(
                f"{error.where}: {error.what}", where=f"save[{index}]", hint=error.hint
            ) from error


def input_specs(preparation: Preparation, batch: int | None = None) -> dict[str, InputSpec]:
    """The data's inputs as the assembly wants them.

    Args:
        batch: the rows of each batch, where the model is built for just so many.
    """
    dtypes = preparation.input_dtypes()
    return {name: InputSpec(shape, dtypes[name], batch) for name, shape in preparation.input_shapes().items()}


def _check_losses(
    recipe: Recipe, assembly: Assembly, prepared: loading.Prepared | loading.Streamed
) -> list[RecipeWarning]:
    """Check that each loss fits its output and its target. Returns warnings where the recipe is probably a mistake."""
    if type(assembly.model).compute_loss is not keras.Model.compute_loss:
        return []  # what a loss of its own does with the compiled one is not known
    classes = prepared.preparation.classes()
    scales = prepared.preparation.scales()
    started = isinstance(recipe.model, Load) or recipe.weights is not None
    targets = {
        name: TargetSpec(
            shape,
            len(classes.get(name, ())),
            0.0 if started or name in scales else _size(name, recipe, assembly.model, prepared),
            _labels(prepared, name),
            scales[name].kind if name in scales else "",
        )
        for name, shape in prepared.preparation.target_shapes().items()
    }
    if (compiled := compiled_with(assembly.model)) is not None:
        by_name = isinstance(recipe.train.metrics, Mapping)
        check_metrics(compiled.get("metrics"), assembly.outputs, targets, named=by_name)
    named = isinstance(recipe.train.loss, Mapping)
    return check_losses(getattr(assembly.model, "loss", None), assembly.outputs, targets, named=named)


def _size(name: str, recipe: Recipe, model: Any, prepared: loading.Prepared | loading.Streamed) -> float:
    """How large a target's numbers are, on the mean of the training rows; of a stream the first ones. 0 where so many
    steps get there."""
    train = prepared.train
    part = train if isinstance(train, Part) else train.head(PROBED_ROWS)
    if isinstance(part.targets[name], LazyRows):  # masks: the numbers of classes are small
        return 0.0
    values = np.abs(part.targets[name].astype(np.float64))
    size = float(values.mean()) if values.size else 0.0
    if not isinstance(model.optimizer, keras.optimizers.Adam) or _depth(model) < 3:
        return size
    rate = learning_rate_of(model.optimizer)
    rate = getattr(rate, "initial_learning_rate", 1e-3) if isinstance(rate, _SCHEDULE) else rate
    steps = recipe.train.epochs * math.ceil(train.rows / recipe.train.batch_size)
    return 0.0 if size < reach(steps, float(np.asarray(rate))) else size


def _depth(model: Any) -> int:
    """The approximate number of layers with weights."""
    return sum(len(weight.shape) > 1 for weight in model.trainable_weights)


def _check_evaluation(model: Any, prepared: loading.Prepared | loading.Streamed) -> None:
    """Refuse a validation that Keras would fail at after the first epoch."""
    if prepared.validation is not None and not can_evaluate(model):
        raise RecipeError(
            f"{type(model).__name__} has neither a call() nor a test_step, so it cannot be validated.",
            where="data.split",
            hint="Leave the validation out, or give the class a test_step.",
        )


def _rows(prepared: loading.Prepared | loading.Streamed) -> dict[str, int]:
    parts = {"training": prepared.train, "validation": prepared.validation, "test": prepared.test}
    return {name: part.rows for name, part in parts.items() if part is not None}


def _labels(prepared: loading.Prepared | loading.Streamed, name: str) -> tuple[float, float] | None:
    """The lowest and the highest value of a target of one number a row; None where it has others."""
    if not isinstance(prepared, loading.Prepared):
        return prepared.labels.get(name)
    values = prepared.train.targets[name]
    if (
        isinstance(values, LazyRows)
        or values.size == 0
        or values.size != len(values)
        or values.dtype.kind not in "iufb"
    ):
        return None
    return float(values.min()), float(values.max())


def _learns(assembly: Assembly, inputs: Mapping[str, InputSpec]) -> bool:
    """True if a model without a compiled loss still has one: its own `add_loss` terms or its own step."""
    model = assembly.model
    own = any(
        getattr(type(model), method) is not getattr(keras.Model, method)
        for method in ("compute_loss", "train_step")
    )
    return own or bool(model.losses) or adds_losses(assembly, inputs)


def adds_losses(assembly: Assembly, inputs: Mapping[str, InputSpec]) -> bool:
    """True if calling the model adds losses, which is seen only in a call on tensors."""
    signature = assembly.structure.pack_inputs(
        {name: tf.TensorSpec([None, *spec.shape], spec.dtype) for name, spec in inputs.items()}
    )
    found: list[bool] = []

    def call(tensors: Any) -> Any:
        outputs = assembly.model(tensors, training=True)
        found.append(bool(assembly.model.losses))
        return outputs

    try:
        tf.function(call, autograph=False).get_concrete_function(signature)
    except Exception:  # the model's own code; training shows its error at the right place
        return True
    return any(found)
