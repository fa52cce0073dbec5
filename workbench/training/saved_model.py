"""Evaluate a saved model and predict with it, on data prepared in the same way as its training data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.assembly.foreign import ForeignStructure, foreign_structure
from workbench.assembly.own_training import can_evaluate, can_predict, has_own, lacks_call
from workbench.assembly.stateful import static_batch
from workbench.assembly.structure import Structure, own_outputs
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.data import loading
from workbench.data.cells.target_scaling import TargetScale, of_outputs
from workbench.data.loading import Rows
from workbench.data.preparation import Part, Preparation
from workbench.data.specs import NumberTarget
from workbench.data.streamed_part import WINDOW_BYTES
from workbench.data.strings import zeros
from workbench.errors import DataError, FileError, RecipeError, WorkbenchError
from workbench.recipe.document import Document, parse, to_yaml
from workbench.recipe.lookup import is_recipe, open_recipe
from workbench.recipe.schema import Data
from workbench.storage import formats, reader_client
from workbench.training import feeding
from workbench.training.engines import Arrays, evaluate
from workbench.training.errors import reported_as
from workbench.training.own_units import OwnUnits
from workbench.training.preparing import load_data
from workbench.training.progress import numbers
from workbench.training.provenance import Provenance
from workbench.training.rebuilding import rebuild, recipe_beside
from workbench.training.recompiling import recompiled

BATCH_SIZE = 256


@dataclass(frozen=True)
class SavedModel:
    """A model from a file, with the description of its data in that file.

    Attributes:
        build: of a file that holds weights only: makes its model again, with other weights.
    """

    path: Path
    model: Any
    notes: Provenance | None
    warnings: tuple[str, ...] = ()
    build: formats.Build | None = None

    @classmethod
    def open(cls, path: Path, catalog: Catalog, recipe: Document | None = None) -> SavedModel:
        """Load a file.

        Args:
            recipe: of a file that holds weights only, how its model is built; by default that of the run whose folder
                the file is in.

        Raises:
            FileError: it is refused, damaged or needs a plugin that is missing; or it holds weights only, and there
                is no recipe, or its weights do not fit.
        """
        reader_client.check(path)
        if (noted := formats.weights_notes(path)) is not None:
            return cls._open_weights(path, catalog, recipe or recipe_beside(path), noted)
        loaded = formats.load(path, Resolver(catalog))
        notes = Provenance.from_record(loaded.notes, str(path))
        warnings = loaded.warnings
        if recompiled(loaded.model, notes, catalog):
            warnings = tuple(each for each in warnings if not each.startswith("loaded uncompiled"))
        return cls(path, loaded.model, notes, tuple(warnings))

    @classmethod
    def _open_weights(
        cls, path: Path, catalog: Catalog, recipe: Document, noted: Mapping[str, Any]
    ) -> SavedModel:
        notes = Provenance.from_record(noted, str(path))
        preparation = notes.preparation if notes else load_data(recipe, catalog).preparation
        adapted = notes.adapted if notes else ()
        assembly = rebuild(recipe, catalog, preparation, adapted)
        warnings = formats.load_weights(assembly.model, path)
        if notes is None:
            notes = Provenance(recipe.resolved(), preparation, assembly.structure, {}, run="", epoch=0)

        def build() -> Any:
            return rebuild(recipe, catalog, preparation, adapted).model

        return cls(path, assembly.model, notes, tuple(warnings), build)

    def read(self, text: str, catalog: Catalog, *, with_targets: bool, keep: tuple[str, ...] = ()) -> Rows:
        """The data that `--data` names: a recipe's (its test part), a dataset's, a file's.

        Args:
            text: as for `--data`.
            catalog: what there is.
            with_targets: whether targets are read too.
            keep: columns that stand beside the rows.

        Raises:
            WorkbenchError: there is no such data, or it does not fit the model.
        """
        if is_recipe(text, catalog):
            return self._read_recipe(
                open_recipe(text, catalog), catalog, with_targets=with_targets, keep=keep
            )
        preparation = self.notes.preparation if self.notes else None
        data = loading.data_argument(text, catalog, preparation)
        try:
            return self._read(data, catalog, Path(), 0, with_targets=with_targets, keep=keep)
        except WorkbenchError as error:
            # Perhaps this file is only written in another way than that of the training.
            plain = loading.without_options(data)
            if plain is None:
                raise
            try:
                return self._read(plain, catalog, Path(), 0, with_targets=with_targets, keep=keep)
            except WorkbenchError as own:
                # Where the options do not fit the file, what is wrong with it shows only without them.
                raise (own if isinstance(error, RecipeError) else error) from None

    def read_own(
        self, folder: Path, catalog: Catalog, *, with_targets: bool, keep: tuple[str, ...] = ()
    ) -> Rows:
        """The data of the recipe that it was trained with: the test part, or all rows where none was kept.

        Args:
            folder: what that recipe's relative paths start from; the file does not say.
            keep: columns that stand beside the rows.

        Raises:
            FileError: the file keeps no recipe. WorkbenchError: the data is not there any more, or another.
        """
        if self.notes is None:
            raise FileError(
                "keeps no recipe.", where=str(self.path), hint="Say what data: a recipe, a dataset or a file."
            )
        name = f"the recipe in {self.path.name}"
        document = parse(to_yaml(self.notes.recipe), name=name, folder=folder)
        return self._read_recipe(document, catalog, with_targets=with_targets, keep=keep)

    def _read_recipe(
        self, document: Document, catalog: Catalog, *, with_targets: bool, keep: tuple[str, ...] = ()
    ) -> Rows:
        data, folder, seed = document.recipe.data, document.folder, document.recipe.seed
        try:
            return self._read(data, catalog, folder, seed, with_targets=with_targets, keep=keep)
        except WorkbenchError as error:
            raise document.located(error) from error

    def _read(
        self,
        data: Data,
        catalog: Catalog,
        folder: Path,
        seed: int,
        *,
        with_targets: bool,
        keep: tuple[str, ...] = (),
    ) -> Rows:
        if self.notes is not None:
            return loading.apply_or_stream(
                self.notes.preparation,
                data,
                catalog,
                folder=folder,
                seed=seed,
                with_targets=with_targets,
                keep=keep,
            )
        if keep:
            raise RecipeError(
                f"'{self.path.name}' was not saved by kwb: it does not say which columns are its inputs.",
                where="--keep",
            )
        prepared = loading.load_or_stream(data, catalog, folder=folder, seed=seed)
        part = prepared.test or prepared.train
        if not isinstance(part, Part):
            return part
        return (
            _by_column(part, prepared.preparation)
            if len(getattr(self.model, "outputs", None) or ()) > 1
            else part
        )

    def blocks(self, rows: Rows) -> Iterator[Part]:
        """The rows at once, or where they are streamed some at a time, whole batches of them."""
        size = static_batch(self.model) or BATCH_SIZE
        row_bytes = _row_bytes(rows) if isinstance(rows, Part) else rows.preparation.row_bytes
        held = max(1, WINDOW_BYTES // row_bytes // size)
        if isinstance(rows, Part):
            yield from feeding.blocks(rows, held * size)
        else:
            yield from rows.batches(held * size)

    def evaluate(self, rows: Rows) -> dict[str, float]:
        """Loss and metrics.

        Raises:
            FileError: the file holds no loss to evaluate with.
        """
        if not can_evaluate(self.model):
            name = type(self.model).__name__
            raise FileError(
                f"{name} cannot be evaluated: it has neither a call() nor a test_step.", where=str(self.path)
            )
        if not self.model.compiled:
            reason = f" ({self.warnings[0]})" if self.warnings else ""
            raise FileError(
                f"the model has no loss and no metrics{reason}.",
                where=str(self.path),
                hint="Save it compiled, or train it with a recipe (`model: {load: FILE}`).",
            )
        classes = self.notes.preparation.number_names() if self.notes else {}
        static = static_batch(self.model)
        if static is not None and rows.rows % static:
            raise DataError(
                f"the model accepts batches of just {static} rows, and the data has {rows.rows}.",
                where=str(self.path),
                hint=f"Give it a multiple of {static} rows.",
            )
        size = static or BATCH_SIZE
        wrap_test = self._units().wrap_step
        with reported_as("evaluating", str(self.path)):
            fed = feeding.feed(rows, self.arrays, size)
            return numbers(evaluate(self.model, fed, size, classes=classes, wrap_test=wrap_test))

    def scaled_targets(self) -> tuple[str, ...]:
        """The targets that the model learned scaled: its loss is that of the scaled numbers."""
        return tuple(self.notes.preparation.scales()) if self.notes else ()

    def _units(self) -> OwnUnits:
        outputs = self.notes.structure.outputs if self.notes else ()
        return OwnUnits.of(self.model, outputs, self.notes.preparation if self.notes else None)

    def arrays(self, part: Part) -> Arrays:
        """Rows in the structure that the model is called with."""
        structure = self._structure(part)
        if self.notes is not None:
            part = self.notes.preparation.for_model(part)
        return Arrays(
            structure.pack_inputs(part.inputs),
            structure.pack_targets(part.targets),
            structure.pack_weights(part.sample_weight),
        )

    def predict(self, part: Part) -> dict[str, np.ndarray]:
        """Predictions by output name, one row for each row of the data, in the targets' own units (then float64).

        Raises:
            FileError: the model makes none.
        """
        if not can_predict(self.model):
            name = type(self.model).__name__
            raise FileError(f"{name} makes no predictions: it has no call().", where=str(self.path))
        try:
            structure = self._structure(part)
        except DataError:  # the data's targets are others; the outputs have names of their own
            structure = self._structure(replace(part, targets={}))
        size = static_batch(self.model)
        # The last batch of a model with a fixed batch size is filled up with the last row.
        places = np.minimum(np.arange(-(-part.rows // (size or 1)) * (size or 1)), part.rows - 1)
        given = part if len(places) == part.rows else part.take(places)
        with reported_as("predicting", str(self.path)):
            packed = structure.pack_inputs(given.inputs)
            outputs = self.model.predict(packed, batch_size=size or BATCH_SIZE, verbose=0)
        try:
            named = structure.unpack_outputs(outputs)
        except (KeyError, TypeError, ValueError, IndexError):
            if not has_own(self.model, "predict_step"):
                raise
            named = own_outputs(outputs)
        if has_own(self.model, "predict_step") and any(
            isinstance(each, dict | list) for each in named.values()
        ):
            named = own_outputs(outputs)
        scales = self._scales(named)
        return {
            name: scales[name].in_own_units(values[: part.rows]) if name in scales else values[: part.rows]
            for name, values in named.items()
        }

    def _scales(self, outputs: Mapping[str, Any]) -> dict[str, TargetScale]:
        """How to undo the scaling of outputs; one that has other numbers than its target stays as it is."""
        if self.notes is None:
            return {}
        preparation = self.notes.preparation
        scales = of_outputs(preparation.scales(), len(preparation.targets), outputs)
        return {name: scale for name, scale in scales.items() if scale.fits(np.shape(outputs[name]))}

    def probe(self) -> Any:
        """Made-up inputs to compare predictions on; None where the file says nothing of its inputs, or for a model that
        cannot be called."""
        if self.notes is None or lacks_call(self.model):
            return None
        preparation, noise = self.notes.preparation, np.random.default_rng(0)
        types, rows = preparation.input_dtypes(), static_batch(self.model) or 4
        inputs = {
            name: zeros((rows, *shape), types[name])  # a whole number may be an index into a small table
            if not types[name].startswith("float")
            else noise.normal(size=(rows, *shape)).astype(types[name])
            for name, shape in preparation.input_shapes().items()
        }
        return self.notes.structure.pack_inputs(inputs)

    def _structure(self, part: Part) -> Structure | ForeignStructure:
        if self.notes is not None:
            return self.notes.structure
        return foreign_structure(self.model, part.inputs, tuple(part.targets), str(self.path))


def _row_bytes(part: Part) -> int:
    """The bytes of a row's inputs as 32-bit numbers."""
    return max(1, sum(4 * math.prod(array.shape[1:]) for array in part.inputs.values()))


def _by_column(part: Part, preparation: Preparation) -> Part:
    """One target of several columns as a target for each column, for a model with several outputs."""
    if len(preparation.targets) != 1 or not isinstance(spec := preparation.targets[0], NumberTarget):
        return part
    (values,) = part.targets.values()
    targets = {name: values[:, at : at + 1] for at, name in enumerate(spec.columns)}
    weights = part.sample_weight
    if isinstance(weights, Mapping):
        (weights,) = weights.values()
    return replace(part, targets=targets, sample_weight=weights)


def plain_columns(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of a model whose file says nothing of its targets: a column for each number."""
    columns: dict[str, np.ndarray] = {}
    for name, values in outputs.items():
        flat = np.asarray(values).reshape(len(values), -1)
        if flat.shape[1] == 1:
            columns[name] = flat[:, 0]
        else:
            columns |= {f"{name}_{at + 1}": flat[:, at] for at in range(flat.shape[1])}
    return columns
