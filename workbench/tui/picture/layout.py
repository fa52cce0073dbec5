"""Place the boxes of a graph in ranks from top to bottom, with lines between them; long lines pass beside the boxes.

The usual four steps: each box gets a rank below all that it depends on; a line over several ranks gets a waypoint in
each; within a rank the order follows the neighbours; then each box gets a position below its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 3  # columns between boxes of one rank
_SWEEPS = 6


@dataclass(frozen=True)
class Box:
    """A box to be placed; `width` and `height` in cells, its frame included."""

    id: str
    width: int
    height: int


@dataclass(frozen=True)
class Placed:
    """A box with its position: the upper left corner."""

    box: Box
    x: int
    y: int
    rank: int

    @property
    def centre(self) -> int:
        return self.x + self.box.width // 2

    @property
    def bottom(self) -> int:
        """The row below the box."""
        return self.y + self.box.height


@dataclass(frozen=True)
class Wire:
    """A piece of a line that leads down from (x, y) to (x2, y2), bending at row `bend`. Pieces of one source join."""

    source: str
    x: int
    y: int
    x2: int
    y2: int
    bend: int


@dataclass(frozen=True)
class GraphLayout:
    """A graph laid out."""

    boxes: Mapping[str, Placed] = field(default_factory=dict)
    wires: Sequence[Wire] = ()
    width: int = 0
    height: int = 0


@dataclass
class _Spot:
    """A box, or a waypoint of a line (`box` is None), in a rank."""

    id: str
    source: str
    box: Box | None
    rank: int
    above: list[_Spot] = field(default_factory=list)
    below: list[_Spot] = field(default_factory=list)
    x: float = 0.0  # of its middle

    @property
    def width(self) -> int:
        return self.box.width if self.box else 1


def lay_out(boxes: Sequence[Box], edges: Iterable[tuple[str, str]]) -> GraphLayout:
    """Place boxes.

    Args:
        boxes: in an order in which every edge leads from an earlier box to a later one.
        edges: pairs of ids. What leads backwards or names no box is left out.
    """
    order = {box.id: index for index, box in enumerate(boxes)}
    forward = [(a, b) for a, b in dict.fromkeys(edges) if a in order and b in order and order[a] < order[b]]
    ranks = _with_waypoints(boxes, forward)
    if not ranks:
        return GraphLayout()
    _order(ranks)
    _place(ranks)
    return _routed(ranks)


def _with_waypoints(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> list[list[_Spot]]:
    rank = _ranks(boxes, edges)
    ranks: list[list[_Spot]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    spots = {box.id: _Spot(box.id, box.id, box, rank[box.id]) for box in boxes}
    for spot in spots.values():
        ranks[spot.rank].append(spot)
    waypoints: dict[tuple[str, int], _Spot] = {}
    for source, target in edges:
        at = spots[source]
        for level in range(rank[source] + 1, rank[target]):
            # Lines of one source share their way down as long as they go together.
            point = waypoints.get((source, level))
            if point is None:
                point = waypoints[source, level] = _Spot(f"{source}~{level}", source, None, level)
                ranks[level].append(point)
            _join(at, point)
            at = point
        _join(at, spots[target])
    return ranks


def _ranks(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    rank = {box.id: 0 for box in boxes}
    sources: dict[str, list[str]] = {box.id: [] for box in boxes}
    targets: dict[str, list[str]] = {box.id: [] for box in boxes}
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    for box in boxes:
        rank[box.id] = max((rank[source] + 1 for source in sources[box.id]), default=0)
    for box in boxes:  # a box without sources (an input) goes right above its first target
        if not sources[box.id] and targets[box.id]:
            rank[box.id] = min(rank[target] for target in targets[box.id]) - 1
    return rank


def _join(above: _Spot, below: _Spot) -> None:
    if below not in above.below:
        above.below.append(below)
        below.above.append(above)


def _order(ranks: list[list[_Spot]]) -> None:
    """Order each rank by the middle of its neighbours, down and up in turn."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for rank, other in pairwise(ranks) if down else pairwise(reversed(ranks)):
            index = {id(spot): at for at, spot in enumerate(rank)}
            here = {id(spot): at for at, spot in enumerate(other)}

            def middle(
                spot: _Spot, index: dict[int, int] = index, here: dict[int, int] = here, down: bool = down
            ) -> float:
                near = spot.above if down else spot.below
                return sum(index[id(each)] for each in near) / len(near) if near else here[id(spot)]

            other.sort(key=middle)


