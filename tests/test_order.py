"""The order in which files of tests begin."""

from __future__ import annotations

from pathlib import Path

from tests.order import LONGEST, longest_first

TESTS = Path(__file__).parent


def test_the_longest_files_are_there() -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST)


def test_the_longest_begin_first_and_the_rest_keeps_its_order() -> None:
    class Item:
        def __init__(self, name: str, number: int) -> None:
            self.path, self.number = TESTS / name, number

    names = ["a.py", LONGEST[1], LONGEST[0], "b.py", LONGEST[1]]
    items = [Item(name, number) for number, name in enumerate(names)]
    longest_first(items, TESTS)  # type: ignore[arg-type]
    assert [item.number for item in items] == [2, 1, 4, 0, 3]
