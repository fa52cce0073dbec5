"""Edits of the recipe by keys on rows: where a row is added, and which edits ask first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.catalog import Entry, Kind
from workbench.errors import RecipeError
from workbench.recipe import graph_edits, item_edits, model_edits
from workbench.recipe.editing import Editor
from workbench.recipe.model_schema import OF_DATA
from workbench.recipe.names import kind_of_argument
from workbench.recipe.outline import ModelForm, RecipeRow, Role
from workbench.tui.actions.layer_trial import ask_layer_trial
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.widgets.dialogs import PromptDialog

if TYPE_CHECKING:
    from workbench.tui.context import AppContext

STACK_ENTRY = Entry(
    Kind.MODEL,
    "a stack of layers",
    "",
    "Begin with an empty stack; each layer gets the output of the one before.",
)
GRAPH_ENTRY = Entry(
    Kind.MODEL, "a graph of layers", "", "Begin with an empty graph: several inputs, shared layers."
)
FILE_ENTRY = Entry(Kind.RECIPE, "file", "")


@dataclass(frozen=True)
class Intent:
    """The purpose of the entry that the user is choosing.

    Attributes:
        what: `add` or `change`.
        kind: of the entries to choose from; None for a file.
        key: the list that it is added to, or the thing that it replaces.
        index: its place in the list.
        title: the question for the user.
        extra: what can be chosen beside entries.
        shared: it becomes a layer that several lines can call.
        argument: the argument of the entry at `key` that it becomes; "" for none.
        order: the arguments of that entry in their order.
        inside: it is for a place inside of another thing.
        sources: in a graph, the tensors that it is called on; none for those of the line before.
        only_next: in a graph, only the line after it uses what it returns.
    """

    what: str
    kind: Kind | None
    key: str
    index: int = 0
    title: str = ""
    extra: tuple[Entry, ...] = ()
    shared: bool = False
    argument: str = ""
    order: tuple[str, ...] = ()
    inside: bool = False
    sources: tuple[str, ...] = ()
    only_next: bool = False


def argument_intent(row: RecipeRow, argument: str, order: Sequence[str]) -> Intent | None:
    """Choosing a layer, a model or another thing as an argument of a row's entry; None for what is no argument."""
    if not row.form or row.role is Role.TRAIN or not argument.isidentifier():
        return None
    kind = kind_of_argument(argument) or Kind.LAYER
    extra = (STACK_ENTRY,) if kind is Kind.LAYER else ()
    title = f"Choose the {argument} of {row.use}"
    return Intent("fill", kind, row.form, title=title, extra=extra, argument=argument, order=tuple(order))


def intent_of(what: str, row: RecipeRow, editor: Editor) -> Intent | None:
    """The meaning of `add`, `insert` and `change` at a row."""
    if row.role is Role.PART:
        return _part_intent(what, row, editor)
    if (
        what == "change"
        and row.role in (Role.LAYER, Role.CALL, Role.SHARED, Role.METRIC, Role.CALLBACK)
        and row.written
    ):
        key = row.form if row.role is Role.CALL and row.form else row.key
        return Intent("change", row.kind, key, title=f"Instead of {row.use}")
    match row.role:
        case Role.OPTIMIZER | Role.LOSS:
            return Intent("change", row.kind, row.key, title=f"Choose the {row.name}")
        case Role.MODEL if what == "change" or editor.form not in (ModelForm.STACK, ModelForm.GRAPH):
            return Intent(
                "change", Kind.MODEL, "model", title="Choose the model", extra=(STACK_ENTRY, GRAPH_ENTRY)
            )
        case Role.METRIC | Role.CALLBACK:
            items = editor.get(row.key.partition("[")[0])
            count = len(items) if isinstance(items, list) else 1 if items else 0
            index = _index(row.key, count - 1) + (what == "add") if row.written else 0
            return Intent("add", row.kind, row.key.partition("[")[0], index, f"Add a {row.role.value}")
        case Role.FILE:
            return Intent("add", None, "save", _index(row.key, -1) + (what == "add") if row.written else 0)
        case Role.TRAIN:
            return Intent("add", Kind.CALLBACK, "train.callbacks", 0, "Add a callback")
    if row.role is Role.SHARED:
        return Intent("add", Kind.LAYER, "model.layers", title="Add a layer to share", shared=True)
    count = len(editor.get("model.sequential") or editor.get("model.graph") or ())
    if row.role in (Role.LAYER, Role.CALL):
        index = _index(row.key, 0) + (what == "add")
    else:  # above all layers, or below them
        index = 0 if row.role in (Role.MODEL, Role.INPUT) else count
        index = count if row.role is Role.MODEL and what == "add" else index
    above = what == "insert" and row.role is Role.CALL
    sources = graph_edits.sources_at(editor, row.key, above=above)
    return Intent("add", Kind.LAYER, "model", index, "Add a layer", sources=sources, only_next=above)


