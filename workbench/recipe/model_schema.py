"""The part of the recipe's schema that says what a model is made of: its four forms, its layers, their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    WithJsonSchema,
)
from typing_extensions import TypeAliasType


def as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}),
]


class Strict(BaseModel):
    """A part of the recipe whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def tag(form: str) -> str:
    """The mark pydantic puts into an error's location for a form; no recipe key looks like it."""
    return f"<{form}>"


FORMS = ("sequential", "graph", "load", "use")


def form_of_value(value: Any) -> str | None:
    """The form that a model or layer is written in, known from its key, so that an error is about one form only."""
    if isinstance(value, BaseModel):
        value = value.model_fields_set
    return next((form for form in FORMS if form in value), None) if hasattr(value, "__contains__") else None


def _form(value: Any) -> str | None:
    form = form_of_value(value)
    return form and tag(form)


def is_made(value: Any) -> bool:
    """True for a map among the arguments that stands for a thing to be made, and is not itself the argument's value."""
    if not isinstance(value, Mapping):
        return False
    form = form_of_value(value)
    return form is not None and isinstance(value[form], str if form in ("use", "load") else (list, tuple))


def _argument_form(value: Any) -> str:
    if isinstance(value, BaseModel) or is_made(value):
        return _form(value) or tag("value")
    if isinstance(value, Mapping):
        return tag("map")
    return tag("list") if isinstance(value, list | tuple) else tag("value")


class Use(BaseModel):
    """A registered thing by name with its arguments: `{use: MyDense, units: 30}`, or just `Exponential`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Argument]

    use: str = Field(description="A name that `kwb catalog` lists; `plugin.Name` where two plugins share it.")

    @property
    def arguments(self) -> dict[str, Any]:
        """Everything beside `use`: what the constructor is called with."""
        return dict(self.model_extra or {})


class Load(Strict):
    """A saved model file, used as a model or as a layer."""

    load: str = Field(description="A .keras or .h5 file, relative to the recipe's file.")
    name: str | None = Field(None, description="The layer's name in the model.")
    trainable: bool = Field(True, description="False freezes the loaded weights.")


def named(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


Item = Annotated[Use, BeforeValidator(named)]


class Sequential(Strict):
    """A model as a stack of layers."""

    sequential: Annotated[tuple[Layer, ...], Field(min_length=1)]
    name: str | None = Field(None, description="The model's name, as a layer of another.")
    trainable: bool = Field(True, description="False freezes its weights.")


Shape = tuple[Annotated[int, Field(ge=1)] | None, ...]
OF_DATA: Literal["data"] = "data"
OfData = Literal["data"]
InputShape = Annotated[
    Annotated[Shape, Tag(tag("shape"))] | Annotated[OfData, Tag(tag("of the data"))],
    Discriminator(lambda value: tag("of the data" if value == OF_DATA else "shape")),
]


class Graph(Strict):
    """A model as a graph, in Keras' functional syntax, one call a line."""

    inputs: dict[str, InputShape] = Field(
        description="Shape of each input without the batch axis, null for a free length; or `data`, for the shape that "
        "the data's input of that name has."
    )
    layers: dict[str, Layer] = Field(
        {}, description="Layers made once, to be called by name; calling one twice shares its weights."
    )
    graph: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description='Lines like `z = Dense(30, activation="relu")(x)`.'
    )
    outputs: Annotated[Names, Field(min_length=1)] = Field(
        description="The names that are the model's outputs."
    )
    name: str | None = Field(None, description="The model's name, as a layer of another.")
    trainable: bool = Field(True, description="False freezes its weights.")


# What an argument may be: a plain value, or a layer, a model, a loss ... in any form, also within lists and maps.
if TYPE_CHECKING:
    Argument = Any
else:
    Argument = TypeAliasType(
        "Argument",
        Annotated[
            Annotated[Use, Tag(tag("use"))]
            | Annotated[Load, Tag(tag("load"))]
            | Annotated[Sequential, Tag(tag("sequential"))]
            | Annotated[Graph, Tag(tag("graph"))]
            | Annotated[list["Argument"], Tag(tag("list"))]
            | Annotated[dict[Any, "Argument"], Tag(tag("map"))]
            | Annotated[Any, Tag(tag("value"))],
            Discriminator(_argument_form),
        ],
    )

_AnyForm = (
    Annotated[Use, Tag(tag("use"))]
    | Annotated[Load, Tag(tag("load"))]
    | Annotated[Sequential, Tag(tag("sequential"))]
    | Annotated[Graph, Tag(tag("graph"))]
)

Layer = Annotated[
    _AnyForm,
    Discriminator(
        _form,
        custom_error_type="layer_form",
        custom_error_message="must be a layer's name, or a map with 'use', 'load', 'sequential' or 'graph'",
    ),
    BeforeValidator(named),
]

Model = Annotated[
    _AnyForm,
    Discriminator(
        _form,
        custom_error_type="model_form",
        custom_error_message="must hold one of 'use', 'load' (a saved file), 'sequential', 'graph'",
    ),
    BeforeValidator(named),
]

for _class in (Use, Sequential, Graph):
    _class.model_rebuild()

ARGUMENT: TypeAdapter[Any] = TypeAdapter(Argument)
