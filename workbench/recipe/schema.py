"""The recipe's schema. Unknown keys are refused; the arguments of a plugin's entry are not checked here.

The names in a recipe are only ever names that plugins registered: no import paths and no expressions, so a
recipe of unknown origin is data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from workbench.recipe.model_schema import (
    Item,
    Layer,
    Model,
    Names,
    Strict,
    named,
)
from workbench.recipe.options.columns import Dates, Numbers, Pads, Unknown, is_written
from workbench.recipe.options.data import TargetScaling, Texts
from workbench.recipe.options.missing import MissingPolicy
from workbench.recipe.options.search import Repeat, Search
from workbench.recipe.options.split import DatasetOption, Split
from workbench.recipe.options.windows import Windows
from workbench.recipe.secrets import refuse_password
from workbench.recipe.string_inputs import ALL, INTEGERS, STRINGS, looked_up_columns
from workbench.recipe.train_schema import Train

Scaling = Literal["standard", "minmax", "robust", "none"]


SampleWeight = str | Annotated[dict[str, str], Field(min_length=1)]


def weight_columns(sample_weight: str | Mapping[str, str] | None) -> tuple[str, ...]:
    """The columns of a `sample_weight`, once each."""
    if isinstance(sample_weight, Mapping):
        return tuple(dict.fromkeys(sample_weight.values()))
    return () if sample_weight is None else (sample_weight,)


# The keys of a section that a dataset may have as options of its own, which then come first: a plugin's decide.
SHARED_KEYS = ("rows", "train", "validation", "test")


class Data(BaseModel):
    """The data of the training. Other keys go to the dataset itself (a path, a delimiter)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(description="A dataset's name, or a reader: csv, npz, parquet.")
    inputs: dict[str, Names] | None = Field(None, description="Columns (or one array) of each named input.")
    targets: dict[str, Names] | Names | None = Field(
        None, description="Columns to learn; a map names several targets."
    )
    ignore: Names = Field((), description="Columns to leave out.")
    categories: Names = Field(
        (),
        description="Columns that are categories (one-hot), read as they are written: 01 is not 1, NA is a word. "
        "Other text columns are categories too.",
    )
    classes: Names = Field(
        (),
        description="Targets that are class names, read as they are written; they become the numbers 0, 1, 2 ...",
    )
    text: Texts = Field(
        {},
        description="Columns of free text, each an input of its own: whole numbers, one for each word. The words are "
        "those of the training part. `[review]`, or with options `{review: {tokens: 20000, length: 200}}`.",
        examples=[{"review": {"tokens": 20000, "length": 200}}],
    )
    embed: Names = Field(
        (),
        description="Columns of many categories, each an input of its own for an `Embedding`: 0 is a category that the "
        "training part does not have (or in fewer rows than `rare`), the others count from 1.",
    )
    strings: Names = Field(
        (),
        description="Columns that stay texts, each an input of its own unless `inputs` joins them, for layers that "
        "look strings up. An input that goes into a StringLookup or a TextVectorization needs no such mention.",
    )
    integers: Names = Field(
        (),
        description="Columns of whole numbers that are given to the model as they are, each an input of its own unless "
        "`inputs` joins them, for layers that look numbers up. An input that goes into an IntegerLookup, a Hashing or "
        "a CategoryEncoding needs no such mention.",
    )
    numbers: Numbers = Field(
        {},
        description="How the numbers of a column are written, where they are texts: `{Sales: {strip: $}, "
        "Discount: percent}`.",
        examples=[{"Sales": {"strip": "$", "thousands": ","}, "Discount": "percent"}],
    )
    several: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        {},
        description='Columns with several labels in a cell, and what stands between them: `{Genre: ", "}`. Each label '
        "becomes a number that is 1 where the cell has it; a target of labels is several numbers, for sigmoids.",
        examples=[{"Genre": ", "}],
    )
    dates: Dates = Field(
        {},
        description="Numbers that are made of dates and times: `{when: [year, month, weekday, hour]}`, or "
        "`{when: {parts: [month, hour], cyclic: true}}`.",
        examples=[{"when": ["year", "month", "weekday", "hour"]}],
    )
    sample_weight: SampleWeight | None = Field(
        None,
        description="The column with the weight of each row, or of each of its time steps; "
        "`{price: w1, kind: w2}` sets one for each target; a target without a column counts every row alike.",
    )
    missing: MissingPolicy = Field(
        "error",
        description="What to do with missing values: refuse them, drop their rows, or fill in the mean, the median or "
        "the most frequent value (for texts always); `{inputs: mean, targets: drop, age: median, deck: none}` does "
        "one for inputs, another for targets, and others for single columns, a number or a text among them; `{age: "
        "{fill: mean, indicator: true}}` adds an input that is 1 where it is missing.",
        examples=[{"inputs": "mean", "targets": "drop"}, {"inputs": "mean", "deck": "none"}],
    )
    unknown: Unknown | dict[str, Unknown] = Field(
        "error",
        description="What to do, after training, with a category that the training data did not have: refuse it, take "
        "it for one more category (`other`), or drop its row; or a map from column to one of these.",
        examples=["other", {"carrier": "other"}],
    )
    rare: int = Field(
        2,
        ge=1,
        description="Where unknown categories are taken for one more: that one is learnt from the categories that "
        "fewer training rows than this have.",
    )
    split: Split = Split()
    windows: Windows | None = Field(
        None,
        description="Rows in the order of time as windows for a model of sequences: inputs (length, columns), and "
        "the target some rows later. The split is by time then.",
        examples=[{"length": 48, "ahead": 24, "time": "date"}],
    )
    rows: DatasetOption = Field(
        None,
        description="Use this many rows, or this share of them, drawn at random, for a quick try.",
        examples=[10_000, "5%"],
    )
    train: DatasetOption = Field(None, description="In place of `path`: the file or files to train on.")
    validation: DatasetOption = Field(
        None,
        description="A file, or files, of the same columns, for the validation.",
    )
    test: DatasetOption = Field(
        None,
        description="A file, or files, of the same columns, for the test at the end.",
    )
    pad: Pads = Field(
        {},
        description="Columns of lists that differ in length, filled up or cut off to one length: `{steps: 20}`, or "
        "`{steps: {length: 20, value: 0, side: pre}}`. What fills up does not count for the scaling.",
        examples=[{"steps": 20}],
    )
    padding: dict[str, float] = Field(
        {},
        description="What sequences in arrays are filled up with to one length, by column: `{steps: 0}`. It does not "
        "count for the scaling and stays as it is, so that `Masking` finds it.",
        examples=[{"steps": 0}],
    )
    scale: Scaling | dict[str, Scaling] = Field(
        "none",
        description="Scaling of number inputs, fitted on the training part only; or a map from column to scaling.",
    )
    scale_targets: TargetScaling | dict[str, TargetScaling] = Field(
        "none",
        description="Scaling of the numbers to learn, fitted on the training part only; or a map from target or "
        "column to scaling. Metrics and predictions are in the target's own units, the loss is that of the scaled "
        "numbers.",
        examples=["standard"],
    )
    augment: tuple[Item, ...] = Field(
        (),
        description="Layers that change the pictures of training batches at random, `{use: RandomFlip, mode: "
        "horizontal}`: on the training part only, never in validation or in the saved file.",
    )

    @field_validator("validation")
    @classmethod
    def _is_no_fold(cls, files: Any, info: ValidationInfo) -> Any:
        split = info.data.get("split")
        if split is not None and split.fold is not None and isinstance(files, str | list | tuple):
            raise ValueError("`fold` of the split is the validation part: keep one of the two")
        return files

    @model_validator(mode="after")
    def _holds_no_password(self) -> Data:
        refuse_password(self.model_extra or {})
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the dataset function."""
        own = {name: getattr(self, name) for name in SHARED_KEYS}
        maps = {name: value for name, value in own.items() if isinstance(value, dict)}
        return {**(self.model_extra or {}), **maps}

    @property
    def keeps_test(self) -> bool:
        """True if rows are kept from training for a test, by the split or in a file of their own."""
        return bool(self.split.test) or isinstance(self.test, str | list | tuple)

    def padding_of(self, column: str) -> float | None:
        """What the sequences of a column are filled up with."""
        return self.pad[column].value if column in self.pad else self.padding.get(column)

    def unknown_of(self, column: str) -> Unknown:
        """What is done with an unknown category of a column."""
        return self.unknown.get(column, "error") if isinstance(self.unknown, dict) else self.unknown

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns whose cells are looked at as they are written, though they are no categories."""
        written = (name for name, dates in self.dates.items() if is_written(dates.format))
        return (*self.numbers, *self.several, *written)

    @property
    def literal_columns(self) -> tuple[str, ...]:
        """The columns that are read as they are written: categories, texts, and those of targets of classes."""
        targets = self.targets if isinstance(self.targets, dict) else {}
        classes = (targets[name] if len(targets.get(name, ())) == 1 else (name,) for name in self.classes)
        as_written = (*self.categories, *self.embed, *self.text, *self.strings)
        return tuple(dict.fromkeys([*as_written, *(name for group in classes for name in group)]))


