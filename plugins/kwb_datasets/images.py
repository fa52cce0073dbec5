"""The reader of pictures: a folder with a folder for each class, a table of file names, or a single picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from kwb_datasets.image_folder import Found, find, is_picture, masks_of
from workbench.plugin import (
    ColumnKinds,
    DataError,
    FileError,
    LazyRows,
    RecipeError,
    Source,
    data_file,
    did_you_mean,
    near,
    should_stream,
)

if TYPE_CHECKING:
    from kwb_datasets.image_decoding import MaskValues, Resize
    from kwb_datasets.image_files import ImageFiles

IMAGE, LABEL, MASK = "image", "label", "mask"
Pixels = Annotated[int, Field(ge=1, le=10_000)]
Size = tuple[Pixels, Pixels]
Gray = Annotated[int, Field(ge=0, le=255)]
Values = tuple[Gray, ...] | tuple[tuple[Gray, Gray, Gray], ...]


def images(
    path: str,
    size: Size | Pixels | Literal["auto"] | None = None,
    channels: Literal[1, 3, "auto"] = 3,
    resize: Literal["stretch", "crop", "pad"] = "stretch",
    file: str | None = None,
    folder: str | None = None,
    cache: bool | Literal["auto"] = "auto",
    broken: Literal["error", "skip"] = "error",
    masks: str | None = None,
    mask_values: Values | Literal["auto"] = "auto",
    kinds: ColumnKinds = ColumnKinds(),  # noqa: B008 (it is frozen)
) -> Source:
    """Pictures (PNG, JPEG, BMP, GIF, WebP) as an input `image` of pixels from 0 to 255; the class is `label`.

    Args:
        path: a folder with a folder for each class, or with the folders train, validation and test of these; or a
            table (csv, parquet) with a column of file names; or one picture.
        size: height and width that all pictures get; without it they must be alike. `auto` chooses one.
        channels: 3 for colours, 1 for shades of gray; `auto` looks at some pictures.
        resize: `stretch` to the size, `crop` what is too much in the middle, or `pad` with black.
        file: of a table, the column of file names.
        folder: of a table, where the files are; by default the table's own folder.
        cache: whether to keep the decoded pictures in memory, or to read them in each epoch; by default that depends on
            how much memory there is.
        broken: whether a picture that cannot be decoded is an error, or is left out and counted.
        masks: what to learn instead of a class, a class for each pixel: the folder beside `path` with a mask for each
            picture, of the same name; of a table, the column of file names.
        mask_values: the gray values (or colours, `[[0, 0, 0], [128, 0, 0]]`) of the masks' classes 0, 1, ...; by
            default black and white are 0 and 1, and other gray values are the classes themselves.
    """
    wanted = _Wanted(cache, broken, masks, mask_values)
    place = Path(path)
    if place.is_dir():
        found = find(place)
    elif is_picture(place.name) and place.is_file():
        found = {"train": Found(place.parent, [place.name], None)}
    elif place.is_file():
        return _of_table(place, size, channels, resize, file, folder, wanted, kinds)
    else:
        data_file(path)  # says that there is none
        raise AssertionError
    form = _Form.of([path for part in found.values() for path in part.paths], size, channels, resize)
    mask_folder = place.parent / masks if masks is not None and place.is_dir() else None
    if mask_folder is not None and mask_folder.is_dir():
        names = {name: masks_of(part, mask_folder, place) for name, part in found.items()}
        form = form.with_masks([path for paths, _ in names.values() for path in paths], wanted)
    columns: dict[str, dict[str, Any]] = {}
    remarks: list[str] = []
    unlabelled = ""
    for name, part in found.items():
        own = names[name] if form.values is not None else None
        rows, mask_rows, kept, of_part = _read(part.paths, part.names, own, form, wanted)
        columns[name] = {IMAGE: rows}
        labels = part.labels
        if mask_rows is not None:
            columns[name][MASK] = mask_rows
        elif masks is not None:
            unlabelled = f"there is no folder '{near(mask_folder or place)}' of masks"
        elif labels is not None:
            columns[name][LABEL] = np.array(labels, dtype=object)[kept]
        elif name == "train" and place.is_dir():
            unlabelled = (
                f"'{near(place)}' holds pictures and no folders of classes: put those of each class into a folder "
                "of its name, or say `path` of a table with a column of file names"
            )
        remarks += of_part
    labelled = LABEL in columns["train"]
    return Source(
        columns=columns["train"],
        targets=tuple(name for name in (LABEL, MASK) if name in columns["train"]),
        classes={LABEL: ()} if labelled else {},
        validation=columns.get("validation"),
        test=columns.get("test"),
        origin=near(place),
        locate=_locate(columns["train"][IMAGE]),
        options=form.options,
        unlabelled=unlabelled,
        remarks=(*form.remarks, *remarks),
    )


@dataclass(frozen=True)
class _Wanted:
    """How files are read, as the recipe says it."""

    cache: bool | Literal["auto"]
    broken: str
    masks: str | None
    mask_values: Values | Literal["auto"]


class _Form:
    """What all pictures of a source become."""

    def __init__(
        self,
        size: tuple[int, int],
        channels: int,
        resize: Resize | None,
        values: MaskValues | None = None,
    ) -> None:
        self.size = size
        self.channels = channels
        self.resize = resize
        self.values = values

    @classmethod
    def of(cls, paths: Sequence[str], size: Any, channels: Any, resize: Any) -> _Form:
        from kwb_datasets.image_files import first_size, likely_form

        if isinstance(size, int):
            size = (size, size)
        if "auto" in (size, channels):
            likely = likely_form(paths)
            if likely is None:
                raise _none_readable(paths)
            size = likely[0] if size == "auto" else size
            channels = likely[1] if channels == "auto" else channels
        if size is None:
            first = first_size(paths)
            if first is None:
                raise _none_readable(paths)
            return cls(first, channels, None)
        return cls(tuple(size), channels, resize)

    @property
    def options(self) -> dict[str, Any]:
        """What was found out: a saved model needs it for new pictures."""
        found = {"size": list(self.size), "channels": self.channels}
        return found if self.values is None else found | {"mask_values": self.values}

    @property
    def remarks(self) -> tuple[str, ...]:
        from kwb_datasets.masks import about

        return () if self.values is None else (about(self.values),)

    def with_masks(self, paths: Sequence[str], wanted: _Wanted) -> _Form:
        """The form of pictures with masks, whose values are looked at where the recipe does not say them."""
        from kwb_datasets.masks import find_values

        values = find_values(paths) if wanted.mask_values == "auto" else wanted.mask_values
        return _Form(self.size, self.channels, self.resize, values)

    def masks(self, paths: Sequence[str], names: Sequence[str]) -> ImageFiles:
        from kwb_datasets.image_files import ImageFiles

        return ImageFiles(paths, names, self.size, 1, self.resize, self.values)

    def files(self, paths: Sequence[str], names: Sequence[str]) -> ImageFiles:
        from kwb_datasets.image_files import ImageFiles

        return ImageFiles(paths, names, self.size, self.channels, self.resize)


def _none_readable(paths: Sequence[str]) -> FileError:
    return FileError("no picture of the first ones can be decoded.", where=near(paths[0]))


def _read(
    paths: Sequence[str],
    names: Sequence[str],
    masks: tuple[Sequence[str], Sequence[str]] | None,
    form: _Form,
    wanted: _Wanted,
) -> tuple[LazyRows, LazyRows | None, np.ndarray, list[str]]:
    """The pictures, their masks, which of them are used, and what to say of the others."""
    files = form.files(paths, names)
    bad, remarks = _opened(files, wanted, "pictures")
    if masks is None:
        mask_files = None
    else:
        mask_files = form.masks(*masks)
        bad_masks, more = _opened(mask_files, wanted, "masks")
        bad, remarks = sorted({*bad, *bad_masks}), [*remarks, *more]
    kept = np.delete(np.arange(len(files)), bad)
    if not len(kept):
        raise _counted(files.error(bad[0]) or FileError("no picture has a mask."), len(bad), len(files))
    mask_rows = None if mask_files is None else LazyRows.of(mask_files)[kept]
    return LazyRows.of(files)[kept], mask_rows, kept, remarks


def _opened(files: ImageFiles, wanted: _Wanted, noun: str) -> tuple[list[int], list[str]]:
    """Those that cannot be decoded, and what to say of them; where memory allows, all others are read."""
    wish: Any = "auto" if wanted.cache == "auto" else not wanted.cache
    streamed = should_stream(wish, 0, len(files) * int(np.prod(files.shape)))
    if streamed and wanted.broken == "error":
        _check_beginnings(files)
        return [], []
    held = None if streamed else np.zeros((len(files), *files.shape), np.uint8)
    bad = files.unreadable(into=held)
    files.held = held
    for row in bad:
        error = files.error(row)
        if wanted.broken == "error" or isinstance(error, DataError):
            raise _counted(error, len(bad), len(files))
    if not bad:
        return [], []
    shown = ", ".join(f"'{files.names[row]}'" for row in bad[:3])
    return bad, [
        f"{len(bad):,} of {len(files):,} {noun} cannot be decoded and are left out: "
        f"{shown}{' …' if len(bad) > 3 else ''}."
    ]


def _check_beginnings(files: ImageFiles) -> None:
    """Find files that are empty or no pictures, without decoding every one."""
    known = (b"\xff\xd8", b"\x89P", b"BM", b"GI", b"RI")
    for row, path in enumerate(files.paths):
        try:
            with open(path, "rb") as file:
                start = file.read(2)
        except OSError:
            start = b""
        if start not in known and (error := files.error(row)) is not None:
            raise _counted(error, 1, len(files))


def _counted(error: Exception | None, bad: int, every: int) -> Exception:
    if isinstance(error, FileError):
        if bad > 1:
            error.what = f"{error.what} {bad:,} of {every:,} pictures are so."
        error.hint = "`broken: skip` leaves such files out."
    return error or FileError("a picture cannot be decoded.")


def _locate(rows: LazyRows) -> Any:
    return lambda row: rows.reader.name(int(rows.rows[row]))


def _of_table(
    place: Path,
    size: Any,
    channels: Any,
    resize: Any,
    file: str | None,
    folder: str | None,
    wanted: _Wanted,
    kinds: ColumnKinds,
) -> Source:
    table = _table(place, kinds)
    column = file or _column_of_files(table, place)
    if column not in table.columns:
        raise RecipeError(
            f"there is no column '{column}' in {place.name}.",
            where="data.file",
            hint=did_you_mean(column, table.columns) or f"The columns are: {', '.join(table.columns)}.",
        )
    base = Path(folder).expanduser() if folder else Path()
    base = base if base.is_absolute() else place.parent / base
    paths, names = _named_files(table, column, base)
    masks = wanted.masks if wanted.masks in table.columns else None
    of_masks = None if masks is None else _named_files(table, masks, base)
    form = _Form.of(paths, size, channels, resize)
    form = form if of_masks is None else form.with_masks(of_masks[0], wanted)
    rows, mask_rows, kept, remarks = _read(paths, names, of_masks, form, wanted)
    others: dict[str, Any] = {
        name: values[kept] for name, values in table.columns.items() if name not in (column, masks)
    }
    name, cell = IMAGE if IMAGE not in others else column, table.cell
    columns: dict[str, Any] = {name: rows, **({} if masks is None else {masks: mask_rows}), **others}
    unlabelled = (
        "" if wanted.masks in (None, masks) else f"there is no column '{wanted.masks}' in {place.name}"
    )
    return replace(
        table,
        columns=columns,
        targets=() if masks is None else (masks,),
        locate=lambda row: table.place(int(kept[row])),
        cell=(lambda row, column: cell(int(kept[row]), column)) if cell else None,
        options={"file": column, **form.options},
        unlabelled=unlabelled,
        remarks=(*table.remarks, *form.remarks, *remarks),
    )


def _named_files(table: Source, column: str, base: Path) -> tuple[list[str], list[str]]:
    """The paths and names of a column of file names, all of which are there."""
    names = [_name(value, table, row, column) for row, value in enumerate(table.columns[column])]
    paths = [os.path.join(base, name) for name in names]
    for row, path in enumerate(paths):
        if not os.path.isfile(path):
            missing = sum(not os.path.isfile(each) for each in paths)
            more = f"; {missing:,} of {len(paths):,} are not there" if missing > 1 else ""
            raise FileError(
                f"there is no picture '{near(path)}'{more}.",
                where=table.place(row),
                hint="`folder` says where the files of the column are.",
            )
    return paths, names


def _table(place: Path, kinds: ColumnKinds) -> Source:
    from kwb_datasets.parquet import parquet
    from kwb_datasets.text import csv

    name = place.name.casefold()
    if name.endswith((".parquet", ".pq")):
        source = parquet(str(place), stream=False)
    else:
        source = csv(str(place), stream=False, kinds=kinds)
    assert isinstance(source, Source)
    return source


def _column_of_files(table: Source, place: Path) -> str:
    """The column whose first value is the name of a picture."""
    for name, values in table.columns.items():
        first = next((value for value in values if value), None) if values.dtype.kind in "OU" else None
        if isinstance(first, str) and is_picture(os.path.basename(first)):
            return name
    raise RecipeError(
        f"no column of {place.name} holds names of pictures.",
        where="data.file",
        hint=f"Say which does: `file: {next(iter(table.columns))}`.",
    )


def _name(value: Any, table: Source, row: int, column: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"column '{column}' names no file.", where=table.place(row))
    return value
