"""Use a saved model: evaluate it, predict with it, on data treated as its training data was."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.assembly.structure import InputSpec, Structure, input_structure
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.data import loading
from workbench.data.preparation import Part, Preparation
from workbench.errors import FileError, WorkbenchError
from workbench.recipe.opening import open_recipe
from workbench.storage import formats
from workbench.training.engines import Arrays, evaluate
from workbench.training.notes import Notes
from workbench.training.progress import numbers

BATCH_SIZE = 256


@dataclass(frozen=True)
class SavedModel:
    """A model from a file, with what its file says of its data."""

    path: Path
    model: Any
    notes: Notes | None
    warnings: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path, catalog: Catalog) -> SavedModel:
        """Load a file.

        Raises:
            FileError: it is refused, damaged or needs a plugin that is missing.
        """
        loaded = formats.load(path, Resolver(catalog))
        return cls(path, loaded.model, Notes.from_record(loaded.notes, str(path)), tuple(loaded.warnings))

    def read(self, text: str, catalog: Catalog, *, with_targets: bool) -> Part:
        """The data that `--data` names: a recipe's (its test part), a dataset's, a file's.

        Raises:
            WorkbenchError: there is no such data, or it does not fit the model.
        """
        if Path(text).suffix in (".yaml", ".yml") or _is_recipe(text, catalog):
            document = open_recipe(text, catalog)
            data, folder, seed = document.recipe.data, document.folder, document.recipe.seed
        else:
            preparation = self.notes.preparation if self.notes else None
            document = None
            data, folder, seed = loading.data_argument(text, catalog, preparation), Path(), 0
        try:
            if self.notes is not None:
                return loading.apply_to(
                    self.notes.preparation, data, catalog, folder=folder, seed=seed, with_targets=with_targets
                )
            prepared = loading.load(data, catalog, folder=folder, seed=seed)
        except WorkbenchError as fault:
            raise (document.located(fault) if document else fault) from fault
        return prepared.test or prepared.train

    def evaluate(self, part: Part) -> dict[str, float]:
        """Loss and metrics.

        Raises:
            FileError: the file holds no loss to evaluate with.
        """
        if not self.model.compiled:
            reason = f" ({self.warnings[0]})" if self.warnings else ""
            raise FileError(
                f"the model has no loss and no metrics{reason}.",
                where=str(self.path),
                hint="Save it compiled, or train it with a recipe (`model: {load: FILE}`).",
            )
        structure = self._structure(part)
        arrays = Arrays(
            structure.pack_inputs(part.inputs), structure.pack_targets(part.targets), part.sample_weight
        )
        return numbers(evaluate(self.model, arrays, BATCH_SIZE))

    def predict(self, part: Part) -> dict[str, np.ndarray]:
        """Predictions by output name, one row for each row of the data."""
        structure = self._structure(part)
        outputs = self.model.predict(structure.pack_inputs(part.inputs), batch_size=BATCH_SIZE, verbose=0)
        return structure.unpack_outputs(outputs)

    def predictions_csv(self, part: Part) -> str:
        """Predictions as CSV with a heading; class names beside probabilities where the file knows them."""
        preparation: Preparation | None = self.notes.preparation if self.notes else None
        columns: dict[str, Any] = {}
        for name, values in self.predict(part).items():
            columns |= prediction_columns(name, np.asarray(values), preparation)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
        return text.getvalue()

    def _structure(self, part: Part) -> Structure:
        if self.notes is not None:
            return self.notes.structure
        specs = {name: InputSpec(array.shape[1:], str(array.dtype)) for name, array in part.inputs.items()}
        form, names = input_structure(self.model, specs, str(self.path))
        return Structure(form, names, "one", tuple(part.targets) or ("output",))


def prediction_columns(name: str, values: np.ndarray, preparation: Preparation | None) -> dict[str, Any]:
    """An output as named columns: a class with its probability, or one column for each number."""
    classes = preparation.classes().get(name) if preparation else None
    flat = values.reshape(len(values), -1)
    if classes and flat.shape[1] == len(classes):
        best = flat.argmax(axis=1)
        probabilities = {f"{name}_{label}": flat[:, index] for index, label in enumerate(classes)}
        return {name: np.asarray(classes, dtype=object)[best], **probabilities}
    if classes and len(classes) == 2 and flat.shape[1] == 1:
        best = (flat[:, 0] > 0.5).astype(int)
        return {name: np.asarray(classes, dtype=object)[best], f"{name}_{classes[1]}": flat[:, 0]}
    if flat.shape[1] == 1:
        return {name: flat[:, 0]}
    return {f"{name}_{index}": flat[:, index] for index in range(flat.shape[1])}


def _is_recipe(text: str, catalog: Catalog) -> bool:
    """A bare name may be a recipe's or a dataset's; a dataset of that name goes first."""
    from workbench.catalog import Kind

    names = {kind: {entry.name for entry in catalog.of_kind(kind)} for kind in (Kind.RECIPE, Kind.DATASET)}
    return text in names[Kind.RECIPE] and text not in names[Kind.DATASET]
