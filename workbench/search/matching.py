"""Match the sizes of two layers: a whole-number argument of one, with which it is as large or as slow as the other."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from workbench import events
from workbench.atomic import write_bytes
from workbench.errors import RecipeError, WorkbenchError, did_you_mean
from workbench.recipe.yaml_values import one_line
from workbench.search.layer_places import Item
from workbench.search.layer_trial import Rivals, base_with, with_arguments
from workbench.search.place import Place
from workbench.worker.client import Worker

Match = Literal["parameters", "step_time", "none"]
MATCHES: tuple[Match, ...] = get_args(Match)

# Arguments that say how large a layer is, the usual ones first.
SIZES = (
    "units", "filters", "hidden_units", "hidden_dim", "hidden_size", "hidden", "width", "features", "channels",
    "dim", "output_dim", "key_dim", "latent_dim", "state_size", "size",
)  # fmt: skip
LARGEST = 1 << 16
MOST_BUILT = 24  # models that are built to find a size
MOST_TIMED = 8  # short trainings that are timed to find a size
_KEPT = "sizes.json"
NEAR_TIME = 0.1  # of the time of an epoch: two measurements of one model differ by as much
EPOCHS = 4  # of a training that is timed; its fastest epoch counts


@dataclass(frozen=True)
class Sizes:
    """Two layers as they are compared.

    Attributes:
        items: the two entries.
        parameters: of the whole model with each of them.
        seconds: of an epoch with each; None where they were not timed.
        varied: the argument that was changed to match them; "" for none.
        note: why they are not matched, for people.
    """

    items: tuple[Item, Item]
    parameters: tuple[int, int] = (0, 0)
    seconds: tuple[float, float] | None = None
    varied: str = ""
    note: str = ""

    def as_record(self) -> dict[str, Any]:
        return {
            "items": [dict(each) for each in self.items],
            "parameters": list(self.parameters),
            "epoch_seconds": None if self.seconds is None else list(self.seconds),
            "varied": self.varied,
            "note": self.note,
        }


def keep_sizes(folder: Path, sizes: Sizes) -> None:
    """Keep them beside the journal of the trial, for its result when it is shown again.

    Raises:
        FileError: the folder cannot be written.
    """
    write_bytes(folder / _KEPT, f"{json.dumps(sizes.as_record(), indent=2)}\n".encode())


def kept_sizes(folder: Path) -> Sizes | None:
    """Those of a trial that was begun before; None where there are none, as on another machine."""
    try:
        found = json.loads((folder / _KEPT).read_bytes())
        first, second = (dict(item) for item in found["items"])
        one, other = (int(count) for count in found["parameters"])
        seconds = found["epoch_seconds"]
        times = None if seconds is None else (float(seconds[0]), float(seconds[1]))
        return Sizes((first, second), (one, other), times, str(found["varied"]), str(found["note"]))
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


async def match_sizes(rivals: Rivals, place: Place, match: Match, vary: str = "") -> Sizes:
    """Give both layers the arguments that they need at the place, and make them of one size.

    Args:
        match: by the parameters of the model, by the time of an epoch, or not at all.
        vary: the argument to change; by default the one that usually says how large a layer is.

    Raises:
        WorkbenchError: a layer cannot be made, or does not fit the place.
    """
    seen: list[events.Event] = []
    starter = place.starter("sizes")
    try:
        worker = await starter.start(lambda event, moment, run: seen.append(event))
        try:
            return await _Matching(rivals, worker, seen).run(match, vary)
        finally:
            await worker.quit()
    finally:
        starter.close()


class _Matching:
    def __init__(self, rivals: Rivals, worker: Worker, seen: list[events.Event]) -> None:
        self._rivals = rivals
        self._worker = worker
        self._seen = seen

    async def run(self, match: Match, vary: str) -> Sizes:
        fixed = self._rivals.fixed
        described = [await self._describe(item) for item in self._rivals.items]
        items = [dict(item) for item in self._rivals.items]
        if self._rivals.is_own:
            items[fixed] = self._rivals.place.with_names(items[fixed], described[fixed]["parameters"])
        items[fixed] = with_arguments(items[fixed], *_needs(described[fixed]), {})
        items[1 - fixed] = with_arguments(items[1 - fixed], *_needs(described[1 - fixed]), items[fixed])
        sizes = Sizes(
            (items[0], items[1]), (await self._parameters(items[0]), await self._parameters(items[1]))
        )
        if match == "none":
            return sizes
        argument = vary or self._size_argument(described[1 - fixed], items[1 - fixed])
        if match == "step_time":
            sizes = replace(sizes, seconds=(await self._seconds(items[0]), await self._seconds(items[1])))
        if not argument:
            written = items[1 - fixed]["use"]
            return replace(
                sizes, note=f"no argument for the size of {written} is known (`--vary ARGUMENT` names one)"
            )
        start = self._start(described[1 - fixed], items[1 - fixed], argument)
        return await self._matched(sizes, argument, start, match)

    async def _matched(self, sizes: Sizes, argument: str, start: int, match: Match) -> Sizes:
        fixed = self._rivals.fixed
        timed = match == "step_time"
        target: float = sizes.seconds[fixed] if sizes.seconds is not None else sizes.parameters[fixed]
        varied = dict(sizes.items[1 - fixed])

        async def measure(size: int) -> float | None:
            try:
                item = {**varied, argument: size}
                return await self._seconds(item) if timed else await self._parameters(item)
            except RecipeError:
                return None  # another size does not fit the place

        found, value, tried = await nearest_size(
            measure,
            start,
            target,
            most=MOST_TIMED if timed else MOST_BUILT,
            near=NEAR_TIME if timed else 0.0,
        )
        item = {**varied, argument: found}
        items = (sizes.items[0], item) if fixed == 0 else (item, sizes.items[1])
        parameters = await self._parameters(item)
        both = (sizes.parameters[0], parameters) if fixed == 0 else (parameters, sizes.parameters[1])
        seconds = sizes.seconds
        if seconds is not None and value is not None:
            seconds = (seconds[0], value) if fixed == 0 else (value, seconds[1])
        alone = tried == 1 and value != target and not timed
        note = f"only {argument} {found} fits here" if alone else ""
        return Sizes(items, both, seconds, argument, note)

    def _size_argument(self, described: Mapping[str, Any], item: Item) -> str:
        own = self._rivals.given[1 - self._rivals.fixed]  # what the user has written stays
        names = {each["name"] for each in described["parameters"]} - own
        return next((name for name in SIZES if name in names and _whole(item.get(name), described, name)), "")

    def _start(self, described: Mapping[str, Any], item: Item, argument: str) -> int:
        names = [each["name"] for each in described["parameters"]]
        if argument not in names:
            raise RecipeError(
                f"{item['use']} has no argument '{argument}'.",
                where="--vary",
                hint=did_you_mean(argument, names),
            )
        start = _whole(item.get(argument), described, argument)
        if not start:
            raise RecipeError(
                f"the argument '{argument}' of {item['use']} is no whole number above 0.", where="--vary"
            )
        return start

    async def _describe(self, item: Item) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._worker.call("describe", kind="layer", name=item["use"])
        return found

    async def _parameters(self, item: Item) -> int:
        found: Mapping[str, Any] = await self._worker.call("examine", **self._order(item))
        if found["error"] is not None:
            raise RecipeError.from_record(found["error"])
        return int(found["parameters"])

    async def _seconds(self, item: Item) -> float:
        """The time of the fastest of a few epochs."""
        order = self._order(item)
        order["overrides"] = [*order["overrides"], f"train.epochs={EPOCHS}", "train.callbacks=[]"]
        self._seen.clear()
        with tempfile.TemporaryDirectory(prefix="kwb-sizes-") as runs:
            await self._worker.call("train", **order, runs=runs, here=True)
        times = [event.seconds for event in self._seen if isinstance(event, events.Epoch)]
        if not times:
            raise WorkbenchError("no epoch could be timed.", where=one_line(item))
        return min(times)

    def _order(self, item: Item) -> dict[str, Any]:
        base = base_with(self._rivals, {self._rivals.place.key: self._rivals.place.value(item)})
        return {
            "text": base.text,
            "name": base.document.name,
            "folder": str(base.document.folder.absolute()),
            "overrides": list(base.document.overrides),
        }


def _needs(described: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, Any]], Item]:
    return described["parameters"], described["example"]


def _whole(value: Any, described: Mapping[str, Any], name: str) -> int:
    """A size as it is written, or else its default; 0 where it is no whole number."""
    if value is None:
        value = next((each["default"] for each in described["parameters"] if each["name"] == name), None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


async def nearest_size(
    measure: Callable[[int], Awaitable[float | None]],
    start: int,
    target: float,
    *,
    most: int,
    near: float = 0.0,
) -> tuple[int, float | None, int]:
    """The whole number whose measure comes nearest to a target, where a larger one measures more.

    Args:
        measure: gives None for a number that cannot be.
        most: measurements at most.
        near: a share of the target; a number whose measure is so near is taken, so that noise does not lead far away.

    Returns:
        The number, its measure, and how many numbers could be measured.
    """
    known: dict[int, float | None] = {}

    async def at(size: int) -> float | None:
        if size not in known:
            known[size] = await measure(size)
        return known[size]

    low, high = 0, LARGEST + 1  # measured below the target, and above it or not to be
    size = start
    while len(known) < most and low < size < high:
        value = await at(size)
        if value is not None and abs(value - target) <= near * target:
            break
        if value is not None and value <= target:
            low = size
        else:
            high = size
        if value is None and size == start:
            break
        doubled = low * 2 if low else size // 2
        size = doubled if high > LARGEST or not low else (low + high) // 2
        size = min(max(size, 1), LARGEST)
        if size in known:
            size = (low + high) // 2
    found = {size: value for size, value in known.items() if value is not None}
    if not found:
        return start, None, 0
    best = min(found, key=lambda each: (abs(found[each] - target), abs(each - start)))
    return best, found[best], len(found)
