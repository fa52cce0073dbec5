"""What a probe has found: the layers of a model on a real batch, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workbench.events import plain
from workbench.probing.edit_report import EditReport
from workbench.probing.summaries import TensorSummary, as_number

MOST_CALLS = 4  # of one layer that have a line


@dataclass(frozen=True)
class BinCounts:
    """How often numbers occur: `counts[i]` numbers are from `edges[i]` to `edges[i + 1]`. Of finite numbers."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class ProbedTensor:
    """A tensor of a layer.

    Attributes:
        role: `input`, `output`, `mask`, `weight`, `gradient`: of the loss with regard to what `name` says.
        name: of the argument, the output or the weight.
        summary: the tensor in a few numbers.
        histogram: of its numbers.
        saturated: the share of numbers at the flat ends of a sigmoid or tanh, from 0 to 1; None for others.
        picture: a part of it as rows of numbers, to be drawn; empty where it has none.
        picture_of: which part that is: `row 0`.
    """

    role: str
    name: str
    summary: TensorSummary
    histogram: BinCounts = BinCounts()
    saturated: float | None = None
    picture: tuple[tuple[float, ...], ...] = ()
    picture_of: str = ""


@dataclass(frozen=True)
class LayerLine:
    """A layer in the table of the model, one line for each of its calls.

    Attributes:
        path: with the number of the call from the second on: `encoder#2`.
        cls: its class.
        depth: how many calls of other layers this one is inside of.
        output: its output in a few numbers, of several outputs the first one.
        saturated: as of `ProbedTensor`.
        gradient: the norm of the gradient of the loss with regard to the output; None where there is none.
        weight_gradient: the norm of the gradient with regard to all weights of the layer; None where there is none.
        kept: of a masked output, the share of steps that the mask keeps; None where there is no mask.
        parameters: how many the layer holds, with those inside.
        bytes: of its outputs.
        calls: how many calls of the layer there are in all; not all of many have a line.
    """

    path: str
    cls: str
    depth: int
    output: TensorSummary | None
    saturated: float | None
    gradient: float | None
    weight_gradient: float | None
    kept: float | None
    parameters: int
    bytes: int
    calls: int = 1


@dataclass(frozen=True)
class LayerCost:
    """What a call of a layer costs in a step, without the layers inside of it.

    Attributes:
        path: of the layer; `(loss)`, `(update)`, `(rest)` for what is of no layer.
        forward: seconds.
        backward: seconds.
        forward_operations: floating-point operations that TensorFlow knows a number for.
        backward_operations: those of the gradient.
        parameters: how many it holds.
    """

    path: str
    forward: float
    backward: float
    forward_operations: float
    backward_operations: float
    parameters: int = 0


@dataclass(frozen=True)
class Cost:
    """What a step costs: `seconds` that one takes in all, compiled, and the layers."""

    seconds: float
    layers: tuple[LayerCost, ...]

    @property
    def measured(self) -> float:
        """Seconds of all layers together."""
        return sum(each.forward + each.backward for each in self.layers)


@dataclass(frozen=True)
class Memory:
    """How many bytes a training needs, about, and how many are free."""

    parameters: int
    optimizer: int
    activations: int
    data: int
    free: int

    @property
    def needed(self) -> int:
        """All of it; gradients are as large as the parameters."""
        return 2 * self.parameters + self.optimizer + self.activations + self.data


@dataclass(frozen=True)
class Probe:
    """What a probe has found.

    Attributes:
        name: what was probed.
        began: the weights that it has, in words: `new weights`, `the weights of epoch 12`.
        rows: of the batch.
        loss: on the batch; None where the step returns none.
        lines: the table of the model.
        tensors: of the layer that was asked for.
        layer: its path; "" where none was asked for.
        cost: None where it was not asked for.
        memory: None where it is not known.
        steps: of an epoch of its training; 0 where that is not known.
        edit: what an edit has changed, where it is compared with what was before; else None.
    """

    name: str
    began: str
    rows: int
    loss: float | None
    lines: tuple[LayerLine, ...]
    tensors: tuple[ProbedTensor, ...] = ()
    layer: str = ""
    cost: Cost | None = None
    memory: Memory | None = None
    steps: int = 0
    edit: EditReport | None = None

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        record: dict[str, Any] = plain(asdict(self))
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Probe:
        cost, memory = record["cost"], record["memory"]
        return cls(
            **{
                **record,
                "loss": _number(record["loss"]),
                "lines": tuple(map(_line, record["lines"])),
                "tensors": tensors_from(record["tensors"]),
                "cost": cost_from(cost) if cost else None,
                "memory": Memory(**memory) if memory else None,
                "edit": EditReport.from_record(record["edit"]) if record["edit"] else None,
            }
        )


def tensors_from(records: Sequence[Mapping[str, Any]]) -> tuple[ProbedTensor, ...]:
    """The tensors of a record as JSON."""
    return tuple(_tensor(each) for each in records)


def cost_from(record: Mapping[str, Any]) -> Cost:
    """The cost of a record as JSON."""
    return Cost(record["seconds"], tuple(LayerCost(**each) for each in record["layers"]))


def _number(value: Any) -> float | None:
    return None if value is None else as_number(value)


def _line(record: Mapping[str, Any]) -> LayerLine:
    numbers = {name: _number(record[name]) for name in ("saturated", "gradient", "weight_gradient", "kept")}
    return LayerLine(**{**record, **numbers, "output": _summary(record["output"])})


def _summary(record: Mapping[str, Any] | None) -> TensorSummary | None:
    return TensorSummary.from_record(record) if record else None


def _tensor(record: Mapping[str, Any]) -> ProbedTensor:
    histogram: Mapping[str, Sequence[Any]] = record["histogram"]
    return ProbedTensor(
        **{
            **record,
            "summary": TensorSummary.from_record(record["summary"]),
            "histogram": BinCounts(tuple(map(as_number, histogram["edges"])), tuple(histogram["counts"])),
            "saturated": _number(record["saturated"]),
            "picture": tuple(tuple(map(as_number, row)) for row in record["picture"]),
        }
    )