def _part_intent(what: str, row: RecipeRow, editor: Editor) -> Intent | None:
    """At something that is inside another thing: its stack, its list, or it alone; None for a new line of a graph."""
    if re.search(r"\.graph\[\d+\]\Z", row.key):
        return (
            Intent("change", Kind.LAYER, row.key, title=f"Instead of {row.use}")
            if row.form == row.key and what == "change"
            else None
        )
    items = editor.get(f"{row.key}.sequential")
    if what != "change" and isinstance(items, list):
        index = len(items) if what == "add" else 0
        return Intent("add", Kind.LAYER, f"{row.key}.sequential", index, "Add a layer", inside=True)
    if what != "change" and row.key.endswith("]"):
        index = _index(row.key, 0) + (what == "add")
        return Intent("add", row.kind, row.key[: row.key.rindex("[")], index, "Add one", inside=True)
    extra = (STACK_ENTRY,) if row.kind is Kind.LAYER else ()
    return Intent("change", row.kind, row.key, title=f"Instead of {row.use}", extra=extra, inside=True)


def _needs_map(key: str) -> bool:
    """True if a bare name would be a text at a key inside another thing."""
    return re.search(r"(\.sequential(\[\d+\])?|(^|\.)layers\.\w+)\Z", key) is None


def intent_for(entry: Entry, row: RecipeRow | None, editor: Editor) -> Intent | None:
    """The position for an entry that was chosen without a question before it."""
    match entry.kind:
        case Kind.LAYER | Kind.MODEL:
            if row is not None and row.role is Role.PART:
                inside = _part_intent("add", row, editor)
                if inside is not None and inside.what == "add":
                    return inside
                row = None
            if editor.form not in (ModelForm.STACK, ModelForm.GRAPH):
                return Intent("change", Kind.MODEL, "model") if entry.kind is Kind.MODEL else None
            if row is not None and row.part == "model" and row.role is not Role.SHARED:
                return intent_of("add", row, editor)
            count = len(editor.get("model.sequential") or editor.get("model.graph") or ())
            return Intent("add", Kind.LAYER, "model", count)
        case Kind.OPTIMIZER | Kind.LOSS:
            return Intent("change", entry.kind, f"train.{entry.kind.value}")
        case Kind.METRIC | Kind.CALLBACK:
            key = f"train.{entry.kind.plural}"
            items = editor.get(key)
            return Intent(
                "add", entry.kind, key, len(items) if isinstance(items, list) else 1 if items else 0
            )
        case Kind.DATASET:
            return Intent("change", Kind.DATASET, "data")
    return None


def place(
    entry: Entry, intent: Intent, editor: Editor, description: Mapping[str, Any] | None, seen: Examination
) -> str:
    """Put a chosen entry into the recipe; the key of its row is returned.

    Raises:
        RecipeError: it cannot stand there.
    """
    if intent.argument:
        return _fill(entry, intent, editor, description)
    if entry is STACK_ENTRY and intent.key != "model":
        editor.set(intent.key, {"sequential": []})
        return intent.key
    if entry is STACK_ENTRY:
        model_edits.start_stack(editor)
        return "model"
    if entry is GRAPH_ENTRY:
        model_edits.start_graph(editor, list(seen.inputs) or ["x"])
        return "model"
    if intent.kind is None:
        return item_edits.insert(editor, "save", intent.index, f"saved/{editor.get('name', 'model')}.keras")
    name = _name_for(entry)
    first = _first_arguments(entry, description)
    if intent.what == "change":
        keep = [str(each["name"]) for each in description["parameters"]] if description else list(first)
        keep = [] if intent.kind is Kind.DATASET else keep
        as_map = intent.inside and _needs_map(intent.key)
        item_edits.use(editor, intent.key, name, first, keep, as_map=as_map)
        return intent.key
    if intent.shared:
        return graph_edits.add_shared(editor, name, first)
    if intent.inside:
        as_map = _needs_map(intent.key)
        return item_edits.insert(editor, intent.key, intent.index, name, first, as_map=as_map)
    if intent.kind is Kind.LAYER:
        return model_edits.add_layer(
            editor,
            intent.index,
            name,
            first,
            inputs=entry.inputs,
            outputs=entry.outputs,
            sources=intent.sources,
            only_next=intent.only_next,
        )
    return item_edits.insert(editor, intent.key, intent.index, name, first)


