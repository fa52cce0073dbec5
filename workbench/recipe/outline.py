"""List a recipe as rows, one for each part that a user may want to change.

Rows are made from plain data, not from a validated recipe: an unfinished recipe has rows too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.catalog import Kind
from workbench.errors import RecipeError
from workbench.recipe.document import split_key
from workbench.recipe.graph import Make, parse_line
from workbench.recipe.graph_text import inputs_text, to_yaml_value, value_text
from workbench.recipe.model_schema import FORMS, is_made
from workbench.recipe.names import argument_of, kind_of_argument
from workbench.recipe.schema_fields import OWN_ROWS
from workbench.recipe.train_schema import Train
from workbench.recipe.yaml_values import one_line


class Role(StrEnum):
    """The kind of recipe part that a row shows."""

    MODEL = "model"  # the model as a whole; its form
    INPUT = "input"
    SHARED = "shared"  # a layer made once, under `layers:`
    LAYER = "layer"  # of a stack
    CALL = "call"  # a line of a graph
    PART = "part"  # inside another thing: a layer or a model as its argument, and what that is made of
    OUTPUTS = "outputs"
    TRAIN = "train"
    OPTIMIZER = "optimizer"
    LOSS = "loss"
    METRIC = "metric"
    CALLBACK = "callback"
    FILE = "file"  # to save


class ModelForm(StrEnum):
    """How a model is written."""

    STACK = "stack"
    GRAPH = "graph"
    CLASS = "class"
    SAVED = "saved file"
    NONE = "none"


KINDS = {
    Role.MODEL: Kind.MODEL,
    Role.SHARED: Kind.LAYER,
    Role.LAYER: Kind.LAYER,
    Role.CALL: Kind.LAYER,
    Role.OPTIMIZER: Kind.OPTIMIZER,
    Role.LOSS: Kind.LOSS,
    Role.METRIC: Kind.METRIC,
    Role.CALLBACK: Kind.CALLBACK,
}


@dataclass(frozen=True)
class RecipeRow:
    """One part of a recipe.

    Attributes:
        role: what it is.
        key: its key in the recipe; for a call of a shared layer that is the line.
        form: the key whose arguments a form for this row edits; "" for none.
        name: what the recipe calls it.
        use: the entry's name, or the file of a saved model.
        arguments: the arguments in one line of text.
        inputs: for a call, the tensors it is called on.
        part: the section it belongs to: `model`, `train` or `save`.
        written: False where the recipe says nothing and a default holds.
        depth: how many other rows it is inside of.
    """

    role: Role
    key: str
    form: str = ""
    name: str = ""
    use: str = ""
    arguments: str = ""
    inputs: str = ""
    part: str = "model"
    written: bool = True
    depth: int = 0

    @property
    def kind(self) -> Kind | None:
        """The kind of entry that is possible here."""
        if self.role is Role.PART:
            return kind_of_argument(argument_of(self.key)) or Kind.LAYER
        return KINDS.get(self.role)


def form_of(data: Mapping[str, Any]) -> ModelForm:
    """How the recipe's model is written."""
    model = data.get("model")
    if isinstance(model, str):
        return ModelForm.CLASS
    if not isinstance(model, Mapping):
        return ModelForm.NONE
    forms = {
        "sequential": ModelForm.STACK,
        "graph": ModelForm.GRAPH,
        "load": ModelForm.SAVED,
        "use": ModelForm.CLASS,
    }
    return next((form for key, form in forms.items() if key in model), ModelForm.NONE)


def rows_of(data: Mapping[str, Any]) -> tuple[RecipeRow, ...]:
    """All rows of a recipe."""
    rows = (*_model_rows(data), *_shared_rows(data), *_train_rows(data), *_save_rows(data))
    return tuple(each for row in rows for each in (row, *part_rows(data, row)))


def use_of(item: Any) -> str:
    """The entry's name, or the saved file's, of an item in any of its forms."""
    if isinstance(item, Mapping):
        form = next((form for form in ("sequential", "graph") if form in item), "")
        return str(item.get("use", item.get("load", WRITTEN_OUT.get(form, ""))))
    return item if isinstance(item, str) else ""


def arguments_of(item: Any) -> dict[str, Any]:
    """The arguments of an item in any of its forms."""
    if not isinstance(item, Mapping):
        return {}
    other = (*FORMS, *_OF_GRAPHS) if "graph" in item else FORMS
    return {str(key): value for key, value in item.items() if key not in other}


WRITTEN_OUT = {"sequential": "a stack of layers", "graph": "a graph of layers"}  # in place of an entry's name
_OF_GRAPHS = ("inputs", "layers", "outputs")


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """`units 30, activation relu`; what has a row of its own is left out."""
    return ", ".join(f"{key} {_short(value)}" for key, value in arguments.items() if not _holds_parts(value))


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and "use" in value:
        inside = arguments_text(arguments_of(value))
        return f"{use_of(value)}({inside})"
    return one_line(value) if not isinstance(value, str) else value


