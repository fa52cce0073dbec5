"""Every edit of a recipe that the app offers.

The text is the source of truth. An edit changes only the part of the text that it is about; comments and layout stay
(see `yaml_edit`). Nothing here knows Keras or a screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import RecipeError
from workbench.recipe import arguments as items
from workbench.recipe import model_edits, yaml_edit
from workbench.recipe.document import join_key, split_key
from workbench.recipe.schema import Data, Recipe, Train
from workbench.recipe.text_buffer import OpenRecipe

_NOTHING: Any = object()
_ORDER = {
    "": tuple(Recipe.model_fields),
    "data": tuple(Data.model_fields),
    "train": tuple(Train.model_fields),
}


class Editor(OpenRecipe):
    """An open recipe that is edited by its keys (`model.sequential[0].units`); each edit is one step to undo."""

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
        """Remove the value at a key. It is no error if there is none."""
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
            keep: arguments of the old one that the new one has too.
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
            raise RecipeError("this cannot be moved.", where=key)
        self._edit("move", yaml_edit.move_item(self.text, (*above, index), index + step))
        return key[: key.rindex("[")] + f"[{index + step}]"

    def duplicate(self, key: str) -> str:
        """A second one right below; its key is returned. A name is not copied: it must be unique."""
        text, new = model_edits.duplicate(self.text, self.data, split_key(key))
        self._edit("duplicate", text)
        return new

    def delete(self, key: str) -> None:
        """Delete the part of a row. In a graph, the lines after a deleted line use its input."""
        self._edit("delete", model_edits.delete(self.text, self.data, split_key(key)))

    # ------------------------------------------------------------------ the model

    def add_layer(
        self,
        index: int,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        inputs: int | None = 1,
        outputs: int | None = 1,
    ) -> str:
        """Add a layer to a stack or a line to a graph. Returns its key.

        In a graph the new line uses the tensor before it, and the lines after it use the new line's tensor.

        Args:
            index: its position among layers or lines.
            name: the layer's name in the catalog.
            arguments: what its constructor is given.
            inputs: how many input tensors it has; None for any number.
            outputs: how many tensors it returns.

        Raises:
            RecipeError: the model is neither a stack nor a graph.
        """
        text, key = model_edits.add_layer(self.text, self.data, index, name, arguments or {}, inputs, outputs)
        self._edit(f"adding {name}", text)
        return key

    def add_loaded(self, index: int, file: str) -> str:
        """Add a saved file's model to a stack, or to a graph as a layer with a line that calls it; its key is returned.

        Raises:
            RecipeError: the model is neither a stack nor a graph.
        """
        text, key = model_edits.add_loaded(self.text, self.data, index, file)
        self._edit(f"adding {file}", text)
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
