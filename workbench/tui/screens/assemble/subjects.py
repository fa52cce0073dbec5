"""The form fields for each kind of row, and how a value becomes an edit of the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.recipe import graph_edits, item_edits, model_edits
from workbench.recipe.editing import Editor
from workbench.recipe.model_schema import OF_DATA
from workbench.recipe.outline import WRITTEN_OUT, ModelForm, RecipeRow, Role, form_of, own_layers
from workbench.recipe.schema_fields import training_settings
from workbench.tui.forms.fields import UNSET, Field, fallback_fields, field_of
from workbench.tui.forms.form import FormSubject

# Fields that are no arguments; no argument's name holds a colon.
INPUTS, OUTPUTS, SHAPE, FILE, NAME = "inputs:", "outputs:", "shape:", "file:", "name:"
NAMES = (OUTPUTS, INPUTS, NAME)  # of tensors and layers

_FIRST = ("train.epochs", "train.batch_size", "name", "seed", "train.engine", "train.watch", "train.on_nan")

_TITLES = {
    Role.INPUT: "Input",
    Role.OUTPUTS: "Outputs of the graph",
    Role.TRAIN: "Training",
    Role.FILE: "File to save",
    Role.MODEL: "Model",
}


def subject_of(
    row: RecipeRow, editor: Editor, description: Mapping[str, Any] | None, catalog: Catalog
) -> FormSubject:
    """The form for a row.

    Args:
        row: the row.
        editor: the open recipe.
        description: of the row's entry, as the worker sends it; None where it is not known yet.
        catalog: for what can stand inside arguments.
    """
    match row.role:
        case Role.INPUT:
            return FormSubject(row.key, _TITLES[row.role], _ABOUT_INPUT, (_name_field(), _SHAPE_FIELD))
        case Role.OUTPUTS:
            outputs = _inputs_field(
                graph_edits.tensors_before(editor, row.key),
                "The tensors that are the model's outputs.",
                label="outputs",
            )
            return FormSubject(row.key, _TITLES[row.role], "", (outputs,))
        case Role.TRAIN:
            return FormSubject(row.key, _TITLES[row.role], "How to train.", _train_fields())
        case Role.FILE:
            return FormSubject(row.key, _TITLES[row.role], "Written when training ends.", (_FILE_FIELD,))
    fields: tuple[Field, ...] = _call_fields(row, editor) if row.role is Role.CALL else ()
    if row.role is Role.SHARED:
        fields = (_name_field(),)
    if row.role in (Role.PART, Role.LAYER) and row.use in own_layers(editor.data, row.key):
        about = f"The layer '{row.use}' of this recipe: the same one wherever its name stands."
        return FormSubject(row.key, row.use, about, ())
    if not row.form:
        about = "" if row.written else "Press a to add one."
        about = _about_model(editor) if row.role is Role.MODEL else about
        about = _about_part(row) if row.role is Role.PART else about
        return FormSubject(row.key, row.use or _TITLES.get(row.role, row.name), about, fields)
    parameters = parameters_of(description, editor, row)
    fields += tuple(field_of(record, catalog) for record in parameters)
    about = str(description["summary"]) if description else "Asking the worker for its arguments ..."
    if description and not parameters:
        about = f"{about} It has no arguments."
    use = editor.get(f"{row.form}.use", row.use) if row.role is Role.CALL else row.use
    shared = f"{row.use}: {use}, shared" if row.role is Role.CALL and row.form != row.key else row.use
    return FormSubject(f"{row.key} {use}", shared, about, fields)


def parameters_of(
    description: Mapping[str, Any] | None, editor: Editor, row: RecipeRow
) -> Sequence[Mapping[str, Any]]:
    """The arguments' descriptions; where there are none yet, of those in the recipe."""
    if description is not None:
        hidden = ("name",) if row.role is Role.SHARED or row.form != row.key else ()
        return [record for record in description["parameters"] if record["name"] not in hidden]
    return [{"name": field.name} for field in fallback_fields(list(item_edits.arguments(editor, row.form)))]


def order_of(description: Mapping[str, Any] | None) -> list[str]:
    """The constructor's arguments in order."""
    return [str(record["name"]) for record in description["parameters"]] if description else []


def values_of(row: RecipeRow, editor: Editor, description: Mapping[str, Any] | None) -> dict[str, Any]:
    """The recipe's value for each field; a field without a value is left out."""
    match row.role:
        case Role.TRAIN:
            found = {field.name: editor.get(field.name, UNSET) for field in _train_fields()}
            return {name: value for name, value in found.items() if value is not UNSET}
        case Role.FILE:
            return {FILE: row.use} if row.written else {}
        case Role.OUTPUTS:
            return {INPUTS: row.inputs}
        case Role.INPUT:
            return {NAME: row.name, SHAPE: editor.get(row.key)}
    values = item_edits.arguments(editor, row.form, order_of(description)) if row.form else {}
    if row.role is Role.CALL:
        values |= {OUTPUTS: row.name, INPUTS: row.inputs}
    return values | ({NAME: row.name} if row.role is Role.SHARED else {})


