"""Where a number that is not finite comes from, in words, and what usually helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from workbench.origin import CodePlace
from workbench.probing.summaries import TensorSummary

Phase = Literal["call", "loss", "metric", "update", "step"]
Kind = Literal["operation", "gradient", "data", "variable", "value"]

LARGE = 1e6  # numbers of this size in a step come from numbers that grew
HALF = ("float16", "Half")
_MOST_ROWS = 5  # rows that are named

_PHASES: dict[Phase, str] = {
    "call": "in the call",
    "loss": "in the loss",
    "metric": "in a metric",
    "update": "in the update of the weights",
    "step": "in the step",
}

_GREW = "The numbers grew from step to step: a smaller learning rate or gradient clipping (optimizer: clipnorm) helps."
_OF_DATA = "`data.missing` says what to do with missing values; `kwb data` shows the columns."
# By TensorFlow's name of the operation.
_HINTS = {
    "Log": "The logarithm of 0 is -inf, of a negative number nan: ops.log(ops.maximum(x, keras.config.epsilon())).",
    "Log1p": "log1p(x) needs x above -1.",
    "RealDiv": "A division by 0: ops.divide_no_nan, or a small number added to what is divided by.",
    "Div": "A division by 0: ops.divide_no_nan, or a small number added to what is divided by.",
    "Reciprocal": "A division by 0: a small number added to what is divided by.",
    "Exp": "exp(x) is too large for float32 from x = 89 on, for float16 from 12: subtract the largest number first, or "
    "use ops.softmax or ops.logsumexp.",
    "Expm1": "exp(x) is too large for float32 from x = 89 on, for float16 from 12.",
    "Pow": "A negative number to a power that is no whole number is nan; 0 to a negative power is infinite.",
    "Sqrt": "The square root of a negative number is nan: ops.sqrt(ops.maximum(x, 0)).",
    "Rsqrt": "One divided by the root of 0: a small number added below the root.",
    "Acos": "It needs numbers from -1 to 1: ops.clip.",
    "Asin": "It needs numbers from -1 to 1: ops.clip.",
    "Atanh": "It needs numbers between -1 and 1: ops.clip.",
    "Acosh": "It needs numbers from 1 on.",
    "Cast": "float16 has no numbers above 65,504: bfloat16 has them, or scale what goes in.",
}  # fmt: skip
_GRADIENT_HINTS = {
    "Sqrt": "The gradient of a square root at 0 is infinite: ops.sqrt(x + keras.config.epsilon()).",
    "Rsqrt": "The gradient of 1 / sqrt(x) at 0 is infinite: add a small number to x.",
    "Log": "The gradient of a logarithm at 0 is infinite, also where `where` leaves its result out: give the logarithm "
    "only numbers above 0, as ops.log(ops.where(x > 0, x, 1.0)).",
    "RealDiv": "The gradient of a division by 0 is infinite, also where `where` leaves its result out: let what is "
    "divided by never be 0.",
    "Pow": "The gradient of x ** p at 0 is infinite for p below 1: add a small number to x.",
    "Acos": "Its gradient at -1 and 1 is infinite: ops.clip to a little less.",
    "Asin": "Its gradient at -1 and 1 is infinite: ops.clip to a little less.",
    "Norm": "The gradient of a norm of 0 is infinite: add a small number below its root.",
}  # fmt: skip


@dataclass(frozen=True)
class OperationPlace:
    """Where an operation runs: the phase of the step, the innermost layer, the line of the user's code."""

    phase: Phase = "step"
    layer: str = ""
    cls: str = ""
    code: CodePlace | None = None

    def text(self) -> str:
        """`in the call of 'gate' (Gate)`."""
        if self.layer:
            of = "" if self.phase in ("call", "step") else f"{_PHASES[self.phase]}, "
            return f"{of}in the call of '{self.layer}' ({self.cls})"
        return _PHASES[self.phase]


