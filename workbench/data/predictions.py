"""Translate a model's outputs back to the units and classes of its training data, as columns of a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from workbench.data.preparation import Preparation
from workbench.data.specs import ClassTarget, NumberTarget, Target

# What stands beside a prediction, as the first word of its heading.
DERIVED = ("true", "error", "right", "confidence")


def prediction_columns(
    preparation: Preparation, outputs: Mapping[str, np.ndarray], *, threshold: float = 0.5
) -> dict[str, dict[str, np.ndarray]]:
    """The columns of a predictions file by output name, one value a row each.

    A target of classes has the class's name under the target's name and each class's score as
    `target=class`; a target of numbers has its columns; any other output has `name_1`, `name_2` ...

    Args:
        preparation: the model's; an output is matched to the target of its name, or, where there is one
            of each, to that one.
        outputs: predictions (rows, ...) by output name.
        threshold: from which score on a single score means the second of two classes.
    """
    targets = {spec.name: spec for spec in preparation.targets}
    if len(outputs) == 1 and len(targets) == 1:
        targets = {next(iter(outputs)): next(iter(targets.values()))}
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, values in outputs.items():
        target = targets.get(name)
        columns[name] = _columns(target.name if target else name, target, np.asarray(values), threshold)
    return columns


def unique_headings(
    columns: Mapping[str, Collection[str]], taken: Collection[str] = ()
) -> dict[tuple[str, str], str]:
    """A heading for each column (output name, column), which also with `true` or `error` before it is no other's.

    A column keeps its name, first of all the one that is called like its output; where the name is taken, the output's
    name makes the difference (`tags.age`). The scores of a target of classes follow its heading.

    Args:
        columns: the names of each output's columns.
        taken: headings that are used already.
    """
    used = set(taken)
    found: dict[tuple[str, str], str] = {}
    pairs = [(output, column) for output, own in columns.items() for column in own]
    for output, column in sorted(pairs, key=lambda pair: pair[0] != pair[1]):
        first = next(iter(columns[output]))
        heading = column
        if column.startswith(f"{first}=") and (output, first) in found:
            heading = found[output, first] + column.removeprefix(first)
        while used & (family := {heading, *(f"{word} {heading}" for word in DERIVED)}):
            heading = f"{output}.{heading}"
        used |= family
        found[output, column] = heading
    return found


def _columns(name: str, target: Target | None, values: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    flat = values.reshape(len(values), -1)
    if isinstance(target, ClassTarget):
        classes = np.array(target.classes, dtype=object)
        if flat.shape[1] == len(classes) > 1:
            scores = {f"{name}={label}": flat[:, at] for at, label in enumerate(classes)}
            return {name: classes[flat.argmax(axis=1)], **scores}
        if flat.shape[1] == 1 and len(classes) == 2:
            second = flat[:, 0] >= threshold
            return {name: classes[second.astype(int)], f"{name}={classes[1]}": flat[:, 0]}
    if isinstance(target, NumberTarget) and flat.shape[1] == len(target.columns):
        return {column: flat[:, at] for at, column in enumerate(target.columns)}
    if flat.shape[1] == 1:
        return {name: flat[:, 0]}
    return {f"{name}_{at + 1}": flat[:, at] for at in range(flat.shape[1])}
