"""Keras' exceptions and warnings, while it reads or writes a model file, in words that say what to do."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.atomic import errno_of, file_error
from workbench.errors import FileError, without_path
from workbench.sentence import short_message


@contextmanager
def keras_errors(path: Path, doing: str, found: list[str]) -> Iterator[None]:
    """Keras' exceptions as a FileError, and its warnings into `found`."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            yield
        except (FileError, MemoryError):
            raise
        except Exception as error:  # a class from the file or a plugin can raise anything
            if isinstance(error, OSError) or errno_of(error) is not None:
                raise file_error(error, path, doing) from error
            text = without_path(short_message(error, typed=False), path)
            hint = _KWARGS_HINT if _LACKS_KWARGS.search(text) else ""
            raise FileError(f"cannot be {doing}: {text}.", where=str(path), hint=hint) from error
    found += [_in_our_words(str(w.message).strip()) for w in raised if issubclass(w.category, UserWarning)]


def _in_our_words(warning: str) -> str:
    """A warning of Keras, where it has words that say little of what it means for the file."""
    skipped = re.match(
        r"Skipping variable loading for optimizer '(.+?)', because it has (\d+) variables whereas "
        r"the saved optimizer has (\d+) variables",
        warning,
    )
    if warning.startswith("`compile()` was not called as part of model loading"):
        return "loaded uncompiled: its class has a compile() of its own, and no compile_from_config()"
    if skipped is None:
        return warning
    name, own, saved = skipped.groups()
    why = (
        "which the model makes only in training"
        if own == "0"
        else f"{saved} variables there, {own} here: `train.dtype`?"
    )
    return (
        f"a reload does not bring back the state of the optimizer '{name}' ({why}); --resume of the run does"
    )


# A layer's `get_config` returns these whether its `__init__` accepts them or not.
_LACKS_KWARGS = re.compile(r"__init__\(\) got an unexpected keyword argument '(name|trainable|dtype)'")
_KWARGS_HINT = "Let __init__ take **kwargs, and pass them on: super().__init__(**kwargs)."