class Recipe(Strict):
    """The one document: what to load, assemble, train and save."""

    kwb: Literal[1] = Field(description="The recipe format's version.")
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=100)] = Field(
        "model", description="Names the run's folder."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seeds weights, the split and the order of rows.")
    data: Annotated[Data, BeforeValidator(named)]
    model: Model
    weights: str | None = Field(
        None, description="A weights file to start from, relative to the recipe's file."
    )
    train: Train = Train()
    layers: dict[str, Layer] = Field(
        {},
        description="Layers and models made once, by name: `{use: NAME}` in the model is this same one each time.",
    )
    save: Names = Field((), description="Files to write when training ends: .keras, .h5 or .weights.h5.")
    # A run is one training: its own recipe has neither.
    search: Search | None = Field(
        None,
        exclude=True,
        description="Many trainings of other values, for `kwb search`: `{over: {train.batch_size: [16, 64]}, goal: "
        "val_loss}`.",
        examples=[{"over": {"train.batch_size": [16, 64]}, "goal": "val_loss", "trials": 20}],
    )
    repeat: Repeat | None = Field(
        None,
        exclude=True,
        description="The same training several times, for `kwb repeat`, or in each trial of a search: `{seeds: 5}`, or "
        "`{folds: 5}`.",
        examples=[{"seeds": 5}, {"folds": 5}],
    )

    @model_validator(mode="after")
    def _has_what_its_model_looks_up(self) -> Recipe:
        """What the model looks up as strings or whole numbers stays so, though the data section does not say it."""
        data = self.data
        used = {
            *data.strings,
            *data.integers,
            *data.categories,
            *data.text,
            *data.embed,
            *data.several,
            *data.dates,
        }
        columns = {
            kind: [name for name in looked_up_columns(self.model, data.inputs, layers) if name not in used]
            for kind, layers in (("strings", STRINGS), ("integers", INTEGERS))
        }
        if used and ALL in columns["integers"]:
            columns["integers"] = []  # a table of several kinds
        if not any(columns.values()):
            return self
        changed = {kind: (*getattr(data, kind), *found) for kind, found in columns.items()}
        return self.model_copy(update={"data": data.model_copy(update=changed)})