# --------------------------------------------------------------------------- model


def _model_rows(data: Mapping[str, Any]) -> Iterator[RecipeRow]:
    model: Any = data.get("model")
    match form_of(data):
        case ModelForm.STACK:
            yield RecipeRow(Role.MODEL, "model", name="a stack of layers")
            for index, item in enumerate(_list(model["sequential"])):
                yield _item_row(Role.LAYER, item, f"model.sequential[{index}]", str(index + 1))
        case ModelForm.GRAPH:
            yield RecipeRow(Role.MODEL, "model", name="a graph of layers")
            yield from _graph_rows(model)
        case ModelForm.CLASS:
            arguments = arguments_text(arguments_of(model))
            yield RecipeRow(Role.MODEL, "model", "model", "a model class", use_of(model), arguments)
        case ModelForm.SAVED:
            yield RecipeRow(Role.MODEL, "model", name="a saved file", use=use_of(model))
        case ModelForm.NONE:
            yield RecipeRow(Role.MODEL, "model", name="no model yet", written=False)


def _graph_rows(model: Mapping[str, Any]) -> Iterator[RecipeRow]:
    for name, shape in _map(model.get("inputs")).items():
        yield RecipeRow(
            Role.INPUT, f"model.inputs.{name}", name=name, use="input", arguments=f"shape {one_line(shape)}"
        )
    layers = _map(model.get("layers"))
    for name, item in layers.items():
        row = _item_row(Role.SHARED, item, f"model.layers.{name}", name)
        yield row
    for index, text in enumerate(_list(model.get("graph"))):
        yield _line_row(Role.CALL, text, f"model.graph[{index}]")
    outputs = model.get("outputs")
    if not isinstance(outputs, str):
        outputs = ", ".join(map(str, _list(outputs)))
    yield RecipeRow(Role.OUTPUTS, "model.outputs", name="outputs", inputs=outputs)


def _line_row(role: Role, text: Any, key: str, part: str = "model", depth: int = 0) -> RecipeRow:
    try:
        line = parse_line(text)
    except (RecipeError, AttributeError):
        return RecipeRow(role, key, name="?", arguments=str(text), part=part, depth=depth)
    call = line.value
    names, inputs = ", ".join(line.targets), inputs_text(call)
    if isinstance(call.layer, str):
        shared = f"model.layers.{call.layer}" if role is Role.CALL else ""
        return RecipeRow(role, key, shared, names, call.layer, "", inputs, part, depth=depth)
    return RecipeRow(
        role, key, key, names, call.layer.name, _made_text(call.layer), inputs, part, depth=depth
    )


def _made_text(made: Make) -> str:
    keywords = {key: to_yaml_value(value) for key, value in made.keywords}
    return ", ".join([*map(value_text, made.positional), *filter(None, [arguments_text(keywords)])])


def _item_row(role: Role, item: Any, key: str, name: str, part: str = "model", depth: int = 0) -> RecipeRow:
    arguments = arguments_of(item)
    written_out = isinstance(item, Mapping) and any(form in item for form in ("load", *WRITTEN_OUT))
    if role is Role.LAYER and "name" in arguments:
        name = str(arguments.pop("name"))
    text = arguments_text(arguments)
    return RecipeRow(role, key, "" if written_out else key, name, use_of(item), text, part=part, depth=depth)


def _shared_rows(data: Mapping[str, Any]) -> Iterator[RecipeRow]:
    for name, item in _map(data.get("layers")).items():
        yield _item_row(Role.PART, item, f"layers.{name}", name)


# --------------------------------------------------------------------------- what is inside other things


def part_rows(data: Mapping[str, Any], row: RecipeRow) -> Iterator[RecipeRow]:
    """The rows of what is inside the thing of a row, and inside of that."""
    if row.role in (Role.TRAIN, Role.INPUT, Role.OUTPUTS, Role.CALL, Role.FILE) or not row.written:
        return
    if row.role is Role.MODEL and form_of(data) is not ModelForm.CLASS:
        return  # its layers are rows already
    at: Any = data
    for part in split_key(row.key):
        at = at[part]
    yield from _inside(at, row.key, row.part, row.depth + 1)


def own_layers(data: Mapping[str, Any], key: str) -> frozenset[str]:
    """The names of the recipe's own layers that can stand for a layer at a key."""
    names = set(_map(data.get("layers")))
    at: Any = data
    for part in split_key(key):
        if isinstance(at, Mapping) and "graph" in at:
            names |= set(_map(at.get("layers")))
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            break
    return frozenset(names)


def _inside(item: Any, key: str, part: str, depth: int) -> Iterator[RecipeRow]:
    if not isinstance(item, Mapping):
        return
    for index, each in enumerate(_list(item.get("sequential"))):
        yield from _part(each, f"{key}.sequential[{index}]", str(index + 1), part, depth)
    if "graph" in item:
        for name, each in _map(item.get("layers")).items():
            yield from _part(each, f"{key}.layers.{name}", name, part, depth)
        for index, each in enumerate(_list(item.get("graph"))):
            yield _line_row(Role.PART, str(each), f"{key}.graph[{index}]", part, depth)
        return
    for name, value in arguments_of(item).items():
        yield from _argument(value, f"{key}.{name}", name, part, depth)


