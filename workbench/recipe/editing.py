"""The open recipe: its text, its values and its error, undo and redo, and its file. Knows neither Keras nor a screen.

The text is the source of truth. An edit changes only the part of the text that it is about; comments and layout stay
(see `yaml_edit`). Edits of single values are here; those of entries and their arguments in `item_edits`, those of the
model in `model_edits` and `graph_edits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from workbench.atomic import write_bytes
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe import yaml_edit
from workbench.recipe.document import Document, join_key, parse, read_text, split_key
from workbench.recipe.file_text import FileText, encoded_like
from workbench.recipe.history import History
from workbench.recipe.located_error import LocatedError
from workbench.recipe.names import check_names
from workbench.recipe.outline import ModelForm, RecipeRow, form_of, rows_of
from workbench.recipe.schema import Data, Recipe
from workbench.recipe.train_schema import Train
from workbench.recipe.yaml_nodes import Key
from workbench.recipe.yaml_text import read_yaml

_NOTHING: Any = object()
_ORDER = {
    "": tuple(Recipe.model_fields),
    "data": tuple(Data.model_fields),
    "train": tuple(Train.model_fields),
}


class ChangedOnDiskError(RecipeError):
    """The recipe's file has changed since it was read: writing it would lose somebody's edit."""


class Editor:
    """An open recipe, edited by its keys (`model.sequential[0].units`); each edit is one step to undo.

    Args:
        text: the YAML.
        path: its file, if it has one.
        name: what messages call it; by default its file's name.
        folder: what relative paths in it start from; by default its file's.
        on_change: called with the revision after every change, also of `path`.
    """

    def __init__(
        self,
        text: str,
        *,
        path: Path | None = None,
        name: str = "",
        folder: Path | None = None,
        on_change: Callable[[int], None] | None = None,
    ) -> None:
        self.path = path
        self.name = name or (path.name if path else "new recipe")
        self.folder = folder if folder is not None else path.parent if path else Path()
        self.on_change = on_change
        self.revision = 0
        self._saved: str | None = text
        self._history = History(text)
        self._yaml = read_yaml(text)
        self._readable = self._yaml.data or {}
        self._validated: tuple[Document | None, LocatedError | None] | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """The recipe of a file.

        Raises:
            RecipeError: the file cannot be read. What it says may be wrong: that is `error`.
        """
        return cls(read_text(path), path=path)

    # ------------------------------------------------------------------ what it is

    @property
    def text(self) -> str:
        return self._history.text

    @property
    def document(self) -> Document | None:
        """The validated recipe, or None where `error` says why not."""
        return self._recipe_or_error()[0]

    @property
    def error(self) -> LocatedError | None:
        """The error of a text that is no recipe; `check` checks the names in it."""
        return self._recipe_or_error()[1]

    def _recipe_or_error(self) -> tuple[Document | None, LocatedError | None]:
        if self._validated is None:
            try:
                self._validated = parse(self.text, name=self.name, folder=self.folder), None
            except WorkbenchError as error:
                self._validated = None, LocatedError.of(error, self.name)
        return self._validated

    @property
    def data(self) -> Mapping[str, Any]:
        """The text as plain data; that of the last readable text where it is not YAML at all."""
        return self._readable

    @property
    def run_name(self) -> str:
        """What its runs are named after: the recipe's own name, not that of its file."""
        return str(self.data.get("name") or Recipe.model_fields["name"].default)

    @property
    def is_yaml(self) -> bool:
        """True if the text can be read at all; edits other than of the text itself need that."""
        return self._yaml.data is not None

    @property
    def rows(self) -> tuple[RecipeRow, ...]:
        """The parts of the recipe, as rows."""
        return rows_of(self.data)

    @property
    def form(self) -> ModelForm:
        """How the model is written."""
        return form_of(self.data)

    @property
    def dirty(self) -> bool:
        """True if it differs from its file, as it was last read or written."""
        return self.text != self._saved

    @property
    def saved_text(self) -> str | None:
        """The text of its file when it was last read or written; None for a file that is gone."""
        return self._saved

    def check(self, catalog: Catalog) -> LocatedError | None:
        """The first error that is found without Keras: of the text, or a name that no plugin offers."""
        if self.document is None:
            return self.error
        try:
            check_names(self.document, catalog)
        except WorkbenchError as error:
            return LocatedError.of(error, self.name)
        return None

    def get(self, key: str | Key, default: Any = None) -> Any:
        """The value at a key."""
        at: Any = self.data
        for part in split_key(key) if isinstance(key, str) else key:
            try:
                at = at[part]
            except (KeyError, IndexError, TypeError):
                return default
        return at

    def line_of(self, key: str) -> int | None:
        """The line (from 1) of a key, or of the nearest key above it."""
        return self._yaml.root.line_of(split_key(key)) if self._yaml.root is not None else None

    # ------------------------------------------------------------------ values

    def set(self, key: str, value: Any, *, joined: bool = False) -> None:
        """Set the value at a key; what is missing on the way is made.

        Raises:
            RecipeError: nothing can stand there.
        """
        text = _with_value(self.text, key, value)
        self.replace_text(text, what=f"change of {key}", joined=joined)

    def remove(self, key: str) -> None:
        """Remove the value at a key. It is no error if there is none."""
        if self.get(key, _NOTHING) is not _NOTHING:
            self.replace_text(yaml_edit.remove(self.text, split_key(key)), what=f"removal of {key}")

    def update(self, what: str, values: Mapping[str, Any], removed: Sequence[str] = ()) -> None:
        """Set several values and take others away, as one step of the given name.

        Raises:
            RecipeError: see `set`; then nothing is changed.
        """
        text = self.text
        for key in removed:
            if self.get(key, _NOTHING) is not _NOTHING:
                text = yaml_edit.remove(text, split_key(key))
        for key, value in values.items():
            text = _with_value(text, key, value)
        self.replace_text(text, what=what)

    # ------------------------------------------------------------------ undo, redo

    def undo(self) -> bool:
        """Take the last edit back; False where there is none."""
        return self._history.undo() and self._show()

    def redo(self) -> bool:
        """Do again what was undone last."""
        return self._history.redo() and self._show()

    def replace_text(self, text: str, *, what: str = "typing", joined: bool = False) -> None:
        """Make this the text.

        Args:
            text: the new text, whole.
            what: names the step: only steps of one name are joined.
            joined: one step with the edit before, if that was of the same name and joined too: so that a word
                typed is undone at once.
        """
        if text != self.text:
            self._history.replace(text, what, joined=joined)
            self._show()

    def end_step(self) -> None:
        """The next edit begins a step of its own, whatever it is."""
        self._history.end_step()

    # ------------------------------------------------------------------ its file

    def on_disk(self) -> FileText | None:
        """The text of its file now; None where it has none. Reads the disk."""
        return FileText.of(self.path) if self.path is not None else None

    def take_from_disk(self, found: FileText) -> None:
        """Make what the file says now the text, as a step that can be undone. Keeps the text of a file that is gone
        or cannot be read."""
        self._saved = found.text
        if found.text is None or found.text == self.text:
            self._notify()
        else:
            self.replace_text(found.text, what="what was changed on disk")

    def keep_over(self, found: FileText) -> None:
        """The text stays as it is, and may be written over what the file says now."""
        self._saved = found.text
        self._notify()

    def save(self, path: Path | None = None) -> Path:
        """Write the file, whole or not at all; with a path it becomes the recipe's own.

        Line ends and a byte order mark of the file that is there are kept.

        Raises:
            ChangedOnDiskError: its own file was changed since it was read (see `keep_over`).
            FileError: it cannot be written. RecipeError: it has no file and none is given.
        """
        target = path or self.path
        if target is None:
            raise RecipeError("this recipe has no file yet.", hint="Give it one.")
        found = FileText.of(target)
        if target == self.path and found.there and found.text not in (self._saved, self.text):
            raise ChangedOnDiskError(
                "it was changed on disk since it was read.",
                where=self.name,
                hint="Read it again, or keep yours.",
            )
        write_bytes(target, encoded_like(found, self.text))
        if path is not None and path != self.path:
            self.path, self.name, self.folder = path, path.name, path.parent
            self._validated = None  # its errors name the file, its paths begin in the folder
        self._saved = self.text
        self._notify()
        return target

    def _show(self) -> bool:
        self._yaml, self._validated = read_yaml(self.text), None
        self._readable = self._readable if self._yaml.data is None else self._yaml.data
        self._notify()
        return True

    def _notify(self) -> None:
        self.revision += 1
        if self.on_change is not None:
            self.on_change(self.revision)


def _with_value(text: str, key: str, value: Any) -> str:
    parts = split_key(key)
    return yaml_edit.set_value(text, parts, value, order=_ORDER.get(join_key(parts[:-1]), ()))
