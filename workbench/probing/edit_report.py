"""What an edit of a layer's code has changed: the model before and after, with the same weights and batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from workbench.events import plain
from workbench.probing.summaries import as_number

MOST = 8  # lines of one kind

What = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class EditedPart:
    """One thing that is there no more, is new, or is another now.

    Attributes:
        what: which of these.
        name: of a layer its path, of an argument `PATH.NAME`, of a weight its path.
        before: what it was, for people.
        after: what it is.
    """

    what: What
    name: str
    before: str = ""
    after: str = ""

    def text(self) -> str:
        """`gate.strength: 0.5 → 0.7`."""
        if self.what == "added":
            return f"+ {self.name}{': ' if self.after else ''}{self.after}"
        if self.what == "removed":
            return f"- {self.name}{': ' if self.before else ''}{self.before}"
        return f"~ {self.name}: {self.before} → {self.after}"


@dataclass(frozen=True)
class OutputDifference:
    """How the output of a call of a layer differs.

    Attributes:
        path: with the number of the call from the second on.
        largest: the largest difference of two numbers; nan where one is nan and the other is not.
        relative: the same, in relation to the largest number before.
        share: of the numbers that differ, from 0 to 1.
        shapes: "" where they are the same, else `(32, 4) → (32, 5)`.
    """

    path: str
    largest: float = 0.0
    relative: float = 0.0
    share: float = 0.0
    shapes: str = ""

    def text(self) -> str:
        if self.shapes:
            return f"{self.path}: shape {self.shapes}"
        of_size = f"{self.relative:.2g} of its size"
        return f"{self.path}: by {self.largest:.3g} at most ({of_size}), {self.share:.0%} of the numbers"


@dataclass(frozen=True)
class EditReport:
    """What an edit has changed.

    Attributes:
        layers: layers, and classes of layers.
        arguments: what their configurations hold.
        weights: weights and their shapes. All others have the values that they had before.
        outputs: of the calls of layers that differ, in the order of the calls.
        loss: on the batch, before and after; None where there is none.
        parameters: before and after.
        bytes: of the outputs of all layers, before and after.
        seconds: of a step, before and after; None where they were not measured.
    """

    layers: tuple[EditedPart, ...] = ()
    arguments: tuple[EditedPart, ...] = ()
    weights: tuple[EditedPart, ...] = ()
    outputs: tuple[OutputDifference, ...] = ()
    loss: tuple[float, float] | None = None
    parameters: tuple[int, int] = (0, 0)
    bytes: tuple[int, int] = (0, 0)
    seconds: tuple[float, float] | None = None

    def lines(self) -> list[str]:
        """For people."""
        lines: list[str] = []
        for title, changes in (
            ("layers", self.layers),
            ("arguments", self.arguments),
            ("weights", self.weights),
        ):
            if changes:
                lines += [f"{title}:", *(f"  {change.text()}" for change in changes[:MOST])]
                lines += [f"  and {len(changes) - MOST:,} more"] if len(changes) > MOST else []
        if self.outputs:
            first, *others = self.outputs
            lines += ["the first output that differs:", f"  {first.text()}"]
            if others:
                lines += ["after it:", *(f"  {each.text()}" for each in others[:MOST])]
                lines += [f"  and {len(others) - MOST:,} more"] if len(others) > MOST else []
        elif not lines:
            lines.append("The edit changes nothing: the same layers, weights and outputs.")
        else:
            lines.append("All outputs are the same to the bit.")
        if self.loss is not None:
            lines.append(f"loss on the batch: {_pair(*(f'{value:.6g}' for value in self.loss))}")
        if self.parameters[0] != self.parameters[1]:
            lines.append(f"parameters: {_pair(*(f'{value:,}' for value in self.parameters))}")
        if self.bytes[0] != self.bytes[1]:
            lines.append(f"bytes of the outputs: {_pair(*(f'{value:,}' for value in self.bytes))}")
        if self.seconds is not None:
            lines.append(f"a step: {_pair(*(f'{1000 * value:.3g} ms' for value in self.seconds))}")
        return lines

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        record: dict[str, Any] = plain(asdict(self))
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> EditReport:
        changes: dict[str, Any] = {
            name: tuple(EditedPart(**each) for each in record[name])
            for name in ("layers", "arguments", "weights")
        }
        pairs: dict[str, Any] = {
            name: tuple(map(as_number, record[name])) if record[name] is not None else None
            for name in ("loss", "seconds")
        }
        counts = {name: tuple(record[name]) for name in ("parameters", "bytes")}
        numbers = ("largest", "relative", "share")
        outputs = tuple(
            OutputDifference(**{**each, **{name: as_number(each[name]) for name in numbers}})
            for each in record["outputs"]
        )
        return cls(outputs=outputs, **changes, **pairs, **counts)


def _pair(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"
