"""What a model's own code raises while it is used, as a fault that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import TrainingError, WorkbenchError, out_of_memory
from workbench.sentence import short_message


@contextmanager
def told_as(doing: str, where: str) -> Iterator[None]:
    """Faults of a plugin's code in here, `sys.exit` included, become a TrainingError.

    Args:
        doing: what was being done: `evaluating`.
        where: the recipe or file whose model it is.
    """
    try:
        yield
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as fault:
        if (short := out_of_memory(fault, where)) is not None:
            raise short from fault
        raise TrainingError(f"{doing} failed: {short_message(fault)}.", where=where) from fault
