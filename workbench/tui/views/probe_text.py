"""A probe as text."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.probing.probe_report import (
    MOST_CALLS,
    BinCounts,
    Cost,
    LayerLine,
    Memory,
    Probe,
    ProbedTensor,
)
from workbench.tui.views.formatting import amount, mean_and_spread, number, share_text

BARS = " ▁▂▃▄▅▆▇█"
SHADES = " ░▒▓█"
_LEAST = 1e-12


def probe_lines(probe: Probe) -> list[str]:
    """A probe for people: what was probed, the table of the model or the tensors of a layer, and what it costs."""
    lines = [f"{probe.name}: {probe_head(probe)}", ""]
    if probe.edit is not None:
        lines += [*probe.edit.lines(), ""]
    if probe.layer:
        for tensor in probe.tensors:
            lines += [*tensor_lines(tensor), ""]
        lines.pop()
    else:
        lines += table(layer_cells(probe.lines))
    if probe.cost is not None:
        lines += ["", *cost_lines(probe.cost, probe.steps)]
    if probe.memory is not None and not probe.layer:
        lines += ["", memory_line(probe.memory)]
    return lines


def probe_head(probe: Probe) -> str:
    """`new weights, a batch of 32 rows, loss 0.53`."""
    loss = "" if probe.loss is None else f", loss {probe.loss:.6g}"
    return f"{probe.began}, a batch of {probe.rows:,} rows{loss}"


def layer_cells(lines: Sequence[LayerLine]) -> list[tuple[str, ...]]:
    """The table of the model: a heading, and the cells of each call of a layer."""
    head = (
        "layer",
        "class",
        "output",
        "mean",
        "± std",
        "range",
        "zeros",
        "saturated",
        "gradient",
        "weight gradient",
        "mask keeps",
    )
    rows: list[tuple[str, ...]] = [head]
    for line in lines:
        out = line.output
        bad = f"{out.nan + out.infinite:,} not finite" if out is not None and not out.is_finite else ""
        rows.append(
            (
                f"{'  ' * line.depth}{line.path}{_of_calls(line)}",
                line.cls,
                "" if out is None else _shape(out.shape),
                "" if out is None else number(out.mean),
                "" if out is None else number(out.deviation),
                bad or ("" if out is None else f"{number(out.minimum)} … {number(out.maximum)}"),
                "" if out is None else share_text(out.zeros),
                _share(line.saturated),
                _number(line.gradient),
                _number(line.weight_gradient),
                _share(line.kept),
            )
        )
    used = [any(row[at] for row in rows[1:]) for at in range(len(head))]
    return [tuple(cell for cell, shown in zip(row, used, strict=True) if shown) for row in rows]


def _of_calls(line: LayerLine) -> str:
    """The last line of a layer that is called more often than it has lines says so."""
    number = int(line.path.partition("#")[2] or 1)
    return f" … {line.calls:,}" if line.calls > number == MOST_CALLS else ""


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as it has to be."""
    if not rows:
        return []
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def tensor_lines(tensor: ProbedTensor) -> list[str]:
    """A tensor: its role, its numbers, a histogram and a picture."""
    what = (
        f"gradient of the loss with respect to {tensor.name}"
        if tensor.role == "gradient"
        else f"{tensor.role} {tensor.name}"
    )
    lines = [f"{what}: {tensor.summary.text()}"]
    if tensor.histogram.counts:
        notes = [
            f"mean {mean_and_spread(tensor.summary.mean, tensor.summary.deviation)}",
            f"{share_text(tensor.summary.zeros)} zeros",
            *([f"{share_text(tensor.saturated)} saturated"] if tensor.saturated is not None else []),
        ]
        edges = tensor.histogram.edges
        lines.append(f"  {', '.join(notes)}")
        lines.append(f"  {number(edges[0])} {bars(tensor.histogram)} {number(edges[-1])}")
    if len(tensor.picture) > 1 or (tensor.picture and len(tensor.picture[0]) > 1):
        lines += [f"  {tensor.picture_of}" if tensor.picture_of else "  all of it"]
        lines += [f"  {line}" for line in shaded(tensor.picture)]
    return lines


def bars(histogram: BinCounts) -> str:
    """A histogram in one line. A bin that holds anything has a bar."""
    most = max(histogram.counts, default=0)
    return "".join(
        BARS[0 if not count else 1 + (len(BARS) - 2) * count // most] for count in histogram.counts
    )


def shaded(picture: Sequence[Sequence[float]]) -> list[str]:
    """Rows of numbers in shades, the smallest the lightest; a number that is not finite is `!`, a gap empty."""
    numbers = [value for row in picture for value in row if value == value and abs(value) != float("inf")]
    if not numbers:
        return ["!" * len(row) for row in picture]
    low, high = min(numbers), max(numbers)
    width = max(high - low, _LEAST)

    def shade(value: float) -> str:
        if value != value:
            return " "
        if abs(value) == float("inf"):
            return "!"
        return SHADES[1 + min(int((value - low) / width * (len(SHADES) - 1)), len(SHADES) - 2)]

    return ["".join(map(shade, row)) for row in picture]


def cost_lines(cost: Cost, steps: int) -> list[str]:
    """What a step costs, as a table with sums, and how long an epoch may take. TensorFlow does not measure its smallest
    operations one by one: they are in the last line but one, with the time between operations."""
    head = ("layer", "forward", "backward", "share", "operations", "backward", "parameters")
    rows: list[tuple[str, ...]] = [head]
    for each in cost.layers:
        share = (each.forward + each.backward) / max(cost.seconds, _LEAST)
        rows.append(
            (
                each.path,
                milliseconds(each.forward),
                milliseconds(each.backward) if each.backward else "",
                share_text(share),
                count(each.forward_operations),
                count(each.backward_operations),
                f"{each.parameters:,}" if each.parameters else "",
            )
        )
    between = cost.seconds - cost.measured
    rows.append(
        (
            "small operations and gaps",
            milliseconds(max(between, 0.0)),
            "",
            share_text(max(between, 0.0) / max(cost.seconds, _LEAST)),
            "",
            "",
            "",
        )
    )
    rows.append(("a step", milliseconds(cost.seconds), "", "", "", "", ""))
    lines = table(rows)
    if steps:
        lines.append(
            f"At this speed an epoch of {steps:,} steps takes about {_seconds(steps * cost.seconds)}; the engines of a "
            "training are often faster."
        )
    return lines


def memory_line(memory: Memory) -> str:
    """Whether a training fits."""
    parts = [
        f"weights and gradients {amount(2 * memory.parameters)}",
        f"optimizer {amount(memory.optimizer)}",
        f"outputs of layers {amount(memory.activations)}",
        *([f"data {amount(memory.data)}"] if memory.data else []),
    ]
    fits = "fits into" if memory.needed <= memory.free else "DOES NOT FIT into"
    return (
        f"Training needs about {amount(memory.needed)} ({', '.join(parts)}), and {fits} the "
        f"{amount(memory.free)} that are free."
    )


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def _share(value: float | None) -> str:
    return "" if value is None else share_text(value)


def milliseconds(seconds: float) -> str:
    """`1.24 ms`."""
    return f"{1000 * seconds:.3g} ms"


def count(operations: float) -> str:
    """`1.2 M` of operations; empty for none."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if operations >= size:
            return f"{operations / size:.3g} {unit}"
    return f"{operations:.0f}" if operations else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 60 else f"{seconds / 60:.2g} min"


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})" if len(shape) != 1 else f"({shape[0]},)"