def _fill(entry: Entry, intent: Intent, editor: Editor, description: Mapping[str, Any] | None) -> str:
    """Put a chosen entry, or an empty stack, into an argument; the key of its row is returned."""
    value = (
        {"sequential": []}
        if entry is STACK_ENTRY
        else {"use": entry.name, **_first_arguments(entry, description)}
    )
    item_edits.set_argument(editor, intent.key, intent.argument, value, intent.order)
    key = f"{intent.key}.{intent.argument}"
    return key if any(row.key == key for row in editor.rows) else intent.key


def _first_arguments(entry: Entry, description: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments for a new one, so that it works at once: those it needs, as its plugin's example has them."""
    if description is None:
        return dict(entry.example)
    needed = [each["name"] for each in description["parameters"] if each["required"]]
    return {name: entry.example[name] for name in needed if name in entry.example}


def _name_for(entry: Entry) -> str:
    """Losses and metrics by their short names, as one writes them."""
    short = min((alias for alias in entry.aliases if alias.islower()), key=len, default="")
    return short if entry.kind in (Kind.LOSS, Kind.METRIC) and short else entry.name


async def act(what: str, row: RecipeRow, editor: Editor, seen: Examination, app: AppContext) -> str | None:
    """Do what a key asks for at a row; the key of the row to go to is returned, None where nothing was done.

    Raises:
        RecipeError: it cannot be done, with the reason.
    """
    match what:
        case "up" | "down":
            move = graph_edits.move_line if row.role is Role.CALL else item_edits.move
            return move(editor, row.key, -1 if what == "up" else 1)
        case "duplicate":
            return model_edits.duplicate(editor, row.key)
        case "delete":
            if not row.written:
                raise RecipeError("there is nothing to delete here.")
            model_edits.delete(editor, row.key)
            return row.key
        case "graph":
            return _to_graph(editor, seen)
        case "compare":
            await ask_layer_trial(app, row.form or row.key)
        case "share":
            return await _share(row, editor, app)
        case "input":
            return await _add_input(editor, app, seen)
    return None


def _to_graph(editor: Editor, seen: Examination) -> str:
    if editor.form is not ModelForm.STACK:
        raise RecipeError("only a stack can be written as a graph.")
    if len(seen.inputs) != 1:
        raise RecipeError(
            "the data's input is not known yet.",
            hint="The worker reads the data first; a stack has one input.",
        )
    target = next(iter(seen.targets), "")
    model_edits.to_graph(
        editor, list(seen.inputs), target if target.isidentifier() and target not in seen.inputs else "output"
    )
    return "model"


async def _share(row: RecipeRow, editor: Editor, app: AppContext) -> str | None:
    if row.role is Role.SHARED:
        index = len(editor.get("model.graph") or ())
        return graph_edits.call_shared(editor, index, row.name)
    if row.role is not Role.CALL or row.form != row.key:
        raise RecipeError(
            "only a graph's line that makes a layer can share it.", hint="g writes a stack as a graph."
        )
    name = await app.push_screen_wait(
        PromptDialog(
            "Name the shared layer",
            text="Other lines call it by this name and share its weights.",
            check=_check_name,
        )
    )
    return graph_edits.share(editor, row.key, name) if name else None


async def _add_input(editor: Editor, app: AppContext, seen: Examination) -> str | None:
    if editor.form is not ModelForm.GRAPH:
        raise RecipeError("only a graph has inputs of its own.", hint="g writes a stack as a graph.")
    missing = [name for name in seen.inputs if name not in (editor.get("model.inputs") or {})]
    name = await app.push_screen_wait(
        PromptDialog(
            "Name the new input",
            missing[0] if missing else "",
            text="The data's inputs must have the same names.",
            check=_check_name,
        )
    )
    return graph_edits.add_input(editor, name, OF_DATA) if name else None


def _check_name(text: str) -> str:
    return "" if text.isidentifier() else "letters, digits and _ only"


def _index(key: str, otherwise: int) -> int:
    return int(key[key.rindex("[") + 1 : -1]) if key.endswith("]") else otherwise