def apply(
    row: RecipeRow, editor: Editor, description: Mapping[str, Any] | None, name: str, value: Any
) -> str | None:
    """Make a field's value the recipe's. The row's new key is returned where it has another one now.

    Raises:
        RecipeError: the value cannot be, for a reason that only the whole recipe shows.
    """
    order = order_of(description)
    if name == INPUTS:
        graph_edits.rewire(editor, row.key, value)
    elif name == OUTPUTS:
        model_edits.rename(editor, row.key, value)
    elif name == NAME:
        model_edits.rename(editor, row.key, value)
        return f"{row.key.rpartition('.')[0]}.{value}"
    elif name == SHAPE:
        editor.set(row.key, value, joined=True)
    elif name == FILE:
        editor.set(row.key, value if "[" in row.key or row.written else [value], joined=True)
        return row.key if row.written else f"{row.key}[0]"
    elif row.role is Role.TRAIN:
        editor.remove(name) if value is UNSET else editor.set(name, value, joined=True)
    elif value is UNSET:
        item_edits.unset_argument(editor, row.form, name, order)
    else:
        item_edits.set_argument(editor, row.form, name, value, order)
    return None


def field_for(what: str, row: RecipeRow) -> str:
    """The field that a key of a row is about: `rename`, `rewire`; "" for none."""
    if what == "rename":
        of_line = OUTPUTS if row.role is Role.CALL else "name"
        return NAME if row.role in (Role.INPUT, Role.SHARED) else of_line
    return INPUTS if what == "rewire" else ""


# --------------------------------------------------------------------------- fields


def _call_fields(row: RecipeRow, editor: Editor) -> tuple[Field, ...]:
    known = graph_edits.tensors_before(editor, row.key)
    here = f"Tensors here: {', '.join(known)}."
    return (
        Field(
            OUTPUTS,
            "text",
            True,
            label="outputs",
            documentation="Names for the layer's outputs: `z`, or `a, b`.",
        ),
        _inputs_field(known, f"What the layer is called on: `x`, or `x, y`, or `[x, y]` for a list. {here}"),
    )


def _inputs_field(known: Sequence[str], documentation: str, label: str = "inputs") -> Field:
    return Field(INPUTS, "text", True, label=label, suggestions=tuple(known), documentation=documentation)


def _name_field() -> Field:
    return Field(NAME, "text", True, label="name", documentation="Every use of the name follows.")


def _about_model(editor: Editor) -> str:
    match form_of({"model": editor.get("model")}):
        case ModelForm.STACK:
            return "Each layer gets the output of the one before. Press a to add one, c for a model in their place."
        case ModelForm.GRAPH:
            return "Each line calls layers on named tensors. Press a to add one, n for an input."
        case ModelForm.SAVED:
            return "The model of a file. Press c to choose another."
        case _:
            return "Press c to choose the model, a to add a layer."


def _about_part(row: RecipeRow) -> str:
    if row.use == WRITTEN_OUT["sequential"]:
        return "A model inside of another. Press a to add a layer to it, c for another thing in its place."
    if row.use == WRITTEN_OUT["graph"]:
        return "A model inside of another. Lines are added in the YAML: v."
    return (
        "Edit it in the YAML: v."
        if row.inputs
        else "The model of a file. Press c for another thing in its place."
    )


def _check_shape(value: Any) -> str:
    good = value == OF_DATA or (
        isinstance(value, list)
        and all(size is None or (isinstance(size, int) and size > 0) for size in value)
    )
    return "" if good else "must be sizes, as in [8] or [null, 3], or `data`"


def _check_file(value: Any) -> str:
    good = str(value).endswith((".keras", ".h5", ".hdf5"))
    return "" if good else "must end in .keras, .h5 or .weights.h5"


_ABOUT_INPUT = "An input of the graph, named like the data's."
_SHAPE_FIELD = Field(
    SHAPE,
    required=True,
    label="shape",
    suggestions=(OF_DATA,),
    check=_check_shape,
    documentation="Of one row, without the batch axis; null for a free length. `data`: as the data's input is.",
)
_FILE_FIELD = Field(
    FILE,
    "text",
    True,
    label="file",
    check=_check_file,
    suggestions=("saved/model.keras", "saved/model.h5", "saved/model.weights.h5"),
    documentation="A path from the current folder. `.keras` and `.h5` hold the whole model, `.weights.h5` its weights.",
)


@cache
def _train_fields() -> tuple[Field, ...]:
    """A field for each setting of the schema; those that are changed most come first."""
    fields = [field_of(record) for record in training_settings()]
    return tuple(
        sorted(fields, key=lambda each: _FIRST.index(each.name) if each.name in _FIRST else len(_FIRST))
    )
