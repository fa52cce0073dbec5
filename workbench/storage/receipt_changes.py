"""What is another between two starts of a training, by their receipts."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

Kind = Literal[
    "data", "parts", "preparation", "plugin", "file", "seed", "recipe", "version", "setting", "machine"
]

PARTS = ("training", "validation", "test")
MOST = 4  # ranges of rows that are named

# Keys that do not change what a training learns, up to the step that it comes to.
_FREE = (
    "name",
    "save",
    "search",
    "repeat",
    "train.epochs",
    "train.checkpoint_seconds",
    "train.elastic",
    "train.network",
    "train.hosts",
    "train.listen",
    "train.watch",
)


@dataclass(frozen=True)
class ReceiptChange:
    """One thing that is not what it was.

    Attributes:
        name: of what: a version's, a recipe key, a plugin's file.
        text: in words.
    """

    kind: Kind
    name: str
    before: Any
    now: Any
    text: str

    def as_record(self) -> dict[str, Any]:
        return dict(vars(self))


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[ReceiptChange]:
    """All that is another, the most telling first."""
    found = [
        *_of_recipe(before.get("recipe", {}), now.get("recipe", {})),
        *_of_data(before.get("data", {}), now.get("data", {})),
        *_of_plugins(before.get("plugins", {}), now.get("plugins", {})),
        *_of_values("file", before, now, "files", "the file {name} changed"),
        *_of_values("version", before, now, "versions", "{name} was {before}, is {now}"),
        *_of_values("setting", before, now, "settings", "the setting {name} was {before}, is {now}"),
        *_of_values("machine", before, now, "machine", "the {name} was {before}, is {now}"),
    ]
    # What follows from the others, unless there is none.
    if not any(change.kind in ("data", "recipe", "seed") for change in found):
        found += _of_values(
            "parts", before, now, "parts", "the {name} part has other rows, or in another order"
        )
        found += _of_values(
            "preparation", before, now, "preparation", "the {name} was prepared in another way"
        )
    return found


def _of_values(
    kind: Kind, before: Mapping[str, Any], now: Mapping[str, Any], key: str, text: str
) -> Iterator[ReceiptChange]:
    old, new = before.get(key, {}), now.get(key, {})
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if one != other:
            shown = {"before": _shown(one), "now": _shown(other)}
            yield ReceiptChange(kind, name, one, other, text.format(name=name, **shown))


def _shown(value: Any) -> str:
    return "not there" if value is None else str(value)


def _of_recipe(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[ReceiptChange]:
    old, new = dict(_flat(before)), dict(_flat(now))
    for key in dict.fromkeys([*old, *new]):
        free = any(key == each or key.startswith((f"{each}.", f"{each}[")) for each in _FREE)
        # A key that a newer kwb has, and the recipe does not use.
        free = free or (key not in old and new[key] in (None, False, "", [], {}))
        if not free and old.get(key) != new.get(key):
            kind: Kind = "seed" if key == "seed" else "recipe"
            text = f"the recipe's {key} was {_shown(old.get(key))}, is {_shown(new.get(key))}"
            yield ReceiptChange(kind, key, old.get(key), new.get(key), text)


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _flat(each, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and value:
        for index, each in enumerate(value):
            yield from _flat(each, f"{key}[{index}]")
    else:
        yield key, list(value) if isinstance(value, tuple) else value


def _of_plugins(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[ReceiptChange]:
    """Files that both have read: a process that has done other things before may have read more."""
    for plugin in before:
        old, new = before[plugin], now.get(plugin, {})
        for file in old:
            if file in new and old[file] != new[file]:
                yield ReceiptChange(
                    "plugin", file, old[file], new[file], f"plugin {plugin}: the file {file} changed"
                )


def _of_data(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[ReceiptChange]:
    for which in dict.fromkeys([*before, *now]):
        old, new = before.get(which), now.get(which)
        if old is None or new is None:
            text = (
                f"the {which} was not there before" if old is None else f"the {which} is not there any more"
            )
            yield ReceiptChange("data", which, old and old["rows"], new and new["rows"], text)
        elif old["blocks"] != new["blocks"] or old["rows"] != new["rows"]:
            text = f"{which}: {_rows_in_words(old, new)}{_columns_in_words(old, new)}"
            yield ReceiptChange("data", which, old["rows"], new["rows"], text)


def _columns_in_words(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    mine, its = old["columns"], new["columns"]
    names = [name for name in dict.fromkeys([*mine, *its]) if mine.get(name) != its.get(name)]
    if not names or len(names) == len(mine) > 1:
        return ""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f", in column{'s' if len(names) > 1 else ''} {', '.join(names[:MOST])}{more}"


def _rows_in_words(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """`row 14 changed (training part)`; rows are counted from 1."""
    size = old["block_rows"]
    numbers = f"{old['rows']:,} rows before, {new['rows']:,} now"
    if size != new["block_rows"]:
        return numbers
    mine, its = _blocks(old["blocks"]), _blocks(new["blocks"])
    differ = [number for number, (one, other) in enumerate(zip(mine, its, strict=False)) if one != other]
    if old["rows"] != new["rows"]:
        first = (differ[0] if differ else min(len(mine), len(its))) * size + 1
        return f"{numbers}; they differ from row {first:,} on"
    spans = [
        [number for _, number in group] for _, group in groupby(enumerate(differ), lambda p: p[1] - p[0])
    ]
    shown = [_span(span[0] * size + 1, min((span[-1] + 1) * size, new["rows"])) for span in spans[:MOST]]
    more = f" and {len(spans) - MOST} more places" if len(spans) > MOST else ""
    single = len(spans) == 1 and size == 1 and len(spans[0]) == 1
    what = "row" if single else "rows" if size == 1 else "a row among"
    return f"{what} {', '.join(shown)}{more} changed{_parts(differ, new)}"


def _span(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _parts(differ: Sequence[int], new: Mapping[str, Any]) -> str:
    masks = base64.b64decode(new.get("parts", ""))
    seen = 0
    for number in differ:
        seen |= masks[number] if number < len(masks) else 0
    names = [name for bit, name in enumerate(PARTS) if seen >> bit & 1]
    return f" ({' and '.join(names)} part)" if names else ""


def _blocks(text: str) -> list[bytes]:
    data = base64.b64decode(text)
    return [data[start : start + 4] for start in range(0, len(data), 4)]