def _place(ranks: list[list[_Spot]]) -> None:
    for rank in ranks:
        at = 0.0
        for spot in rank:
            spot.x = at + spot.width / 2
            at += spot.width + GAP
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for rank in ranks if down else reversed(ranks):
            wanted = []
            for spot in rank:
                near = (spot.above if down else spot.below) or spot.above or spot.below
                wanted.append(sum(each.x for each in near) / len(near) if near else spot.x)
            for spot, x in zip(rank, _spread(rank, wanted), strict=True):
                spot.x = x


def _spread(rank: list[_Spot], wanted: list[float]) -> list[float]:
    """The places nearest to those wanted (least squares) that keep order and distance."""
    offsets = [0.0]
    for left, right in pairwise(rank):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + GAP)
    blocks: list[tuple[float, int]] = []  # mean, size
    for goal, offset in zip(wanted, offsets, strict=True):
        mean, size = goal - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]


def _routed(ranks: list[list[_Spot]]) -> GraphLayout:
    left = min(spot.x - spot.width / 2 for rank in ranks for spot in rank)
    columns = {id(spot): 0 for rank in ranks for spot in rank}
    for rank in ranks:
        edge = 0
        for spot in rank:
            x = max(round(spot.x - left - spot.width / 2), edge)
            if len(spot.above) == 1:  # a line that is straight but for a rounding is made straight
                straight = columns[id(spot.above[0])] - spot.width // 2
                x = straight if abs(straight - x) <= 1 and straight >= edge else x
            columns[id(spot)] = x + spot.width // 2
            edge = x + spot.width + 1
    boxes: dict[str, Placed] = {}
    wires: list[Wire] = []
    y = 0
    for index, rank in enumerate(ranks):
        height = max((spot.box.height for spot in rank if spot.box), default=1)
        for spot in rank:
            if spot.box:
                x = columns[id(spot)] - spot.box.width // 2
                boxes[spot.box.id] = Placed(spot.box, x, y, index)
        tracks = _tracks(rank, columns)
        below = y + height + max(max(tracks.values(), default=-1) + 1, 1)
        for spot in rank:
            start = y + (spot.box.height if spot.box else 0)
            bend = y + height + tracks.get(id(spot), 0)
            x = columns[id(spot)]
            wires += [Wire(spot.source, x, start, columns[id(each)], below, bend) for each in spot.below]
        y = below if index < len(ranks) - 1 else y + height
    width = max(placed.x + placed.box.width for placed in boxes.values())
    width = max(width, max((wire.x2 + 1 for wire in wires), default=0))
    return GraphLayout(boxes, wires, width, y)


def _tracks(rank: list[_Spot], columns: Mapping[int, int]) -> dict[int, int]:
    """A row for each spot whose line bends, so that lines of different sources do not run over each other."""
    found: dict[int, int] = {}
    busy: list[list[tuple[int, int, set[int]]]] = []
    bending = [spot for spot in rank if any(columns[id(each)] != columns[id(spot)] for each in spot.below)]
    for spot in sorted(bending, key=lambda each: columns[id(each)]):
        ends = {columns[id(each)] for each in spot.below}
        low, high = min(ends | {columns[id(spot)]}), max(ends | {columns[id(spot)]})
        row = next((at for at, taken in enumerate(busy) if _is_free(taken, low, high, ends)), len(busy))
        if row == len(busy):
            busy.append([])
        busy[row].append((low, high, ends))
        found[id(spot)] = row
    return found


def _is_free(taken: list[tuple[int, int, set[int]]], low: int, high: int, ends: set[int]) -> bool:
    """True if a line from column to column has room; two lines that lead to one box, and nowhere else, may meet."""
    return all(
        high < a or low > b or (ends == others and len(ends) == 1 and (high == a or low == b))
        for a, b, others in taken
    )
