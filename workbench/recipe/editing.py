"""The open recipe: its text, its faults, undo and redo, and every edit that a person makes by key or mouse.

The text is the truth. An edit changes the part of it that it means to change; comments and layout stay (see
`yaml_edit`). Nothing here knows Keras or a screen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError, WorkbenchError
from workbench.recipe import arguments as items
from workbench.recipe import model_edits, yaml_edit
from workbench.recipe.document import Document, join_key, read_text, split_key
from workbench.recipe.names import check_names
from workbench.recipe.outline import Form, Row, form_of, rows_of
from workbench.recipe.reading import Fault, Reading
from workbench.recipe.schema import Data, Recipe, Train

MOST_UNDONE = 500
_ORDER = {
    "": tuple(Recipe.model_fields),
    "data": tuple(Data.model_fields),
    "train": tuple(Train.model_fields),
}


@dataclass(frozen=True)
class _Step:
    text: str
    what: str


class Editor:
    """An open recipe.

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
        self._saved = text
        self._reading = Reading(text, self.name, self.folder)
        self._readable = self._reading.data or {}
        self._undone: list[_Step] = []
        self._done: list[_Step] = []

    @classmethod
    def open(cls, path: Path) -> Editor:
        """The recipe of a file.

        Raises:
            RecipeError: the file cannot be read. What it says may be wrong: that is `fault`.
        """
        return cls(read_text(path), path=path)

    # ------------------------------------------------------------------ what it is

    @property
    def text(self) -> str:
        return self._reading.text

    @property
    def document(self) -> Document | None:
        """The validated recipe, or None where `fault` says why not."""
        return self._reading.document

    @property
    def fault(self) -> Fault | None:
        """Why the text is no recipe; the names in it are `check`'s business."""
        return self._reading.fault

    @property
    def data(self) -> Mapping[str, Any]:
        """The text as plain data; that of the last readable text where it is not YAML at all."""
        if self._reading.data is not None:
            self._readable = self._reading.data
        return self._readable

    @property
    def is_yaml(self) -> bool:
        """Whether the text can be read at all; edits other than of the text itself need that."""
        return self._reading.data is not None

    @property
    def rows(self) -> tuple[Row, ...]:
        """What the recipe holds, as rows."""
        return rows_of(self.data)

    @property
    def form(self) -> Form:
        """How the model is written."""
        return form_of(self.data)

    @property
    def dirty(self) -> bool:
        """Whether it differs from its file."""
        return self.text != self._saved

    def check(self, catalog: Catalog) -> Fault | None:
        """The first fault that is found without Keras: of the text, or a name that no plugin offers."""
        if self.document is None:
            return self.fault
        try:
            check_names(self.document, catalog)
        except WorkbenchError as fault:
            return Fault.of(fault, self.name)
        return None

    def get(self, key: str, default: Any = None) -> Any:
        """The value at a key."""
        at: Any = self.data
        for part in split_key(key):
            try:
                at = at[part]
            except (KeyError, IndexError, TypeError):
                return default
        return at

    def line_of(self, key: str) -> int | None:
        """The line (from 1) where a key stands, or the nearest thing above it."""
        return yaml_edit.line_of(self.text, split_key(key)) if self.is_yaml else None

    # ------------------------------------------------------------------ undo, redo, save

    @property
    def undo_name(self) -> str:
        """What `undo` would undo; "" for nothing."""
        return self._done[-1].what if self._done else ""

    @property
    def redo_name(self) -> str:
        return self._undone[-1].what if self._undone else ""

    def undo(self) -> bool:
        """Take the last edit back; False where there is none."""
        return self._swap(self._done, self._undone)

    def redo(self) -> bool:
        """Do again what was undone last."""
        return self._swap(self._undone, self._done)

    def _swap(self, source: list[_Step], target: list[_Step]) -> bool:
        if not source:
            return False
        step = source.pop()
        target.append(_Step(self.text, step.what.removesuffix(_OPEN)))
        self._show(step.text)
        return True

    def replace_text(self, text: str, *, what: str = "typing", joined: bool = False) -> None:
        """Make this the text.

        Args:
            text: the new text, whole.
            what: names the step for `undo_name`.
            joined: one step with the edit before, if that was of the same name and joined too: so that a word
                typed is undone at once.
        """
        if text == self.text:
            return
        what = what + _OPEN if joined else what
        if not (joined and self._done and self._done[-1].what == what):
            self._done.append(_Step(self.text, what))
            del self._done[:-MOST_UNDONE]
        self._undone.clear()
        self._show(text)

    def end_step(self) -> None:
        """The next edit begins a step of its own, whatever it is."""
        if self._done:
            last = self._done[-1]
            self._done[-1] = _Step(last.text, last.what.removesuffix(_OPEN))

    def save(self, path: Path | None = None) -> Path:
        """Write the file, whole or not at all; with a path it becomes the recipe's own.

        Raises:
            FileError: it cannot be written. RecipeError: it has no file and none is given.
        """
        target = path or self.path
        if target is None:
            raise RecipeError("this recipe has no file yet.", hint="Give it one.")
        _write(target, self.text)
        if path is not None and path != self.path:
            self.path, self.name, self.folder = path, path.name, path.parent
            self._reading = Reading(self.text, self.name, self.folder)
        self._saved = self.text
        self._tell()
        return target

    def _show(self, text: str) -> None:
        self._reading = Reading(text, self.name, self.folder)
        self._tell()

    def _tell(self) -> None:
        self.revision += 1
        if self.on_change is not None:
            self.on_change(self.revision)

    def _edit(self, what: str, text: str, *, joined: bool = False) -> None:
        self.replace_text(text, what=what, joined=joined)

    # ------------------------------------------------------------------ values

    def set(self, key: str, value: Any, *, joined: bool = False) -> None:
        """Set the value at a key; what is missing on the way is made.

        Raises:
            RecipeError: nothing can stand there.
        """
        parts = split_key(key)
        order = _ORDER.get(join_key(parts[:-1]), ())
        text = yaml_edit.set_value(self.text, parts, value, order=order)
        self._edit(f"change of {key}", text, joined=joined)

    def remove(self, key: str) -> None:
        """Take what stands at a key away. Nothing there is no fault."""
        if self.get(key, _NOTHING) is not _NOTHING:
            self._edit(f"removal of {key}", yaml_edit.remove(self.text, split_key(key)))

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
            parts = split_key(key)
            text = yaml_edit.set_value(text, parts, value, order=_ORDER.get(join_key(parts[:-1]), ()))
        self._edit(what, text)

    def arguments(self, key: str, order: Sequence[str] = ()) -> dict[str, Any]:
        """The arguments written at a key: of a layer, a model, an optimizer ..., or of a graph line's layer.

        Args:
            key: the row's `form`.
            order: the constructor's arguments in their order, to name positional ones.
        """
        return items.arguments_at(self.get(key), split_key(key), order)

    def set_argument(self, key: str, name: str, value: Any, order: Sequence[str] = ()) -> None:
        """Give an argument of the thing at a key a value.

        Raises:
            RecipeError: nothing is there.
        """
        text = items.set_argument(self.text, split_key(key), self.get(key), name, value, order)
        self._edit(f"change of {name}", text, joined=True)

    def unset_argument(self, key: str, name: str, order: Sequence[str] = ()) -> None:
        """Leave an argument to its default."""
        text = items.unset_argument(self.text, split_key(key), self.get(key), name, order)
        self._edit(f"default of {name}", text)

    def use(
        self, key: str, name: str, arguments: Mapping[str, Any] | None = None, keep: Sequence[str] = ()
    ) -> None:
        """Put another entry at a key: another layer, optimizer, loss ...

        Args:
            key: where.
            name: the entry's name.
            arguments: those to begin with.
            keep: arguments of the old one that the new one takes too.
        """
        text = items.use(self.text, split_key(key), self.get(key), name, arguments or {}, keep)
        self._edit(f"choice of {name}", text)

    # ------------------------------------------------------------------ lists

    def insert(self, key: str, index: int, name: str, arguments: Mapping[str, Any] | None = None) -> str:
        """Put an entry into a list (callbacks, metrics, save); its key is returned."""
        value: Any = {"use": name, **arguments} if arguments else name
        self._edit(f"adding {name}", yaml_edit.insert_item(self.text, split_key(key), index, value))
        return f"{key}[{index}]"

    def move(self, key: str, step: int) -> str:
        """Move an item up (-1) or down (1) in its list; its new key is returned.

        Raises:
            RecipeError: it cannot go further.
        """
        *above, index = split_key(key)
        if not isinstance(index, int):
            raise RecipeError("this has one place only.", where=key)
        self._edit("move", yaml_edit.move_item(self.text, (*above, index), index + step))
        return key[: key.rindex("[")] + f"[{index + step}]"

    def duplicate(self, key: str) -> str:
        """A second one right below; its key is returned. A name is not copied: it must be unique."""
        text, new = model_edits.duplicate(self.text, self.data, split_key(key))
        self._edit("duplicate", text)
        return new

    def delete(self, key: str) -> None:
        """Delete what a row stands for. In a graph, what came after a line takes what went into it."""
        self._edit("delete", model_edits.delete(self.text, self.data, split_key(key)))

    # ------------------------------------------------------------------ the model

    def add_layer(
        self,
        index: int,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        takes: int | None = 1,
        gives: int | None = 1,
    ) -> str:
        """Add a layer to a stack or a line to a graph; its key is returned.

        In a graph the new line takes the tensor before it, and what came after takes the new one's.

        Args:
            index: the place it gets among layers or lines.
            name: the layer's name in the catalog.
            arguments: what its constructor is given.
            takes: how many tensors it takes; None for any number.
            gives: how many tensors it gives.

        Raises:
            RecipeError: the model is neither a stack nor a graph.
        """
        text, key = model_edits.add_layer(self.text, self.data, index, name, arguments or {}, takes, gives)
        self._edit(f"adding {name}", text)
        return key

    def add_shared(self, name: str, arguments: Mapping[str, Any] | None = None, called: str = "") -> str:
        """Add a layer to a graph's `layers:`, to be called by name; its key is returned."""
        text, key = model_edits.add_shared(self.text, self.data, name, arguments or {}, called)
        self._edit(f"adding {name}", text)
        return key

    def call_shared(self, index: int, called: str) -> str:
        """Add a line that calls a layer of `layers:`; its key is returned."""
        text, key = model_edits.call_shared(self.text, self.data, index, called)
        self._edit(f"call of {called}", text)
        return key

    def share(self, key: str, called: str) -> str:
        """Move a line's new layer to `layers:` under a name, so that other lines can call it; its key is returned."""
        text, key = model_edits.share(self.text, self.data, split_key(key), called)
        self._edit(f"sharing {called}", text)
        return key

    def add_input(self, name: str, shape: Sequence[int | None]) -> str:
        """Add an input to a graph."""
        text, key = model_edits.add_input(self.text, self.data, name, shape)
        self._edit(f"input {name}", text)
        return key

    def rename(self, key: str, name: str) -> None:
        """Rename a layer, a line's tensors (`total, product`), a shared layer or an input, with every use of it.

        Raises:
            RecipeError: the name cannot be one, or means something else already.
        """
        self._edit("renaming", model_edits.rename(self.text, self.data, split_key(key), name), joined=True)

    def rewire(self, key: str, inputs: str) -> None:
        """Call a line's layer on other tensors (`left, right`), or name other outputs of the graph.

        Raises:
            RecipeError: it cannot be read, or a name is no tensor before this line.
        """
        self._edit("rewiring", model_edits.rewire(self.text, self.data, split_key(key), inputs), joined=True)

    def tensors_before(self, key: str) -> list[str]:
        """The tensors that a graph's line (or its outputs) can take, in the order they are made."""
        return model_edits.tensors_before(self.data, split_key(key))

    def to_graph(self, inputs: Mapping[str, Sequence[int | None]], output: str = "output") -> None:
        """Write a stack as a graph that is the same model; the lines keep their comments.

        Args:
            inputs: the data's inputs with their shapes, without the batch axis; a stack has one.
            output: the name of the last tensor.
        """
        self._edit("conversion to a graph", model_edits.to_graph(self.text, self.data, inputs, output))

    def start_stack(self) -> None:
        """Begin a new model as an empty stack."""
        self._edit("new stack", model_edits.replace_model(self.text, {"sequential": []}))

    def start_graph(self, inputs: Mapping[str, Sequence[int | None]]) -> None:
        """Begin a new model as an empty graph."""
        model = {"inputs": {name: list(shape) for name, shape in inputs.items()}, "graph": [], "outputs": []}
        self._edit("new graph", model_edits.replace_model(self.text, model))


_OPEN = " …"
_NOTHING: Any = object()


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        os.replace(temporary, os.path.realpath(path))
    except OSError as fault:
        with suppress(OSError):
            temporary.unlink()
        reason = fault.strerror or str(fault)
        raise FileError(f"the recipe cannot be saved: {reason}.", where=str(path)) from fault


__all__ = ["Editor", "Fault", "Form", "Row"]
