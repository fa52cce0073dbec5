"""Groups of runs as a table of text."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.storage.run_values import RunGroup
from workbench.tui.views.formatting import mean_and_spread


def numbers_of_groups(groups: Sequence[RunGroup], chosen: Sequence[str] = ()) -> list[str]:
    """What their runs have, the most telling first.

    Args:
        chosen: names of columns: those of them that are numbers of the groups, in this order; all where there is none.
    """
    found = dict.fromkeys(name for group in groups for name in group.numbers if name != "learning_rate")
    if wanted := [name for name in chosen if name in found]:
        return wanted
    return sorted(found, key=lambda name: (name != "val_loss", not name.startswith("test_"), name != "loss"))


def number_in_group(group: RunGroup, name: str) -> str:
    """Mean and standard deviation of a group's runs; `-` where they have none."""
    if name not in group.numbers:
        return "-"
    mean, spread, _ = group.numbers[name]
    return mean_and_spread(mean, spread)


def group_lines(key: str, groups: Sequence[RunGroup], chosen: Sequence[str] = ()) -> list[str]:
    """A row for each value of a key: how many runs, and the mean and standard deviation of what they have.

    Args:
        key: what it is called.
        chosen: as for `numbers_of_groups`.
    """
    names = numbers_of_groups(groups, chosen)
    cells = [[number_in_group(group, name) for name in names] for group in groups]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(names)]
    first = max([len(key), *(len(group.value or "-") for group in groups)])
    heads = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [f"{key:<{first}}  runs  {heads}".rstrip()]
    for group, row in zip(groups, cells, strict=True):
        shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append(f"{group.value or '-':<{first}}  {len(group.runs):>4}  {shown}".rstrip())
    return lines