@dataclass(frozen=True)
class NonFiniteOrigin:
    """An operation whose result is not finite although all that went in is, or a value that was so before the step.

    Attributes:
        kind: `operation`; `gradient`, one that computes the gradient of another; `data`, a number of the batch;
            `variable`, a weight or a state that was so before the step; `value`, a constant, or what code outside of
            TensorFlow has made.
        operation: TensorFlow's name of the operation; of a gradient that of the operation whose gradient it is.
        place: where it runs; of a gradient where that operation did.
        name: of data the input or the target, of a variable its path.
        inputs: what went in.
        output: what came out.
        rows: rows of the batch, from 0, that are not finite; empty where the result has no axis of rows.
    """

    kind: Kind
    operation: str = ""
    place: OperationPlace = OperationPlace()
    name: str = ""
    inputs: tuple[TensorSummary, ...] = ()
    output: TensorSummary | None = None
    rows: tuple[int, ...] = ()

    def sentence(self) -> str:
        """What it is, without the full stop."""
        if self.kind == "data":
            return f"the data has numbers that are not finite in '{self.name}'"
        if self.kind == "variable":
            return f"'{self.name}' was not finite before the step"
        if self.kind == "value":
            return f"a value that no operation of TensorFlow has made, {self.place.text()}, is not finite"
        if self.kind == "gradient":
            return f"the gradient of {self.operation}, {self.place.text()}, is not finite"
        return f"the result of {self.operation}, {self.place.text()}, is not finite"

    def hint(self) -> str:
        """What usually helps; empty where nothing does."""
        if self.kind == "data":
            return _OF_DATA
        if self.kind == "variable":
            return _GREW
        if self.kind == "value":
            return "It is a constant, or the result of numpy_function or py_function: the line is where it is used."
        grew = any(max(abs(each.minimum), abs(each.maximum)) > LARGE for each in self.inputs)
        by_name = _GRADIENT_HINTS if self.kind == "gradient" else _HINTS
        known = by_name.get(self.operation, "")
        if self.output is not None and self.output.dtype in HALF and not known:
            return _HINTS["Cast"]
        return _GREW if grew and self.operation != "Cast" else known or _GREW

    def lines(self, rows: Sequence[int] = ()) -> list[str]:
        """For people.

        Args:
            rows: the rows of the data, from 1, that `rows` stands for; empty where they are not known.
        """
        lines = [f"{self.sentence()}."]
        if self.place.code is not None:
            lines += [f"  {line}" for line in self.place.code.lines]
        lines += [f"  input     {each.text()}" for each in self.inputs]
        if self.output is not None:
            lines.append(f"  {'output' if self.inputs else 'value':<9} {self.output.text()}")
        if self.rows and self.output is not None:
            all_of = self.output.shape and len(self.rows) == self.output.shape[0]
            if rows and not all_of:
                lines.append(f"  rows      {shortened(rows)} of the data (from 1)")
            else:
                some = f"{shortened([row + 1 for row in self.rows])} of the batch (from 1)"
                lines.append(f"  rows      {'all of the batch' if all_of else some}")
        return lines

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind,
            "operation": self.operation,
            "phase": self.place.phase,
            "layer": self.place.layer,
            "class": self.place.cls,
            "code": asdict(self.place.code) if self.place.code else None,
            "name": self.name,
            "inputs": [each.as_record() for each in self.inputs],
            "output": self.output.as_record() if self.output else None,
            "rows": list(self.rows),
            "hint": self.hint(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> NonFiniteOrigin:
        code = CodePlace(**record["code"]) if record["code"] else None
        return cls(
            record["kind"],
            record["operation"],
            OperationPlace(record["phase"], record["layer"], record["class"], code),
            record["name"],
            tuple(TensorSummary.from_record(each) for each in record["inputs"]),
            TensorSummary.from_record(record["output"]) if record["output"] else None,
            tuple(record["rows"]),
        )


def shortened(rows: Sequence[int]) -> str:
    """`3, 8, 11 and 4 more`."""
    shown = ", ".join(f"{row:,}" for row in rows[:_MOST_ROWS])
    more = len(rows) - _MOST_ROWS
    return f"{shown} and {more:,} more" if more > 0 else shown