def _part(item: Any, key: str, name: str, part: str, depth: int) -> Iterator[RecipeRow]:
    yield _item_row(Role.PART, item, key, name, part, depth)
    yield from _inside(item, key, part, depth + 1)


def _argument(value: Any, key: str, name: str, part: str, depth: int) -> Iterator[RecipeRow]:
    if is_made(value):
        yield from _part(value, key, name, part, depth)
    elif isinstance(value, Mapping):
        for label, each in value.items():
            yield from _argument(each, f"{key}.{label}", f"{name} {label}", part, depth)
    else:
        for index, each in enumerate(_list(value)):
            yield from _argument(each, f"{key}[{index}]", f"{name} {index + 1}", part, depth)


def _holds_parts(value: Any) -> bool:
    """True if a value has rows of its own."""
    return next(_argument(value, "", "", "", 0), None) is not None


# --------------------------------------------------------------------------- training


def _train_rows(data: Mapping[str, Any]) -> Iterator[RecipeRow]:
    train = _map(data.get("train"))
    own = _map(train.get("compile"))
    rows = {key: role for key, item in own.items() if (role := _role_of(key, item)) is not None}
    settings = {key: train[key] for key in Train.model_fields if key in train and key not in OWN_ROWS}
    settings |= {"compile": {key: item for key, item in own.items() if key not in rows}}
    settings = {key: value for key, value in settings.items() if value != {}}
    yield RecipeRow(
        Role.TRAIN, "train", "train", "training", arguments=arguments_text(settings), part="train"
    )
    if "optimizer" in train:
        yield _item_row(Role.OPTIMIZER, train["optimizer"], "train.optimizer", "optimizer", "train")
    elif Role.OPTIMIZER not in rows.values():
        yield RecipeRow(
            Role.OPTIMIZER,
            "train.optimizer",
            "train.optimizer",
            "optimizer",
            Train().optimizer.use,
            part="train",
            written=False,
        )
    for key, role in rows.items():
        yield _item_row(role, own[key], f"train.compile.{key}", key, "train")
    key = "train.losses" if "losses" in train else "train.loss"
    losses = train.get("losses", train.get("loss"))
    if losses is not None or Role.LOSS not in rows.values():
        yield from _by_output(Role.LOSS, losses, key, "loss")
    for key, name in (("metrics", "metric"), ("weighted_metrics", "weighted metric")):
        metrics = train.get(key)
        if key == "weighted_metrics" and not metrics:
            continue  # rarely wanted, so no row invites to it
        if isinstance(metrics, Mapping) and "use" not in metrics:
            for output, group in metrics.items():
                yield from _group(Role.METRIC, group, f"train.{key}.{output}", f"{name} of {output}")
        else:
            yield from _group(Role.METRIC, metrics, f"train.{key}", name)
    yield from _group(Role.CALLBACK, train.get("callbacks"), "train.callbacks", "callback")


def _role_of(key: str, item: Any) -> Role | None:
    """The role of an argument of the model's own `compile()` that has arguments itself; None for a plain value."""
    roles: dict[Kind | None, Role] = {Kind.OPTIMIZER: Role.OPTIMIZER, Kind.LOSS: Role.LOSS}
    role = roles.get(kind_of_argument(key)) if use_of(item) else None
    return role or (Role.PART if is_made(item) else None)


def _by_output(role: Role, value: Any, key: str, name: str) -> Iterator[RecipeRow]:
    if value is None:
        yield RecipeRow(role, key, "", name, "none", part="train", written=False)
    elif isinstance(value, Mapping) and "use" not in value:
        for output, item in value.items():
            yield _item_row(role, item, f"{key}.{output}", f"{name} of {output}", "train")
    else:
        yield _item_row(role, value, key, name, "train")


def _group(role: Role, items: Any, key: str, name: str) -> Iterator[RecipeRow]:
    if isinstance(items, str) or (isinstance(items, Mapping) and "use" in items):
        yield _item_row(role, items, key, name, "train")
        return
    if not _list(items):
        yield RecipeRow(role, key, "", f"{name}s", "none", part="train", written=False)
    for index, item in enumerate(_list(items)):
        yield _item_row(role, item, f"{key}[{index}]", name, "train")


def _save_rows(data: Mapping[str, Any]) -> Iterator[RecipeRow]:
    save = data.get("save")
    files = [save] if isinstance(save, str) else _list(save)
    if not files:
        yield RecipeRow(Role.FILE, "save", "", "save to", "nothing", part="save", written=False)
    for index, file in enumerate(files):
        key = "save" if isinstance(save, str) else f"save[{index}]"
        yield RecipeRow(Role.FILE, key, "", "save to", str(file), part="save")


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _map(value: Any) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}
