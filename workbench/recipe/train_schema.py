"""The settings of the training in a recipe's schema."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from workbench.recipe.model_schema import Argument, Item, Names, Strict, Use, as_list, named, tag


def _by_output(value: Any) -> Any:
    """A loss may be a name, an entry with arguments, or a map from output to either."""
    if isinstance(value, str) or (isinstance(value, dict) and "use" in value):
        return named(value)
    if isinstance(value, dict):
        return {name: named(item) for name, item in value.items()}
    return value


def _metrics(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, dict) and "use" in value):
        value = [value]
    if isinstance(value, dict):
        return {
            name: [item] if isinstance(item, str) or (isinstance(item, dict) and "use" in item) else item
            for name, item in value.items()
        }
    return value


# `use` alone decides: a loss with arguments that are all texts would fit the map by output as well.
Loss = Annotated[
    Annotated[Use, Tag(tag("use"))] | Annotated[dict[str, Item], Tag(tag("by output"))],
    Discriminator(
        lambda value: tag("by output" if isinstance(value, dict) and "use" not in value else "use")
    ),
    BeforeValidator(_by_output),
]


PROCESSES = ("workers", "elastic", "network", "hosts", "listen")
"""The keys of `train` that say by which processes: a training may go on by others."""

_MACHINE = re.compile(r"[\w\[][\w.:@%\[\]-]*")

Watch = Literal["losses", "metrics", "gradients", "updates", "dead", "histograms", "nan", "all", "none"]
_WATCH_SCHEMA = {"type": "string", "enum": list(get_args(Watch))}


def _a_network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}; as in 10.0.0.0/24") from None
    return text


def _names_of_machines(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _MACHINE.fullmatch(name):  # one that begins with "-" would be an option of ssh
            raise ValueError(f"{name!r} is no name of a machine, as in gpu2 or me@gpu2")
    return names


def _none_is_alone(names: tuple[Watch, ...]) -> tuple[Watch, ...]:
    if "none" in names and len(names) > 1:
        raise ValueError("'none' stands alone: with it nothing is watched")
    return names


Watched = Annotated[
    tuple[Watch, ...],
    BeforeValidator(as_list),
    AfterValidator(_none_is_alone),
    WithJsonSchema({"anyOf": [{"type": "array", "items": _WATCH_SCHEMA}, _WATCH_SCHEMA]}),
]


class Train(Strict):
    """The settings of the training."""

    epochs: int = Field(10, ge=1, description="Passes over the training rows.")
    batch_size: int = Field(32, ge=1, description="Rows per step.")
    workers: int = Field(
        1,
        ge=1,
        le=512,
        description="Processes that train the model together, each on its share of every batch. The result is that of "
        "one process, up to rounding; dropout draws other numbers in each.",
    )
    elastic: bool = Field(
        False,
        description="Where one of several processes is lost, the others go on from the last checkpoint.",
    )
    network: Annotated[str, AfterValidator(_a_network)] | None = Field(
        None,
        description="Train over several machines: the private network that all of them are in, as `10.0.0.0/24`. "
        "Without `hosts` the others join by `kwb worker`; `workers` says how many processes there are in all.",
    )
    hosts: Annotated[Names, AfterValidator(_names_of_machines)] = Field(
        (),
        description="With `network`: the machines whose processes are started over ssh; `slurm` for those of the job, "
        "`env` for those that TF_CONFIG names.",
    )
    listen: str | None = Field(
        None,
        description="With `network`: where the other machines join, as `10.0.0.1:7750`; by default this machine's "
        "address there.",
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="Add up the gradients of so many batches before the optimizer steps: its steps are those of so "
        "many times `batch_size` rows, in the memory of one batch. A schedule of the learning rate counts them.",
    )
    sum_gradients_in: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="The numbers in which several processes exchange their gradients: `bfloat16` is half the bytes, "
        "rounded to three digits.",
    )
    static_batch: bool | None = Field(
        None,
        description="Build the model for batches of just `batch_size` rows, as stateful layers need it; by default "
        "where a layer is `stateful: true`.",
    )
    optimizer: Item = Field(Use(use="Adam"), description="`Adam`, or `{use: Adam, learning_rate: 1.0e-3}`.")
    loss: Loss | None = Field(
        None,
        validation_alias=AliasChoices("loss", "losses"),
        description="One loss, or a map by output name.",
    )
    loss_weights: dict[str, float] | None = Field(
        None,
        validation_alias=AliasChoices("loss_weights", "weights"),
        description="The factor of each output's loss.",
    )
    metrics: Annotated[tuple[Item, ...] | dict[str, tuple[Item, ...]], BeforeValidator(_metrics)] = Field(
        (), description="Metrics, or a map by output name."
    )
    weighted_metrics: Annotated[tuple[Item, ...] | dict[str, tuple[Item, ...]], BeforeValidator(_metrics)] = (
        Field((), description="Metrics that count sample weights and class weights; or a map by output name.")
    )
    class_weight: dict[int | str, float] | Literal["balanced"] | None = Field(
        None,
        description="The weight of each class, by its name; `balanced` makes up for unequal numbers of rows.",
    )
    compile: dict[str, Argument] = Field(
        {},
        description="Arguments of the model's own `compile()`, each as an argument of a layer is written: "
        "`{d_optimizer: {use: Adam, learning_rate: 3.0e-4}, loss_fn: {use: BinaryCrossentropy}}`.",
    )
    callbacks: tuple[Item, ...] = Field((), description="What is called in training, as `EarlyStopping`.")
    shuffle: bool = Field(True, description="Another order of the rows in each epoch.")
    engine: Literal["auto", "measure", "plain", "steps", "chunk", "chunk-xla"] = Field(
        "auto",
        description="`plain` is stock Keras; `auto` uses the fastest, as it was measured on this machine the first "
        "time; `measure` measures again.",
    )
    dtype: str | None = Field(
        None,
        description="Keras' dtype policy; without it Keras' own, which is float32.",
        examples=["float32", "mixed_bfloat16", "mixed_float16"],
    )
    run_eagerly: bool = Field(False, description="Run without compiling, to debug a layer with prints.")
    on_nan: Literal["stop", "skip", "continue"] = Field(
        "stop",
        description="When the loss is nan or infinite: `stop` ends the training at once, `skip` leaves that step out, "
        "as if its batch were not there, also where it would make a weight so, and `continue` trains on. A training "
        "that ends with such a loss has failed, and no file is written.",
    )
    checkpoint_seconds: float = Field(
        10.0, ge=0.0, description="At least so long between two checkpoints, which --resume goes on from."
    )
    watch: Watched = Field(
        ("losses", "metrics"),
        description="What is watched inside the model: `losses` the main loss and each added term, `metrics` those "
        "of layers, `gradients` their norm, `updates` update by weight, `dead` the share of dead units, "
        "`histograms` of the weights, `nan` where the first came from; `all` or `none`.",
    )

    @field_validator("hosts", "listen")
    @classmethod
    def _has_network(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("network", value) is None:  # not there where it is wrong itself
            raise ValueError(
                "goes with `network`: the private network that all machines are in, as 10.0.0.0/24"
            )
        return value
