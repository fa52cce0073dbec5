"""Import the class or function that an entry names. Plugin code is imported here only.

Keras keeps one process-wide table of registered names, which a second class of the same name overwrites
without a word; files saved with the first class then load as the second. So every import here is watched:
if a second class takes a registered name, the first class keeps it and the error names both.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from workbench.catalog.distributions import same_distribution
from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.registered import note_file, register
from workbench.catalog.single_file import import_file, is_file_module, module_target
from workbench.errors import WorkbenchError
from workbench.origin import add_plugin_package


def resolve(entry: Entry) -> Any:
    """The class or function of an entry, registered with Keras so that files naming it can be loaded.

    A class that its author did not register is registered here under the plugin's distribution, so that
    a file whose plugin is missing says what to install.

    Raises:
        WorkbenchError: the import fails, the target is not what its kind needs, or its registered
            name belongs to another class already.
    """
    where = f"plugin '{entry.plugin}', {entry.kind} '{entry.name}'"
    if entry.kind is Kind.DATASET:
        return _imported(entry, where)
    registered = _registered_objects()
    before = dict(registered)
    target = _imported(entry, where)
    module = entry.target.rpartition(":")[0]
    if takeover := _undo_takeovers(before, registered):
        _TAKEOVERS[module] = takeover
    if module in _TAKEOVERS:
        raise WorkbenchError(_TAKEOVERS[module], where=where, hint=_CLASH_HINT)
    _check_kind(entry, target, where)
    _register(entry, target, registered, where)
    return target


def _imported(entry: Entry, where: str) -> Any:
    module_name, _, attribute = entry.target.rpartition(":")
    if not module_name.endswith(".py") and not module_name.startswith("keras."):
        add_plugin_package(module_name)
    try:
        module = (
            import_file(Path(module_name))
            if module_name.endswith(".py")
            else importlib.import_module(module_name)
        )
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as error:  # plugin code: SystemExit included
        raise WorkbenchError(
            f"importing '{module_name}' failed: {type(error).__name__}: {error}",
            where=where,
            hint="The error is the plugin's; --debug shows its traceback.",
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise WorkbenchError(f"'{module_name}' has no '{attribute}'.", where=where) from None


def _registered_objects() -> dict[str, Any]:
    import keras

    return keras.saving.get_custom_objects()


# Modules whose classes took a registered name from another class. Python imports a module once, so the
# takeover shows only then; its classes stay refused, for Keras would still write the stolen name into files.
_TAKEOVERS: dict[str, str] = {}


def _undo_takeovers(before: dict[str, Any], registered: dict[str, Any]) -> str:
    """Give names that changed hands back to their first owners, and say what happened."""
    clash = ""
    for name, owner in before.items():
        newcomer = registered.get(name)
        if newcomer is not None and newcomer is not owner:
            registered[name] = owner
            clash = clash or _clash(name, owner, newcomer)
    return clash


_CLASH_HINT = "One of the plugins must register its class under another package; block one with --no-plugin."


def _clash(name: str, owner: Any, newcomer: Any) -> str:
    return (
        f"two classes are registered with Keras as '{name}': {owner.__module__}.{owner.__qualname__} and "
        f"{newcomer.__module__}.{newcomer.__qualname__}; a saved file could not keep them apart."
    )


def _check_kind(entry: Entry, target: Any, where: str) -> None:
    import keras

    bases: dict[Kind, tuple[type, bool]] = {
        Kind.LAYER: (keras.Layer, True),
        Kind.MODEL: (keras.Model, True),
        Kind.LOSS: (keras.Loss, True),
        Kind.METRIC: (keras.Metric, True),
        Kind.OPTIMIZER: (keras.Optimizer, False),
        Kind.SCHEDULE: (keras.optimizers.schedules.LearningRateSchedule, True),
        Kind.CALLBACK: (keras.callbacks.Callback, False),
        Kind.INITIALIZER: (keras.Initializer, True),
        Kind.REGULARIZER: (keras.Regularizer, True),
        Kind.CONSTRAINT: (keras.constraints.Constraint, True),
    }
    base, function_allowed = bases[entry.kind]
    is_class = inspect.isclass(target) and issubclass(target, base)
    if is_class or (function_allowed and inspect.isfunction(target)):
        return
    function = " or a function that returns one" if entry.kind is Kind.MODEL else " or a function"
    wanted = f"a keras.{base.__name__} subclass{function if function_allowed else ''}"
    raise WorkbenchError(f"'{entry.target}' is {target!r}, not {wanted}.", where=where)


def _register(entry: Entry, target: Any, registered: dict[str, Any], where: str) -> None:
    if target.__module__.partition(".")[0] == "keras":
        return
    if entry.kind is Kind.MODEL and inspect.isfunction(target):
        return  # a file holds the model that it returns, and never calls it
    if target not in registered.values() and hasattr(target, "get_config") | inspect.isfunction(target):
        name = f"{package_of(entry)}>{target.__name__}"
        owner = registered.get(name)
        if owner is not None:
            raise WorkbenchError(_clash(name, owner, target), where=where, hint=_CLASH_HINT)
        register(target, package_of(entry))
    if entry.distribution.endswith(".py"):
        note_file(target)
    for old_name in entry.saved_as:
        if registered.setdefault(old_name, target) is not target:
            raise WorkbenchError(
                _clash(old_name, registered[old_name], target), where=where, hint=_CLASH_HINT
            )


def package_of(entry: Entry) -> str:
    """The package an entry's class is registered under: its distribution, or its file's name."""
    return Path(entry.distribution).stem if entry.distribution.endswith(".py") else entry.distribution


class Resolver:
    """Finds the classes of the registered names in a saved file. Plugins are imported as needed.

    Attributes:
        notes: which classes were found by the name of the class alone.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._own = [
            entry
            for entry in catalog.entries
            if entry.kind not in (Kind.DATASET, Kind.RECIPE) and not entry.target.startswith("keras.")
        ]
        self._errors: list[WorkbenchError] = []
        self.notes: list[str] = []

    def resolve_registered(self, name: str) -> Any | None:
        """The class or function registered as `name` (`package>Name`), or None where no plugin has it."""
        package, _, bare = name.rpartition(">")
        registered = _registered_objects()
        # The likely owners first: importing every plugin to open one file would be slow.
        likely = [e for e in self._own if name in e.saved_as or package_of(e) == package]
        rest = [e for e in self._own if e not in likely]
        for entries in (likely, rest):
            if name in registered:
                break
            for entry in entries:
                self._try(entry)
        if name not in registered and not package:
            self._adopt_unregistered(bare, registered)
        return registered.get(name) or (self._of_another_file(package, bare) if package else None)

    def resolve_helper(self, module: str, name: str, owner: object) -> Any | None:
        """The class of an object in the configuration of a plugin's class; None where it is not to be trusted.

        It is trusted as that class is if both are of one distribution or plugin file. No module is imported for it.

        Args:
            module, name: of the class, as the file names them.
            owner: the plugin's class.
        """
        home = getattr(owner, "__module__", "")
        if is_file_module(home):
            module = home  # a file that was moved has another module's name
        elif not same_distribution(module, home):
            return None
        found = vars(sys.modules[module]).get(name) if module in sys.modules else None
        own = inspect.isclass(found) and found.__module__ == module and hasattr(found, "from_config")
        return found if own else None

    def registered_names(self) -> set[str]:
        """Every name that loaded plugins have registered with Keras."""
        for entry in self._own:
            self._try(entry)
        return set(_registered_objects())

    def _try(self, entry: Entry) -> None:
        """One broken class must not keep the others from loading."""
        try:
            resolve(entry)
        except WorkbenchError as error:
            self._errors.append(error)

    def _adopt_unregistered(self, bare: str, registered: dict[str, Any]) -> None:
        """A file from plain Keras names an unregistered class by its class name only."""
        owners = [e for e in self._own if e.target.rpartition(":")[2] == bare]
        if len(owners) == 1:
            module, _, name = module_target(owners[0]).rpartition(":")
            if module in sys.modules:
                registered[bare] = getattr(sys.modules[module], name)

    def _of_another_file(self, package: str, bare: str) -> Any | None:
        """A class whose plugin is not there, from the one plugin file that defines a class of its name.

        The file was renamed or moved since, or a class moved into it.
        """
        files = [entry for entry in self._own if entry.distribution.endswith(".py")]
        owners = [entry for entry in files if entry.target.rpartition(":")[2] == bare]
        if len(owners) != 1:
            return None
        try:
            found = resolve(owners[0])
        except WorkbenchError as error:
            self._errors.append(error)
            return None
        note = f"the class '{bare}' of '{package}' is taken from {Path(owners[0].distribution).name}"
        if note not in self.notes:
            self.notes.append(note)
        return found
