"""Files changed at random, from a seed: bytes, words and values, more often the odd ones."""

from __future__ import annotations

import copy
import json
import random
import re
from typing import Any

from tests.hostile.files import NASTY

_BYTES = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x00" * 4,
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 7,
    b"\n",
    b"\x1b[2J",
]
_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    "",
    "x",
    NASTY,
    "\ud800",
    [],
    {},
    [[]],
    {"class_name": "Lambda"},
]
_WORDS = [
    "", "0", "-1", "1e999", ".nan", "null", "true", "[", "]", "{", "}", ":", "- ", "&a", "*a", "<<: *a", "9" * 400,
    "!!python/object:os.system", "!!omap", "!!bool x", '"', "'", "\t", "\x1b[2J", "\u202e", "\ufeff", "|", ">",
    "%YAML 9.9", "---", "...", "use", "load: x.keras", "Dense", NASTY, "\x00", ",", ";", '"a\nb"', "NaN", "=1+1",
]  # fmt: skip
_WORD = re.compile(r"[\w.-]+|[^\w\s]|\s+")


def bytes_changed(content: bytes, chance: random.Random) -> bytes:
    """One to eight changes of bytes."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                odd = chance.choice(_BYTES)
                changed[at : at + len(odd)] = odd
            case 2:
                del changed[at : at + chance.choice((1, 4, 64, 1024))]
            case 3:
                changed[at:at] = chance.choice(_BYTES)
            case 4:
                length = chance.choice((1, 8, 64, 512))
                source = chance.randrange(len(changed) + 1)
                changed[at : at + length] = changed[source : source + length]
            case _:
                if at < len(changed):
                    changed[at] ^= 1 << chance.randrange(8)
    if chance.random() < 0.1:
        del changed[chance.randrange(len(changed) + 1) :]
    return bytes(changed)


def text_changed(text: str, chance: random.Random) -> str:
    """One to four words put in, taken out, doubled or replaced."""
    words = _WORD.findall(text)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(words))
        match chance.randrange(4):
            case 0:
                words[at] = chance.choice(_WORDS)
            case 1:
                words.insert(at, chance.choice(_WORDS))
            case 2:
                del words[at : at + chance.choice((1, 2, 8))]
            case _:
                words[at:at] = words[at : at + chance.choice((1, 8, 32))]
        words = words or ["x"]
    return "".join(words)


def json_changed(value: Any, chance: random.Random) -> Any:
    """A value of JSON with one to three of its parts replaced, taken out, or moved."""
    whole = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = [
            (holder, key)
            for holder in _holders(whole)
            for key in (holder if isinstance(holder, dict) else range(len(holder)))
        ]
        if not places:
            break
        holder, key = chance.choice(places)
        other_holder, other_key = chance.choice(places)
        match chance.randrange(4):
            case 0 | 1:
                holder[key] = copy.deepcopy(chance.choice(_VALUES))
            case 2:
                holder[key] = json.loads(json.dumps(other_holder[other_key]))
            case _:
                if isinstance(holder, dict):
                    holder[
                        chance.choice(("class_name", "module", "registered_name", "config", "name", NASTY))
                    ] = holder.pop(key)
                else:
                    del holder[key]
    return whole


def _holders(value: Any) -> list[Any]:
    found = [value]
    for holder in found:
        items = holder.values() if isinstance(holder, dict) else holder
        found += [item for item in items if isinstance(item, dict | list)]
    return found
