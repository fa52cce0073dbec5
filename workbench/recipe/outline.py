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
from workbench.recipe.graph import Make, parse_line
from workbench.recipe.graph_text import inputs_text, to_yaml_value, value_text
from workbench.recipe.names import kind_of_argument
from workbench.recipe.schema import Train
from workbench.recipe.schema_fields import OWN_ROWS
from workbench.recipe.yaml_values import one_line


class Role(StrEnum):
    """The kind of recipe part that a row shows."""

    MODEL = "model"  # the model as a whole; its form
    INPUT = "input"
    SHARED = "shared"  # a layer made once, under `layers:`
    LAYER = "layer"  # of a stack
    CALL = "call"  # a line of a graph
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

    @property
    def kind(self) -> Kind | None:
        """The kind of entry that is possible here."""
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
    return (*_model_rows(data), *_train_rows(data), *_save_rows(data))


def use_of(item: Any) -> str:
    """The entry's name, or the saved file's, of an item in any of its forms."""
    if isinstance(item, Mapping):
        return str(item.get("use", item.get("load", "")))
    return item if isinstance(item, str) else ""


def arguments_of(item: Any) -> dict[str, Any]:
    """The arguments of an item in any of its forms."""
    return (
        {str(k): v for k, v in item.items() if k not in ("use", "load")} if isinstance(item, Mapping) else {}
    )


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """`units 30, activation relu`."""
    return ", ".join(f"{key} {_short(value)}" for key, value in arguments.items())


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
        key = f"model.graph[{index}]"
        try:
            line = parse_line(text)
        except (RecipeError, AttributeError):
            yield RecipeRow(Role.CALL, key, name="?", arguments=str(text))
            continue
        call = line.value
        names, inputs = ", ".join(line.targets), inputs_text(call)
        if isinstance(call.layer, str):
            yield RecipeRow(Role.CALL, key, f"model.layers.{call.layer}", names, call.layer, "", inputs)
        else:
            yield RecipeRow(Role.CALL, key, key, names, call.layer.name, _made_text(call.layer), inputs)
    outputs = model.get("outputs")
    if not isinstance(outputs, str):
        outputs = ", ".join(map(str, _list(outputs)))
    yield RecipeRow(Role.OUTPUTS, "model.outputs", name="outputs", inputs=outputs)


def _made_text(made: Make) -> str:
    keywords = {key: to_yaml_value(value) for key, value in made.keywords}
    return ", ".join([*map(value_text, made.positional), *filter(None, [arguments_text(keywords)])])


def _item_row(role: Role, item: Any, key: str, name: str, part: str = "model") -> RecipeRow:
    arguments = arguments_of(item)
    saved = isinstance(item, Mapping) and "load" in item
    if role is Role.LAYER and "name" in arguments:
        name = str(arguments.pop("name"))
    return RecipeRow(
        role, key, "" if saved else key, name, use_of(item), arguments_text(arguments), part=part
    )


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
    return roles.get(kind_of_argument(key)) if use_of(item) else None


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
