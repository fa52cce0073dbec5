"""The worker's last answer about the recipe: shapes, parameters, the error and its position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from workbench.errors import RecipeWarning, WorkbenchError
from workbench.recipe.located_error import LocatedError
from workbench.recipe.outline import RecipeRow


@dataclass(frozen=True)
class Examination:
    """An answer of the `examine` command.

    Attributes:
        shapes: output shapes by recipe key.
        parameters: by recipe key.
        total, trainable: parameters of the whole model; None where there is an error.
        inputs: shapes of the data's inputs by name, without the batch axis.
        data: the rows of each part, for people.
        error: the first one.
        warnings: what hinders nothing and is likely not meant.
        paths: layers' paths in the model by recipe key.
        fresh: the keys that this answer has; what is known of other keys is from an earlier answer.
    """

    shapes: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    total: int | None = None
    trainable: int | None = None
    inputs: Mapping[str, list[int | None]] = field(default_factory=dict)
    targets: Mapping[str, list[int | None]] = field(default_factory=dict)
    data: str = ""
    error: LocatedError | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    fresh: frozenset[str] = frozenset()
    warnings: tuple[RecipeWarning, ...] = ()

    @classmethod
    def of(cls, answer: Mapping[str, Any], name: str) -> Examination:
        """From an answer about the recipe of that name."""
        rows = answer.get("rows", ())
        error = answer.get("error")
        return cls(
            {row["key"]: row["output_shape"] for row in rows},
            {row["key"]: row["parameters"] for row in rows},
            answer.get("parameters"),
            answer.get("trainable_parameters"),
            answer.get("inputs", {}),
            answer.get("targets", {}),
            answer.get("data", ""),
            error and LocatedError.of(WorkbenchError.from_record(error), name),
            {row["key"]: row["path"] for row in rows},
            frozenset(row["key"] for row in rows),
            tuple(RecipeWarning(**warning) for warning in answer.get("warnings", ())),
        )

    def after(self, before: Examination) -> Examination:
        """This examination, with results that only the one before has: an error hides what comes after it."""
        if self.error is None:
            return self
        return Examination(
            {**before.shapes, **self.shapes},
            {**before.parameters, **self.parameters},
            inputs=self.inputs or before.inputs,
            targets=self.targets or before.targets,
            data=self.data or before.data,
            error=self.error,
            paths={**before.paths, **self.paths},
            fresh=self.fresh,
        )

    def carried(self, before: Sequence[RecipeRow], now: Sequence[RecipeRow]) -> Examination:
        """The known results, under the keys that the same rows have after an edit."""
        keys: dict[str, str] = {}
        matcher = SequenceMatcher(
            None, [_same(row) for row in before], [_same(row) for row in now], autojunk=False
        )
        for what, start, end, new_start, new_end in matcher.get_opcodes():
            if what == "equal" or (what == "replace" and end - start == new_end - new_start):
                keys |= {
                    old.key: new.key
                    for old, new in zip(before[start:end], now[new_start:new_end], strict=True)
                }
        if all(old == new for old, new in keys.items()) and len(before) == len(now):
            return self
        return replace(
            self,
            shapes={keys[key]: shape for key, shape in self.shapes.items() if key in keys},
            parameters={keys[key]: count for key, count in self.parameters.items() if key in keys},
            paths={keys[key]: path for key, path in self.paths.items() if key in keys},
        )


def _same(row: RecipeRow) -> tuple[str, ...]:
    return row.role.value, row.use, row.arguments, row.inputs
