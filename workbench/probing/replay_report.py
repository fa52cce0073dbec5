"""What a replay has found: from which operation the first number of a run that is not finite comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.probing.nonfinite_origin import NonFiniteOrigin

_OF_ROW = "Look at this row. If the value is wrong, correct the data; if it is right, scale the column (`data.scale`)."
MOST_ORIGINS = 3  # that are shown


@dataclass(frozen=True)
class Replay:
    """What a replay has found.

    Attributes:
        run: the name of its folder.
        log: the number that was not finite: a loss, a metric, or `weights`.
        epoch: of the step, from 1.
        step: from 1; 0 where no step of that epoch was found.
        part: `training` or `validation`.
        began: where the replay began, in words.
        origins: where it comes from, the first one first; empty where that was not found.
        rows: the rows of the data, from 1, that the first origin names; empty where they are not known.
        data: the number of the data that stands out in those rows, in a sentence; empty where none does.
        weights: the weights that the step has made not finite, by path.
        reason: why nothing was found; "" where something was.
        changed: what is another now than when the run was trained, in words.
    """

    run: str
    log: str
    epoch: int
    step: int
    part: str = "training"
    began: str = ""
    origins: tuple[NonFiniteOrigin, ...] = ()
    rows: tuple[int, ...] = ()
    data: str = ""
    weights: tuple[str, ...] = ()
    reason: str = ""
    changed: tuple[str, ...] = ()

    @property
    def position(self) -> str:
        """`step 3 of epoch 2`, of a validation with its part."""
        of = "" if self.part == "training" else "the validation after "
        step = f"step {self.step:,} of " if self.step else ""
        return f"{step}{of}epoch {self.epoch:,}"

    def lines(self) -> list[str]:
        """For people."""
        if self.log == "weights":
            log = "weights are"
        else:
            log = f"the {self.log} is" if self.log in ("loss", "val_loss") else f"'{self.log}' is"
        head = f"{log} nan or infinite in {self.position} (trained again from {self.began})."
        changed = (
            ["", "changed since the run:", *(f"  {text}" for text in self.changed)] if self.changed else []
        )
        if self.reason:
            return [head, f"Where it comes from was not found: {self.reason}", *changed]
        shown = self.origins[:MOST_ORIGINS]
        lines = [head, ""]
        for number, origin in enumerate(shown):
            if number:
                lines += ["", "another origin:"]
            lines += origin.lines(self.rows if number == 0 else ())
        if more := len(self.origins) - len(shown):
            lines += ["", f"and {more} more"]
        if self.data:
            lines += ["", self.data]
        if self.weights:
            named = ", ".join(f"'{name}'" for name in self.weights[:MOST_ORIGINS])
            others = len(self.weights) - MOST_ORIGINS
            lines += ["", f"The step makes {named}{f' and {others} more' if others > 0 else ''} not finite."]
        return [*lines, *(["", f"Hint: {self.hint}"] if self.hint else []), *changed]

    @property
    def hint(self) -> str:
        """What usually helps; empty where nothing is known."""
        if self.data:
            return _OF_ROW
        return self.origins[0].hint() if self.origins else ""

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "run": self.run,
            "log": self.log,
            "epoch": self.epoch,
            "step": self.step,
            "part": self.part,
            "began": self.began,
            "origins": [each.as_record() for each in self.origins],
            "rows": list(self.rows),
            "data": self.data,
            "hint": self.hint,
            "weights": list(self.weights),
            "reason": self.reason,
            "changed": list(self.changed),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Replay:
        origins = tuple(NonFiniteOrigin.from_record(each) for each in record["origins"])
        listed = {name: tuple(record[name]) for name in ("rows", "weights", "changed")}
        plain = {name: value for name, value in record.items() if name != "hint"}
        return cls(**{**plain, "origins": origins, **listed})
