"""How the cells of columns are read that are texts in the file: as the recipe says, or as New would propose it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from workbench.data.cells.proposals import proposal_for
from workbench.data.cells.readings import Reading, choose_readings
from workbench.data.source import Source
from workbench.data.table import ColumnKind, read_column
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data

Readings = Mapping[str, Reading]


def readings_of(data: Data, sample: Source) -> dict[str, Reading]:
    """The reading of each column that has one.

    Args:
        data: the recipe's data section.
        sample: rows to find it out from.
    """
    as_written = set(data.literal_columns)
    found = {}
    for name in sample.columns:
        if name not in as_written and (reading := _reading(data, sample, name)) is not None:
            found[name] = reading
    return found


def _reading(data: Data, sample: Source, name: str) -> Reading | None:
    numbers = {name: data.numbers[name]} if name in data.numbers else {}
    dates = {name: data.dates[name]} if name in data.dates else {}
    try:
        if not numbers and not dates:
            return _proposed(sample, name)
        own = data.model_copy(update={"numbers": numbers, "dates": dates})
        return choose_readings(own, sample, [name]).get(name)
    except WorkbenchError:  # what is wrong with it is said where the data is prepared
        return None


def _proposed(sample: Source, name: str) -> Reading | None:
    if sample.columns[name].ndim > 1:
        return None
    column = read_column(sample, name)
    if column.kind is not ColumnKind.TEXT:
        return None
    proposal = proposal_for(sample, name, Counter(text for text in column.values if text is not None))
    if proposal is None:
        return None
    key, option = ("dates", proposal.dates) if proposal.dates is not None else ("numbers", proposal.numbers)
    own = Data.model_validate({"use": "sample", key: {name: option}})
    return choose_readings(own, sample, [name]).get(name)
