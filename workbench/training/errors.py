"""Turn an exception from a model's own code into an error that says where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import TrainingError, WorkbenchError, out_of_memory
from workbench.sentence import short_message


@contextmanager
def reported_as(doing: str, where: str) -> Iterator[None]:
    """Errors of a plugin's code in here, `sys.exit` included, become a TrainingError.

    Args:
        doing: what was being done: `evaluating`.
        where: the recipe or file whose model it is.
    """
    try:
        yield
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as error:
        if (short := out_of_memory(error, where)) is not None:
            raise short from error
        raise TrainingError(f"{doing} failed: {short_message(error)}.", where=where) from error


def at_node(error: BaseException) -> str:
    """` (at functional/embedding/GatherV2)`: the operation of a graph that failed, which begins with its layers."""
    found = re.search(r"Detected at node (\S+) defined at", str(error))
    return f" (at {found[1]})" if found is not None else ""
