"""The names under which kwb itself registers classes with Keras, whose authors have not.

In this process a class is `acme-layers>Gate`, so that a copy of a layer finds it. A file holds the bare name, as plain
Keras writes it, so that `load_model(file, custom_objects={"Gate": Gate})` opens it; the plugin's name stands beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_given: dict[type, str] = {}
_file_packages: set[str] = set()


def register(target: Any, package: str) -> None:
    """Register a class or function with Keras."""
    import keras

    keras.saving.register_keras_serializable(package=package)(target)
    if isinstance(target, type):
        _given[target] = f"{package}>{target.__name__}"


def note_file(target: Any) -> None:
    """A class or function is from a plugin file: the package that it is registered under cannot be installed."""
    import keras

    _file_packages.add(keras.saving.get_registered_name(target).rpartition(">")[0])


def given_names() -> dict[str, str]:
    """The registered name of each class that a file names barely, by that bare name."""
    counts = Counter(target.__name__ for target in _given)
    counts.update(_bare_of_keras() if counts else ())
    return {target.__name__: name for target, name in _given.items() if counts[target.__name__] == 1}


def _bare_of_keras() -> set[str]:
    """The names that Keras writes barely for classes of its own: those outside its public API, as `Functional`. It
    would take a custom class of such a name for them."""
    import keras

    found, waiting = set(), [keras.Operation]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            name = each.__name__
            public = each in (getattr(keras.layers, name, None), getattr(keras, name, None))
            if each.__module__.startswith("keras.src.") and not public:
                found.add(name)
    return found


def packages_of_files() -> list[str]:
    """The packages that are plugin files, which nobody can install."""
    return sorted(_file_packages - {""})


@contextmanager
def bare_names() -> Iterator[Mapping[str, str]]:
    """Within the block Keras writes the bare names of those classes. Yields `given_names`."""
    from workbench.keras_private import REGISTERED_NAMES as names

    given = given_names()
    taken = {
        target: names.pop(target) for target, name in _given.items() if given.get(target.__name__) == name
    }
    try:
        yield given
    finally:
        names.update(taken)
