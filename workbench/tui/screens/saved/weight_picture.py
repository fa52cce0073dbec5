"""WeightPicture: the values of one weight as a histogram of blocks, with facts that a mean does not show."""

from __future__ import annotations

import math
from collections.abc import Iterator

from textual.content import Content
from textual.widget import Widget

from workbench.tui.chart.histogram import BLOCKS
from workbench.tui.screens.saved.facts import Distribution, Weight
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.formatting import counted, number
from workbench.tui.views.marks import FAILED
from workbench.tui.views.scale import linear_ticks, tick_labels


class WeightPicture(Widget):
    """The distribution of the chosen weight's values. Values that are not finite are counted and not drawn."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._weight: Weight | None = None
        self._distribution: Distribution | None = None
        self._words = ""

    def show(self, weight: Weight, distribution: Distribution) -> None:
        """Draw a weight."""
        self._weight, self._distribution, self._words = weight, distribution, ""
        self.refresh()

    def say(self, words: str, weight: Weight | None = None) -> None:
        """Words instead of a picture."""
        self._weight, self._distribution, self._words = weight, None, words
        self.refresh()

    @property
    def weight(self) -> Weight | None:
        """The weight that is drawn."""
        return self._weight

    def render(self) -> Content:
        width, height = self.content_size
        if not width or not height:
            return Content("")
        title = printable(self._weight.path) if self._weight else ""
        if self._distribution is None:
            lines = [Content.styled(fit(title, width), "bold"), Content(fit(self._words, width))]
            return Content("\n").join(line for line in lines if line)
        about = Content.assemble((fit(title, width), "bold"))
        facts = [Content("  ").join(found) for found in _fitting(list(_facts(self._distribution)), width)]
        rows = height - 1 - len(facts) - 1
        while facts and rows < 2:
            facts.pop()
            rows += 1
        lines = [
            about,
            *facts,
            *_bars(self._distribution, width, max(rows, 1)),
            _axis(self._distribution, width),
        ]
        return Content("\n").join(lines[:height])


def _facts(values: Distribution) -> Iterator[Content]:
    """Facts, the alarming ones first."""
    if values.nan:
        yield Content.styled(f"{FAILED} {values.nan:,} NaN", "bold $text-error")
    if values.infinite:
        yield Content.styled(f"{FAILED} {values.infinite:,} infinite", "bold $text-error")
    if not values.finite:
        yield Content("no finite value" if values.size else "no values")
        return
    if values.size == 1:
        yield Content(f"value {number(values.low)}")
        return
    yield Content(f"mean {number(values.mean)}")
    yield Content(f"std {number(values.deviation)}")
    yield Content(f"{number(values.low)} … {number(values.high)}")
    if values.zeros:
        yield Content(f"{counted(values.zeros, 'zero')} ({values.zeros / values.size:.0%})")


def _fitting(parts: list[Content], width: int) -> list[list[Content]]:
    """Parts in as few lines as they take."""
    lines: list[list[Content]] = []
    used = width
    for part in parts:
        if used + 2 + part.cell_length > width:
            lines.append([])
            used = -2
        lines[-1].append(part)
        used += 2 + part.cell_length
    return lines


def _bars(values: Distribution, width: int, rows: int) -> Iterator[Content]:
    found = values.histogram.range
    if found is None:
        yield from [Content("")] * rows
        return
    bars = max(min(width, math.ceil(2 * values.finite**0.5)), 1)  # more would show single values
    shares = values.histogram.shares(*_around(values), bars)
    shares = [shares[column * bars // width] for column in range(width)]
    highest = max(shares) or 1.0
    # A share too small for a block still shows: outliers are what one looks for.
    levels = [max(round(share / highest * rows * 8), 1) if share > 0 else 0 for share in shares]
    for row in reversed(range(rows)):
        text = "".join(BLOCKS[min(max(level - row * 8, 0), 8)] for level in levels)
        yield Content.styled(text, "$primary")


def _around(values: Distribution) -> tuple[float, float]:
    edges = values.histogram.edges
    return edges[0], edges[-1]


def _axis(values: Distribution, width: int) -> Content:
    if values.histogram.range is None:
        return Content("")
    low, high = _around(values)
    line = [" "] * width
    free = 0
    ticks = linear_ticks(low, high, max(width // 12, 1))
    for value, label in zip(ticks, tick_labels(ticks), strict=True):
        cell = int((value - low) / (high - low) * (width - 1) + 0.5)
        x = max(min(cell - len(label) // 2, width - len(label)), 0)
        if x >= free:
            line[x : x + len(label)] = label
            free = x + len(label) + 1
    return Content.styled("".join(line), "dim")
