"""The role of each column (input, target, weight), from the recipe or by default."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workbench.data.cells.readings import Reading, choose_readings
from workbench.data.column_checks import (
    check_embedded,
    check_integers,
    check_policies,
    check_texts,
    text_columns,
)
from workbench.data.scaling_roles import input_scaling, target_scaling
from workbench.data.source import Source
from workbench.data.strings import check_strings
from workbench.errors import RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.options.data import TargetScaling
from workbench.recipe.schema import Data, Scaling, weight_columns
from workbench.recipe.string_inputs import ALL

FEATURES = "features"
KNOWN = "known"
"""The input of windows that holds what is known ahead."""


@dataclass(frozen=True)
class Roles:
    """The role of each column.

    Attributes:
        inputs, targets: the columns of each, by name; one with several axes is not grouped with others.
        classes: the target columns that are class names, with the names where the source has them.
        categories: number columns to treat as categories.
        texts: columns of free text, each an input of its own.
        embedded: columns of many categories, each an input of its own.
        strings: columns that stay texts.
        integers: columns of whole numbers that are given to the model as they are.
        scaling: how each input column is scaled.
        target_scaling: by target, how each of its columns is scaled.
        sample_weight: the column of every target's weights, or columns by target, or None.
        stratify: a column, or None.
        places: of windows, what each column says of a row that is no input: its `time` or its `series`.
        forecasts: whether rows become windows: past values of a target may be an input then.
        readings: how columns are read whose cells are no plain numbers, texts or arrays.
    """

    inputs: Mapping[str, tuple[str, ...]]
    targets: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, tuple[str, ...] | None]
    categories: frozenset[str]
    scaling: Mapping[str, Scaling]
    target_scaling: Mapping[str, tuple[TargetScaling, ...]]
    sample_weight: str | Mapping[str, str] | None = None
    stratify: str | None = None
    texts: frozenset[str] = frozenset()
    embedded: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    forecasts: bool = False

    @property
    def used(self) -> tuple[str, ...]:
        """Every column that becomes part of an input, a target or the weights, once each."""
        groups = [*self.inputs.values(), *self.targets.values()]
        names = dict.fromkeys(name for group in groups for name in group)
        return tuple(dict.fromkeys([*names, *weight_columns(self.sample_weight)]))

    @property
    def needed(self) -> frozenset[str]:
        """The columns whose missing values no mean can stand for: targets and weights."""
        columns = {name for group in self.targets.values() for name in group}
        return frozenset(columns | set(weight_columns(self.sample_weight)))


def choose_roles(data: Data, source: Source) -> Roles:
    """Assign the source's columns.

    By default the targets are the source's, all remaining one-dimensional columns make one input named
    `features`, and each array of more axes and each column of free text is an input of its own name.

    Raises:
        RecipeError: the recipe names a column that is not there, or asks for two things at once.
    """
    _check_names(data.ignore, source, "data.ignore")
    targets = _targets(data, source)
    _check_weights(data, source, targets)
    taken = {name for group in targets.values() for name in group} | set(data.ignore)
    taken |= set(weight_columns(data.sample_weight))
    texts = text_columns(data, source)
    if data.windows is not None:
        _check_names(data.windows.places, source, "data.windows")
        taken |= set(data.windows.places) - set(data.dates)
    _check_split(data, source)
    if data.inputs is None:
        # What the parts are drawn by is not to learn from, unless the recipe says what it is.
        alone = {*data.embed, *data.strings, *data.integers, *data.pad}
        taken |= set(data.split.columns) - {*data.categories, *data.dates, *alone}
        inputs = _default_inputs(source, taken, {*texts, *alone})
        if data.windows is not None and data.windows.with_past:
            inputs = _with_past(inputs, targets, source)
    else:
        inputs = {name: tuple(columns) for name, columns in data.inputs.items()}
        _check_groups(inputs, source, data.ignore, "data.inputs")
    if data.windows is not None and data.windows.known:
        inputs |= {KNOWN: tuple(data.windows.known)}
        _check_groups({KNOWN: inputs[KNOWN]}, source, data.ignore, "data.windows")
    if not inputs:
        raise RecipeError(
            "no column is left for the inputs.",
            where="data.inputs",
            hint=f"The columns are: {_listed(source.columns)}.",
        )
    input_columns = [name for group in inputs.values() for name in group]
    check_policies(data, source, input_columns)
    check_texts(data, inputs, texts)
    check_embedded(data, source, inputs)
    strings = tuple(input_columns) if ALL in data.strings else data.strings
    check_strings(strings, data, source, inputs)
    integers = tuple(input_columns) if ALL in data.integers else data.integers
    if ALL in data.integers or any(
        source.columns[name].ndim > 1 for name in integers if name in source.columns
    ):
        # What the model looks up may be an array, whose numbers stay as they are anyway.
        integers = tuple(
            name for name in integers if name in source.columns and source.columns[name].ndim == 1
        )
    check_integers(integers, data, source, inputs)
    classes = _classes(data, source, targets)
    return Roles(
        inputs=inputs,
        targets=targets,
        classes=classes,
        categories=_categories(data, source, input_columns),
        scaling=input_scaling(data, inputs) | dict.fromkeys(integers, "none"),
        target_scaling=target_scaling(data, source, targets, classes),
        sample_weight=data.sample_weight,
        stratify=_stratify(data, source, targets),
        texts=texts & set(input_columns),
        embedded=frozenset(data.embed) & set(input_columns),
        strings=frozenset(strings),
        integers=frozenset(integers),
        readings=choose_readings(data, source, input_columns),
        places={} if data.windows is None else data.windows.roles,
        forecasts=data.windows is not None,
    )


def _check_weights(data: Data, source: Source, targets: Collection[str]) -> None:
    where, weights = "data.sample_weight", data.sample_weight
    places = {where: weights} if isinstance(weights, str) else {}
    if isinstance(weights, Mapping):
        for target in weights:
            if target not in targets:
                raise RecipeError(
                    f"there is no target '{target}'.",
                    where=f"{where}.{target}",
                    hint=did_you_mean(target, targets) or f"The targets are: {_listed(targets)}.",
                )
        places = {f"{where}.{target}": column for target, column in weights.items()}
    for place, column in places.items():
        _check_names([column], source, place)
        if (axes := source.columns[column].ndim) > 2:
            raise RecipeError(
                f"'{column}' has {axes} axes; a weight is one number a row, or one a time step.", where=place
            )


def _default_inputs(source: Source, taken: set[str], alone: Collection[str]) -> dict[str, tuple[str, ...]]:
    free = [name for name in source.columns if name not in taken]
    table = tuple(name for name in free if source.columns[name].ndim == 1 and name not in alone)
    inputs = {FEATURES: table} if table else {}
    inputs.update({name: (name,) for name in free if name not in table})
    return inputs


def _with_past(
    inputs: dict[str, tuple[str, ...]], targets: Mapping[str, tuple[str, ...]], source: Source
) -> dict[str, tuple[str, ...]]:
    """The inputs with the past of the targets, which goes first."""
    learned = dict.fromkeys(name for group in targets.values() for name in group)
    table = tuple(name for name in learned if source.columns[name].ndim == 1)
    if table:
        inputs = {FEATURES: (*table, *inputs.pop(FEATURES, ())), **inputs}
    return inputs | {name: (name,) for name in learned if name not in table}


def _targets(data: Data, source: Source) -> dict[str, tuple[str, ...]]:
    if isinstance(data.targets, dict):
        targets = {name: tuple(columns) for name, columns in data.targets.items()}
    else:
        columns = source.targets if data.targets is None else tuple(data.targets)
        if data.targets is None and not columns:
            if source.unlabelled:
                raise RecipeError(
                    f"{source.unlabelled}.",
                    where="data.path",
                    hint="A model that learns from its inputs alone (an autoencoder) has `targets: []`.",
                )
            raise RecipeError(
                f"'{data.use}' does not say what to learn.",
                where="data",
                hint=f"Name the target: `targets: [{list(source.columns)[-1]}]`. "
                f"The columns are: {_listed(source.columns)}.",
            )
        # Learning nothing (`targets: []`) is for models that bring their own losses.
        targets = {columns[0] if len(columns) == 1 else "targets": columns} if columns else {}
    _check_groups(targets, source, data.ignore, "data.targets")
    return targets


def _check_groups(
    groups: Mapping[str, tuple[str, ...]], source: Source, ignore: Iterable[str], where: str
) -> None:
    noun = "input" if where == "data.inputs" else "target"
    for group, columns in groups.items():
        place = where if group in columns and len(columns) == 1 else f"{where}.{group}"
        if not columns:
            raise RecipeError(f"the {noun} '{group}' has no columns.", where=place)
        _check_names(columns, source, place)
        for name in columns:
            if name in ignore:
                raise RecipeError(f"column '{name}' is ignored and wanted at once.", where=place)
            if columns.count(name) > 1:
                raise RecipeError(f"column '{name}' is listed {columns.count(name)} times.", where=place)
            axes = source.columns[name].ndim
            if axes > 1 and len(columns) > 1:
                raise RecipeError(
                    f"'{name}' has {axes} axes and cannot be joined with other columns.",
                    where=place,
                    hint=f"Give it a {noun} of its own: `{name}: [{name}]`.",
                )


def _classes(
    data: Data, source: Source, targets: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...] | None]:
    columns = {name for group in targets.values() for name in group}
    classes: dict[str, tuple[str, ...] | None] = {
        name: names or None for name, names in source.classes.items() if name in columns
    }
    for name in data.classes:
        group = targets.get(name, ())
        column = name if name in columns or len(group) != 1 else group[0]
        if column not in columns:
            near = did_you_mean(column, columns)
            raise RecipeError(
                f"'{column}' is not a target.",
                where="data.classes",
                hint=near or f"The targets are: {_listed(columns)}.",
            )
        classes.setdefault(column, None)
    for target, group in targets.items():
        for name in group:
            if name not in classes:
                continue
            if len(group) > 1:
                raise RecipeError(
                    f"the target '{target}' joins {len(group)} columns, and '{name}' holds class names.",
                    where="data.targets",
                    hint=f"Name it as a target of its own: `targets: {{{name}: [{name}], ...}}`.",
                )
            shape = source.columns[name].shape[1:]
            if shape not in ((), (1,)):
                raise RecipeError(
                    f"'{name}' has rows of the shape {shape}; a class is one value a row.",
                    where="data.classes",
                )
    return classes


def _categories(data: Data, source: Source, input_columns: list[str]) -> frozenset[str]:
    _check_names(data.categories, source, "data.categories")
    for name in data.categories:
        if name not in input_columns:
            raise RecipeError(
                f"column '{name}' is no input, so it cannot be one-hot encoded.",
                where="data.categories",
                hint="A target of categories belongs in `classes`.",
            )
        if source.columns[name].ndim > 1:
            raise RecipeError(
                f"'{name}' has {source.columns[name].ndim} axes; a category is one value a row.",
                where="data.categories",
            )
    return frozenset(data.categories)


def _check_split(data: Data, source: Source) -> None:
    for key in ("time", "group", "part"):
        name = getattr(data.split, key)
        if name is None:
            continue
        _check_names([name], source, f"data.split.{key}")
        if source.columns[name].ndim != 1:
            raise RecipeError(
                f"'{name}' has {source.columns[name].ndim} axes; a split needs one value a row.",
                where=f"data.split.{key}",
            )


def _stratify(data: Data, source: Source, targets: Mapping[str, tuple[str, ...]]) -> str | None:
    asked = data.split.stratify
    where = "data.split.stratify"
    if asked is False:
        return None
    if asked is True:
        if len(targets) != 1 or len(next(iter(targets.values()))) != 1:
            raise RecipeError(
                "with several targets, say which to stratify by: its column's name.", where=where
            )
        asked = next(iter(targets.values()))[0]
    _check_names([asked], source, where)
    if source.columns[asked].ndim != 1:
        raise RecipeError(
            f"'{asked}' has {source.columns[asked].ndim} axes; stratifying needs one value a row.",
            where=where,
        )
    if not data.split.shuffle:
        raise RecipeError(
            "a stratified split is drawn at random: it cannot keep the rows' order.", where=where
        )
    return asked


def _check_names(names: Iterable[str], source: Source, where: str) -> None:
    for name in names:
        if name not in source.columns:
            raise missing_column(name, source.columns, RecipeError, where, source.origin)


def missing_column(
    name: str, columns: Collection[str], error: type[WorkbenchError], where: str, origin: str
) -> WorkbenchError:
    """The error that says a column is not there, with the nearest name or all of them."""
    return error(
        f"there is no column '{name}'{f' in {origin}' if origin else ''}.",
        where=where,
        hint=did_you_mean(name, columns) or f"The columns are: {_listed(columns)}.",
    )


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(names[:20])
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"
