"""`kwb data`: what data looks like, column by column, without training anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json

_WIDEST = 28  # cells of a name or a text


@click.command("data", short_help="Look at data: each column, what it is good for, and the parts.")
@click.argument("data", metavar="RECIPE|FILE|DATASET")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def data_command(shared: SharedOptions, data: str, as_json: bool) -> None:
    """Look at data: each column's values, its correlation with the target, the suggested role and why; of a recipe also
    how the columns differ between training, validation and test.
    """
    from workbench.events import plain
    from workbench.process import Diverted

    with Diverted():
        found = _looked_at(data, shared)
    if as_json:
        echo_json(plain(found), indent=2)
    else:
        echo(*_lines(found))


def _looked_at(text: str, shared: SharedOptions) -> dict[str, Any]:
    """What is said of the source (see `Overview.about`), `columns`, and of a recipe `fold`, `parts`, `compared`,
    `warnings` (what is likely to mislead) and `error`."""
    from workbench.data.loading import data_argument, load_or_stream
    from workbench.data.reading.calls import read
    from workbench.data.summary.blocks import RowBlocks
    from workbench.data.summary.overview import overview
    from workbench.data.summary.parts import compare, part_rows, part_samples
    from workbench.errors import WorkbenchError
    from workbench.recipe.lookup import is_recipe, open_recipe

    catalog = shared.catalog(tolerant=False)
    document = open_recipe(text, catalog) if is_recipe(text, catalog) else None
    if document is None:
        data, folder, seed = data_argument(text, catalog), Path(), 0
    else:
        data, folder, seed = document.recipe.data, document.folder, document.recipe.seed
    try:
        source = read(data, catalog, folder, seed=seed)
    except WorkbenchError as error:
        raise document.located(error) if document else error from None
    seen = overview(data, source, seed)
    found = seen.about() | {"columns": list(seen.columns())}
    if document is None:
        return found
    fold = data.split.fold
    found |= {
        "fold": fold.model_dump() if fold else None,
        "parts": {},
        "compared": [],
        "warnings": [],
        "error": None,
    }
    try:
        prepared = load_or_stream(data, catalog, folder=folder, seed=seed, source=source)
        found["warnings"] = [{"what": trap.what, "where": trap.where} for trap in prepared.traps]
        samples = part_samples(prepared, RowBlocks(source), seed)
        found["parts"] = part_rows(prepared)
        found["compared"] = [column.as_record() for column in compare(samples, data)]
    except WorkbenchError as error:  # the columns can be looked at all the same
        found["error"] = document.located(error).as_record()
    return found


def _lines(found: Mapping[str, Any]) -> list[str]:
    columns = found["columns"]
    lines = [_head(found)]
    target = found["targets"][0] if found["targets"] else ""
    headings = [
        "column",
        "kind",
        "missing",
        "distinct",
        "least",
        "median",
        "most",
        f"with {target}" if target else "",
    ]
    lines += _table(headings, [_cells(column) for column in columns], right=range(2, 7))
    lines += ["", "suggested roles"]
    roles = [[column["name"], column["suggested"], column["reason"]] for column in columns]
    lines += _table(None, roles)
    if found.get("parts"):
        sizes = ", ".join(f"{name} {rows:,}" for name, rows in found["parts"].items())
        differing = [column for column in found["compared"] if column["differs"]]
        fold = found["fold"]
        which = f" of fold {fold['number']} of {fold['of']}" if fold else ""
        lines += [
            "",
            f"parts{which}: {sizes} rows" + ("" if differing else "; no column differs much between them"),
        ]
        for column in differing:
            far = [
                f"{name} {part['distance']:.2f}" for name, part in column["parts"].items() if part["differs"]
            ]
            lines.append(
                f"  ▲ {column['name']} differs much from training: {', '.join(far)} ({column['measure']})"
            )
    if found.get("warnings"):
        lines += ["", *(f"▲ {warning['where']}: {warning['what']}" for warning in found["warnings"])]
    if error := found.get("error"):
        where = f"{error['where']}: " if error["where"] else ""
        lines += ["", f"✗ {where}{error['what']} {error['hint']}".rstrip()]
    return lines


def _head(found: Mapping[str, Any]) -> str:
    rows = f"{found['rows']:,} rows"
    if found["rows_looked_at"] < found["rows"]:
        rows += f" (looked at {found['rows_looked_at']:,}, drawn at random)"
    if found["test_rows"]:
        rows += f" and {found['test_rows']:,} of a test part"
    targets = ", ".join(found["targets"])
    guess = " (a guess)" if found["targets_assumed"] else ""
    learned = f"; to learn: {targets}{guess}" if targets else ""
    return f"{found['origin']}: {rows}, {len(found['columns'])} columns{learned}"


def _cells(column: Mapping[str, Any]) -> list[str]:
    shape = " × ".join(map(str, column["shape"]))
    missing = f"{column['missing'] / column['rows']:.1%}" if column["missing"] else ""
    written = column["written"] or {}
    numbers = [written.get(key) or _number(column[key]) for key in ("low", "median", "high")]
    if column["commonest"] and column["low"] is None:
        text, count = column["commonest"][0]
        numbers = ["", f"{_short(text, 18)} ({count:,})", ""]
    related = next(iter(column["relations"]), None)
    with_target = ""
    if related and related["value"] is not None:
        with_target = f"{round(related['value'], 2) + 0.0:.2f} {related['measure']}"
    elif related:
        with_target = f"– {related['note']}"
    distinct = f"{column['distinct']:,}" if column["distinct"] else ""
    return [column["name"], f"{column['kind']} {shape}".strip(), missing, distinct, *numbers, with_target]


def _number(value: float | None) -> str:
    return (
        "" if value is None else f"{value:.4g}" if abs(value) < 1e4 or abs(value) >= 1e15 else f"{value:,.0f}"
    )


def _table(
    headings: Sequence[str] | None, rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> list[str]:
    """Lines with columns below one another; the last one is as long as it is."""
    from workbench.escaping import escape_line

    shown = [[_short(escape_line(cell), _WIDEST) for cell in row[:-1]] + [row[-1]] for row in rows]
    shown = [list(headings), *shown] if headings else shown
    widths = [
        max((cell_len(row[at]) for row in shown), default=0) for at in range(len(shown[0]) if shown else 0)
    ]
    lines = []
    for row in shown:
        cells = [
            " " * (width - cell_len(cell)) + cell if at in right else cell + " " * (width - cell_len(cell))
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
