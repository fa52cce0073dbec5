"""Which rows of data a saved model was trained on, as far as its file knows."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from os.path import expanduser
from pathlib import Path
from typing import Any

import numpy as np

from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.data import in_memory
from workbench.data.loading import data_argument
from workbench.data.reading.calls import read
from workbench.data.source import Source
from workbench.errors import WorkbenchError
from workbench.recipe.document import parse, to_yaml
from workbench.recipe.lookup import is_recipe, open_recipe
from workbench.recipe.schema import Data
from workbench.storage.run_folder import RunFolder, recipe_folder
from workbench.training.saved_model import SavedModel

TRAINING, VALIDATION, TEST = "training", "validation", "test"
_KEYS = ("path", "train", "validation", "test")  # of a data section, that name files
_UNSAID = "this is the data of its training; which rows were trained on is not known: "


@dataclass(frozen=True)
class TrainedRows:
    """Which rows were trained on.

    Attributes:
        sentence: in words; "" where nothing is known.
        parts: (rows,) for each row of the data, by its position, the part that it was in, "" for none of them. None
            where that is not known row by row, or where `sentence` says it of all.
    """

    sentence: str = ""
    parts: np.ndarray | None = None


def trained_rows(saved: SavedModel, catalog: Catalog, text: str = "", folder: Path = Path()) -> TrainedRows:
    """Which rows of data were trained on.

    Args:
        saved: the model.
        catalog: where datasets are looked up.
        text: the data, as in `--data`; "" for that of the recipe kept in the file.
        folder: what that recipe's relative paths start from, where `text` is "".
    """
    if saved.notes is None or not saved.notes.recipe:
        return TrainedRows()
    try:
        return _trained_rows(saved, catalog, text, folder)
    except WorkbenchError as error:
        return TrainedRows(f"which rows were trained on is not known: {error.what}")


def _trained_rows(saved: SavedModel, catalog: Catalog, text: str, folder: Path) -> TrainedRows:
    assert saved.notes is not None
    home = folder if not text else _recipe_folder(saved)
    kept = parse(to_yaml(saved.notes.recipe), name=f"the recipe in {saved.path.name}", folder=home)
    own, seed = kept.recipe.data, kept.recipe.seed
    if not text:
        asked, place, asked_seed = own, home, seed
    elif is_recipe(text, catalog):
        document = open_recipe(text, catalog)
        asked, place, asked_seed = document.recipe.data, document.folder, document.recipe.seed
    else:
        asked, place, asked_seed = data_argument(text, catalog, saved.notes.preparation), Path(), seed
    files, mine = _files(asked, place), _files(own, home)
    same_entry = _entry(asked, catalog) == _entry(own, catalog)
    if not same_entry or files != mine or not (files or asked.arguments == own.arguments):
        return _of_other_data(files, mine)
    if own.windows is not None:
        return TrainedRows(_UNSAID + "they are windows.")
    if own.rows is not None and not asked.keeps_test:
        return TrainedRows(_UNSAID + "its recipe read only some of them.")
    source = read(own, catalog, home, seed=seed)
    if source.test is not None and not asked.keeps_test:
        return TrainedRows("this is the test part that the data brings; it was not trained on.")
    if asked.keeps_test:
        if (asked.split, asked.rows, asked_seed) == (own.split, own.rows, seed):
            return TrainedRows("this is the test part of its training, if the data is as it was then.")
        return TrainedRows(
            "this is the data of its training, split in another way: some rows were trained on."
        )
    if not isinstance(source, Source):
        return TrainedRows(_UNSAID + "it is read as a stream.")
    return _of_parts(saved, own, source, seed)


def _of_parts(saved: SavedModel, own: Data, source: Source, seed: int) -> TrainedRows:
    """The split of the training, drawn again, if the data prepared again is as it was."""
    assert saved.notes is not None
    prepared = in_memory.prepare(own, source, seed)
    if prepared.preparation != saved.notes.preparation:
        return TrainedRows(_UNSAID + "the data is not as it was then.")
    parts = np.full(len(next(iter(source.columns.values()))), "", dtype=object)
    validation = None if source.validation is not None else prepared.validation
    for name, part in ((TRAINING, prepared.train), (VALIDATION, validation), (TEST, prepared.test)):
        if part is not None:
            parts[part.index] = name
    if (parts == TRAINING).all():
        return TrainedRows("every row of this data was trained on.")
    counts = {name: int((parts == name).sum()) for name in (TRAINING, VALIDATION, TEST)}
    others = [f"{count:,} in {name}" for name, count in counts.items() if count and name != TRAINING]
    listed = f" ({', '.join(others)})" if others else ""
    return TrainedRows(f"{counts[TRAINING]:,} of {len(parts):,} rows were trained on{listed}.", parts)


def _of_other_data(files: dict[str, frozenset[Path]], mine: dict[str, frozenset[Path]]) -> TrainedRows:
    """What can be said of data that is not the whole data of the training."""
    asked = frozenset().union(*files.values())
    for key, own in mine.items():
        if not asked & own:
            continue
        match key:
            case "path":
                return TrainedRows(
                    "this is one of the files of its training; which rows were trained on is not known."
                )
            case "train":
                return TrainedRows("this is a training file of its training: its rows were trained on.")
        return TrainedRows(f"this is a {key} file of its training; it was not trained on.")
    names = {path.name for own in mine.values() for path in own}
    if any(path.name in names for path in asked):
        return TrainedRows(
            "a file of this name was trained on, in another folder; whether it is the same is not known."
        )
    return TrainedRows()


def _entry(data: Data, catalog: Catalog) -> str:
    return catalog.find(Kind.DATASET, data.use, "data.use").qualified_name


def _files(data: Data, folder: Path) -> dict[str, frozenset[Path]]:
    """The files that a section names, by its key; a pattern stands for what is there now."""
    found: dict[str, frozenset[Path]] = {}
    for key in _KEYS:
        value: Any = data.arguments.get(key, getattr(data, key, None))
        texts = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
        paths = [str(folder / expanduser(text)) for text in texts if isinstance(text, str)]
        expanded = [each for path in paths for each in (glob.glob(path) or [path])]
        if expanded:
            found[key] = frozenset(Path(each).resolve() for each in expanded)
    return found


def _recipe_folder(saved: SavedModel) -> Path:
    """Where the relative paths of the kept recipe start: its run says, else the current folder."""
    assert saved.notes is not None
    name, beside = saved.notes.run, saved.path.absolute().parent
    places = (beside / "runs", beside / "saved" / "runs", Path("saved", "runs"))
    for run in (beside, *(runs / name for runs in places)):
        if name and run.name == name and (folder := recipe_folder(RunFolder(run))) is not None:
            return folder
    return Path()
