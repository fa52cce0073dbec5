"""The columns of the table of runs: those that the user chose, or those that tell the runs apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from workbench.storage.recipe_values import differing_keys, short_keys
from workbench.storage.run_values import names_of
from workbench.storage.runs import RunSummary
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import ABSENT, number
from workbench.tui.views.run_cells import cell_text, is_text, metrics_of

FIXED = 2  # the first columns stay in sight: the mark and the name
_LEAST, _MOST, _MOST_CHOSEN = 8, 14, 28  # cells of a column
_LEAST_NAME = 16
_MARK_WIDTH, _STATUS_WIDTH = 3, 13
_PLACES_OF_KEYS = (1, 4, 5)  # of the keys that the runs' recipes differ in most, among the metrics
_MOST_COLUMNS = 24  # where nobody chose them
_WIDE = 100  # cells of a screen that shows early when a run was started

# The result on the test part by which each run is judged; with its metric's name, where the runs' metrics differ.
TEST, NAMED_TEST = "\0test", "\0named test"


@dataclass(frozen=True)
class RunColumn:
    """A column: its title, the whole name of the value in it ("" of the mark), and its width in cells."""

    title: str
    name: str
    width: int

    @property
    def is_text(self) -> bool:
        """True if it holds words, which begin at the left."""
        return not self.name or is_text(self.name)


def columns_of(runs: Sequence[RunSummary], chosen: Sequence[str], width: int) -> list[RunColumn]:
    """The columns for these runs: the mark, the name, and then the chosen ones or those of `_automatic`.

    Args:
        chosen: what the columns are called, in order; none for those that tell the runs apart.
        width: cells of the screen. What has no place is reached with → and ←.
    """
    known = names_of(runs)
    wanted: Mapping[str, str] = {name: known.get(name, name) for name in chosen if name != "run"}
    wanted = wanted or _automatic(runs, is_wide=width >= _WIDE)
    most = _MOST_CHOSEN if chosen else _MOST
    columns = [RunColumn(title, name, _width(runs, title, name, most)) for title, name in wanted.items()]
    longest = max((cell_len(run.folder.name) for run in runs), default=0)
    used = _MARK_WIDTH + 2 + sum(column.width + 2 for column in columns)
    room = max(width - 3 - used - 2, _LEAST_NAME, width // 3)
    name = RunColumn("run", "run", max(min(longest, room), min(_LEAST_NAME, room)))
    return [RunColumn("", "", _MARK_WIDTH), name, *columns]


def _width(runs: Sequence[RunSummary], title: str, name: str, most: int) -> int:
    if name == "status":
        return _STATUS_WIDTH
    longest = max((cell_len(printable(text_in(run, name))) for run in runs), default=0)
    least = 5 if is_text(name) or name == "epoch" else _LEAST
    if name in (TEST, NAMED_TEST):  # its metric's name would push out all others
        return min(max(longest, least), most)
    return min(max(longest, cell_len(printable(title)), least), most)


def _automatic(runs: Sequence[RunSummary], *, is_wide: bool) -> Mapping[str, str]:
    """The whole names by their titles. After how far every run has come what was logged, the two losses first, and
    between them the keys in which runs of one recipe differ."""
    keys = differing_keys((run.recipe_name, run.recipe_values) for run in runs)
    names = short_keys(keys)
    wanted = [(name, name) for name in metrics_of(runs)]
    tested = {run.test.name for run in runs if run.test is not None}
    if tested:
        is_one = len(tested) == 1
        wanted.insert(1, (f"test {next(iter(tested))}", TEST) if is_one else ("test", NAMED_TEST))
    for place, key in zip(_PLACES_OF_KEYS, keys, strict=False):
        wanted.insert(place, (names[key], key))
    wanted += [(names[key], key) for key in keys[len(_PLACES_OF_KEYS) :]]
    first = [("status", "status"), ("epoch", "epoch")]
    tags = [("tags", "tag")] if any(run.labels.tags for run in runs) else []
    first += [*([("started", "started")] if is_wide else []), *tags]
    found: dict[str, str] = {}
    for title, name in [*first, *wanted, ("started", "started")]:
        found.setdefault(title, name)
    return dict(list(found.items())[:_MOST_COLUMNS])


def automatic_names(runs: Sequence[RunSummary], offered: Iterable[str], width: int) -> list[str]:
    """The names of the columns that nobody chose, as they are offered."""
    known = names_of(runs)
    by_whole = {known.get(name, name): name for name in offered}
    tested = {run.test.name for run in runs if run.test is not None}
    found = []
    for whole in _automatic(runs, is_wide=width >= _WIDE).values():
        whole = f"test_{next(iter(tested))}" if whole == TEST else whole
        if whole in by_whole:
            found.append(by_whole[whole])
    return found


def text_in(run: RunSummary, name: str) -> str:
    """What a run's cell shows in a column of this whole name."""
    if name not in (TEST, NAMED_TEST):
        return cell_text(run, name)
    if run.test is None:
        return ABSENT
    return f"{run.test.name} {number(run.test.value)}" if name == NAMED_TEST else number(run.test.value)
