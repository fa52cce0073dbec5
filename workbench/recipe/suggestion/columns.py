"""What a suggested recipe says of single columns: how numbers are written, what is made of dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.recipe.columns import ColumnFacts
from workbench.recipe.yaml_values import one_line


def embedding_layers(column: ColumnFacts) -> list[dict[str, Any]]:
    """The layers for a column that is embedded: more numbers for more categories, with a slot for all others."""
    width = max(2, min(50, round(1.6 * column.distinct**0.56)))
    return [{"use": "Embedding", "input_dim": column.distinct + 1, "output_dim": width}, {"use": "Flatten"}]


def column_options(
    inputs: Sequence[ColumnFacts], learned: Sequence[ColumnFacts], rows: int
) -> tuple[dict[str, Any], list[str]]:
    """The keys of the data section that are about how single columns are read, and the reasons for them."""
    section: dict[str, Any] = {}
    reasons: list[str] = []
    numbers = {column.name: column.numbers for column in (*inputs, *learned) if column.numbers is not None}
    if numbers:
        section["numbers"] = numbers
        reasons += [f"'{name}' is read as numbers: {_about(option)}." for name, option in numbers.items()]
    dates = {column.name: dict(column.dates) for column in inputs if column.dates}
    if dates:
        section["dates"] = dates
        for name, option in dates.items():
            circle = ", those that begin again as sine and cosine" if option.get("cyclic") else ""
            reasons.append(f"'{name}' holds dates: {', '.join(option['parts'])} are made of them{circle}.")
    if codes := [
        each.name for each in inputs if each.kind == "text" and each.numeric and not each.is_embedded(rows)
    ]:
        section["categories"] = codes
        reasons.append(f"{', '.join(map(repr, codes))}: numbers among other texts are taken for categories.")
    if embedded := [column for column in inputs if column.is_embedded(rows)]:
        section["embed"] = [column.name for column in embedded]
        reasons += [
            f"'{column.name}' has {column.distinct:,} categories: an Embedding makes a few numbers of each, and of any "
            "that is not known."
            for column in embedded
        ]
    if lists := {column.name: column.pad for column in (*inputs, *learned) if column.pad}:
        section["pad"] = lists
        reasons += [
            f"'{name}' holds lists: each is filled up with 0 to {size}." for name, size in lists.items()
        ]
    texts = {column.name: dict(column.text) for column in inputs if column.text}
    if texts:
        section["text"] = texts
        reasons += [
            f"'{name}' is free text: {option['tokens']:,} words are known, the first {option['length']} of a text."
            for name, option in texts.items()
        ]
    reasons += [f"'{column.name}' {column.note}." for column in (*inputs, *learned) if column.note]
    return section, reasons


def _about(option: Any) -> str:
    if option == "percent":
        return "15% is 0.15"
    words = []
    if option.get("percent"):
        words.append("15% is 0.15")
    if strip := option.get("strip"):
        words.append(f"{one_line(strip)} is left away")
    if mark := option.get("thousands"):
        words.append(f"'{mark}' stands between the thousands")
    if mark := option.get("decimal"):
        words.append(f"'{mark}' marks the decimals")
    if missing := option.get("missing"):
        words.append(f"{', '.join(map(repr, missing))} stands for no value")
    return ", ".join(words)
