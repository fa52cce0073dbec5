"""Groups of runs as a table of text."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.storage.run_values import RunGroup


def group_lines(key: str, groups: Sequence[RunGroup], room: int = 0) -> list[str]:
    """A row for each value of a key: how many runs, and the mean and standard deviation of what they have.

    Args:
        key: what it is called.
        room: cells that a line may take; numbers that find no place are counted. 0 for as many as it needs.
    """
    found = dict.fromkeys(name for group in groups for name in group.numbers if name != "learning_rate")
    names = sorted(found, key=lambda name: (name != "val_loss", not name.startswith("test_"), name != "loss"))
    cells = [
        [
            f"{group.numbers[name][0]:.4g}"
            + (f" ± {group.numbers[name][1]:.2g}" if group.numbers[name][2] > 1 else "")
            if name in group.numbers
            else "-"
            for name in names
        ]
        for group in groups
    ]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(names)]
    first = max([len(key), *(len(group.value or "-") for group in groups)])
    left_out = 0
    if room:
        used = [first + 6 + sum(width + 2 for width in widths[: at + 1]) for at in range(len(widths))]
        fitting = max(sum(each <= room for each in used), 1)
        left_out = len(names) - fitting
        names, widths, cells = names[:fitting], widths[:fitting], [row[:fitting] for row in cells]
    heads = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [f"{key:<{first}}  runs  {heads}".rstrip()]
    for group, row in zip(groups, cells, strict=True):
        shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append(f"{group.value or '-':<{first}}  {len(group.runs):>4}  {shown}".rstrip())
    return [*lines, "", f"no room for {left_out} more"] if left_out else lines
