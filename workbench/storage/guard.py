"""Check the classes that a model file names: only known Keras classes and those of loaded plugins are allowed.

Keras, even in safe mode, calls any of its exported functions that a Lambda names, and any registered callable
with arguments from the file. So the configuration is checked here first, as plain JSON and without Keras.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from workbench.errors import did_you_mean
from workbench.storage import container, sizes
from workbench.storage.container import Container
from workbench.storage.limits import SLACK, Refused

KERAS_MODULES = frozenset(
    {
        "keras",
        "keras.activations",
        "keras.constraints",
        "keras.dtype_policies",
        "keras.initializers",
        "keras.layers",
        "keras.losses",
        "keras.metrics",
        "keras.models",
        "keras.optimizers",
        "keras.optimizers.schedules",
        "keras.quantizers",
        "keras.random",
        "keras.regularizers",
    }
)
# Where Keras itself looks among its layers, operations and models only.
KERAS_INTERNALS = ("keras.src.layers.", "keras.src.models.", "keras.src.ops.")
OF_KERAS_ITSELF = frozenset(
    {"Model", "Functional", "Sequential", "Layer", "InputSpec", "Loss", "Metric", "Optimizer"}
    | {"Initializer", "Regularizer", "Constraint", "Quantizer"}
    | {"DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy"}
)
FUNCTION_MODULES = frozenset(
    {
        "builtins",
        "keras.activations",
        "keras.losses",
        "keras.metrics",
        "keras.initializers",
        "keras.regularizers",
    }
)
FOREIGN_CLASSES = {
    "TypeSpec": "makes a type of TensorFlow",
    "CompositeTensor": "makes a type of TensorFlow",
    "TFSMLayer": "runs a SavedModel from another file",
    "TorchModuleWrapper": "unpickles a PyTorch module, which can run any code",
    "JaxLayer": "wraps a function of another program",
    "FlaxLayer": "wraps a module of another program",
}
_PLAIN_OBJECTS = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"}
    | {"TensorShape"}
)
_LOOKUPS = frozenset({"StringLookup", "IntegerLookup", "TextVectorization"})
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9_]*")
_FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class KnownClasses(Protocol):
    """Knows the classes and functions that plugins registered with Keras."""

    def registered_names(self) -> AbstractSet[str]:
        """The names, such as `kwb>MyDense`: the distribution, and the class or function."""

    def resolve_registered(self, name: str) -> object | None:
        """Import and return what is registered under a name, or None."""


@runtime_checkable
class KnownHelpers(Protocol):
    """Knows which classes may stand in the configuration of a plugin's class."""

    notes: list[str]

    def resolve_helper(self, module: str, name: str, owner: object) -> object | None:
        """The class of that name and module, if it is to be trusted as the plugin's class `owner` is, or None."""


@dataclass(frozen=True)
class Checked:
    """A file that may be loaded; the plugin classes that it needs are imported.

    Attributes:
        bare: the class names of a legacy file that name no module: Keras' own, or of plain Keras' users.
        objects: the classes of plugins, by the names that Keras looks them up by.
        notes: which of them were found in another place than the file says.
    """

    config: Mapping[str, Any] | None
    legacy: bool
    bare: frozenset[str] = frozenset()
    objects: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    uncompilable: str = ""  # why the compile arguments cannot be used, if so


@dataclass(frozen=True)
class Named:
    """One class or function that a configuration names.

    Attributes:
        path: where it is in the configuration.
        within: the registered names of the plugins' classes in whose configuration it is, outermost first.
    """

    name: str
    registered: str
    module: str | None
    is_function: bool
    path: str
    config: Any
    within: tuple[str, ...] = ()


def check_file(path: Path, resolver: KnownClasses) -> Checked:
    """The file may be loaded; the plugin classes and functions that it names are imported on the way.

    Raises:
        FileError: it is damaged or refused, or needs a plugin that is not there.
    """
    found = container.read(path)
    if found.config is None:
        return Checked(None, found.legacy)
    model, arguments = split_config(found)

    objects: dict[str, Any] = {}
    bare_names = {given: name for name, given in found.record.get("classes", {}).items()}

    def judge(named: Named) -> None:
        target = _resolve(named, resolver, _packages_of_files(found.record))
        for name in (named.registered, bare_names.get(named.registered, named.registered)):
            if objects.setdefault(name, target) is not target:
                raise Refused(f"refused: it names two classes '{name}' ('{named.path}').")

    uncompilable = ""
    with container.errors(path):
        sizes.check_sizes(model, found.stored + SLACK)
        names = list(check_config(model, judge))
        try:
            names += list(check_config(arguments, judge))
        except Refused as error:
            uncompilable = str(error)
    bare = {named.name for named in names if not named.registered and named.module is None}
    notes = tuple(resolver.notes) if isinstance(resolver, KnownHelpers) else ()
    return Checked(found.config, found.legacy, frozenset(bare), objects, notes, uncompilable)


def split_config(found: Container) -> tuple[Mapping[str, Any], Any]:
    """The model's configuration, and the compile arguments, which may fail without harm to the model."""
    config = found.config or {}
    if found.legacy:
        return config, found.training_config or {}
    return {key: value for key, value in config.items() if key != "compile_config"}, config.get(
        "compile_config"
    )


def check_config(config: Any, judge: Callable[[Named], None]) -> Iterator[Named]:
    """Judge every class and function that a configuration names.

    Args:
        judge: is asked for each that is not Keras', and raises Refused for what no plugin registered.

    Yields:
        Each of them, judged.

    Raises:
        Refused: the first that it may not name, with its path.
    """
    for named in named_objects(config):
        if ">" in named.registered:
            judge(named)
        elif named.is_function:
            _check_function(named)
        else:
            _check_class(named, judge)
        yield named


def named_objects(config: Any, path: str = "", within: tuple[str, ...] = ()) -> Iterator[Named]:
    """Every class and function that a configuration names, outermost first."""
    if isinstance(config, list):
        for index, item in enumerate(config):
            yield from named_objects(item, f"{path}[{index}]", within)
        return
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        inner = config.get("config")
        name = config["class_name"]
        if not isinstance(name, str):
            raise Refused(f"refused: '{path}' names a class by something else than a string.")
        own = inner.get("name") if isinstance(inner, dict) else None
        path = f"{path}.{own}" if isinstance(own, str) and path else path or str(own or name)
        module, registered = config.get("module"), config.get("registered_name")
        if not isinstance(module, str | None) or not isinstance(registered, str | None):
            raise Refused(
                f"refused: '{path}' names its module or its package by something else than a string."
            )
        if name == "function":
            inner = inner if isinstance(inner, str) else ""
            registered = inner if ">" in inner else registered
            yield Named(inner, _text(registered), module, True, path, None)
        elif name not in _PLAIN_OBJECTS:
            registered = name if ">" in name else registered
            yield Named(name.split(">")[-1], _text(registered), module, False, path, inner, within)
            if ">" in _text(registered):
                within = (*within, _text(registered))
    for key, item in config.items():
        if isinstance(item, dict | list):
            yield from named_objects(item, path if key in ("config", "layers") else f"{path}.{key}", within)


def unknown(named: Named) -> Refused:
    """Why a class that nobody registered cannot be loaded."""
    of = f" of {named.module}" if named.module else ""
    return Refused(
        f"needs the class '{named.name}'{of} ('{named.path}'), which is neither Keras' nor registered by a "
        "loaded plugin.",
        "Name the Python file that defines it with --plugin FILE.py.",
    )


def _resolve(named: Named, resolver: KnownClasses, files: Collection[str]) -> object:
    """Import what the file names, and check that a class is where one is expected.

    A function where a class is expected would be called by Keras with arguments from the file.
    """
    found = resolver.resolve_registered(named.registered)
    if found is None and not named.is_function:
        found = _helper(named, resolver)
    if found is None:
        raise (
            _missing(named, resolver.registered_names(), files) if ">" in named.registered else unknown(named)
        )
    if isinstance(found, type) == named.is_function:
        kind = "a class" if named.is_function else "a function"
        raise Refused(f"refused: '{named.path}' uses '{named.registered}' as something else than {kind}.")
    return found


def _helper(named: Named, resolver: KnownClasses) -> object | None:
    """The class of an object in the configuration of a plugin's class, such as the wiring of a cell."""
    if not isinstance(resolver, KnownHelpers) or named.module is None:
        return None
    for name in reversed(named.within):
        owner = resolver.resolve_registered(name)
        if owner is not None:
            return resolver.resolve_helper(named.module, named.name, owner)
    return None


def _packages_of_files(record: Mapping[str, Any]) -> set[str]:
    """The packages of a file's registered names that were plugin files: nobody can install them."""
    plugins = record.get("notes", {}).get("plugins", {})
    known = plugins.values() if isinstance(plugins, dict) else ()
    distributions = [str(each.get("distribution", "")) for each in known if isinstance(each, dict)]
    return {*record.get("files", ()), *(Path(each).stem for each in distributions if each.endswith(".py"))}


def _missing(named: Named, names: Collection[str], files: Collection[str]) -> Refused:
    package, _, name = named.registered.partition(">")
    if any(known.startswith(f"{package}>") for known in names):
        near = did_you_mean(named.registered, names)
        return Refused(
            f"needs '{name}' of '{package}', which the installed version does not register.",
            near or f"It was made with another version of '{package}'.",
        )
    if package in files:
        return Refused(
            f"needs the class '{name}' of a plugin file ('{package}').",
            "Name the file that defines it now: --plugin FILE.py.",
        )
    if package == "Custom" or not _DISTRIBUTION.fullmatch(package):
        return unknown(named)
    return Refused(
        f"needs plugin distribution '{package}' (class {name}).",
        f"Install it: pip install {package}. If it is a file of your own, name it: --plugin {package}.py.",
    )


def _check_class(named: Named, judge: Callable[[Named], None]) -> None:
    if named.name == "__lambda__":
        raise Refused(
            f"refused: '{named.path}' is a Python lambda kept as code, which could run anything.",
            "Register a named function as a layer in a plugin, and use that.",
        )
    module = named.module or ""
    if not _CLASS_NAME.fullmatch(named.name) or (module == "keras" and named.name not in OF_KERAS_ITSELF):
        raise unknown(named)
    if module and module not in KERAS_MODULES and not module.startswith(KERAS_INTERNALS):
        if module == "keras" or module.startswith("keras."):
            raise unknown(named)
        judge(replace(named, registered=named.name))  # a class of plain Keras' user, registered by nobody
        return
    if not module and named.registered:
        judge(named)  # the same, from a notebook, where there is no module to name
        return
    if named.name in FOREIGN_CLASSES:
        raise Refused(f"refused: {named.name} ('{named.path}') {FOREIGN_CLASSES[named.name]}.")
    inner = named.config if isinstance(named.config, dict) else {}
    if named.name == "Lambda":
        _check_lambda(inner, named.path, judge)
    if named.name in _LOOKUPS and isinstance(inner.get("vocabulary"), str):
        raise Refused(f"refused: '{named.path}' reads its vocabulary from another file.")


def _check_lambda(config: Mapping[str, Any], path: str, judge: Callable[[Named], None]) -> None:
    """A Lambda may call what a plugin registered, and none of Keras' own functions."""
    for key in ("function", "output_shape", "mask"):
        value = config.get(key)
        if key != "function" and not isinstance(value, str | dict):
            continue
        if isinstance(value, dict) and value.get("class_name") == "__lambda__":
            continue  # refused by its own name, with better words
        name = value.get("config") if isinstance(value, dict) else value
        if not isinstance(name, str) or ">" not in name:
            raise Refused(f"refused: the Lambda layer '{path}' calls '{name}', which no plugin registered.")
        judge(Named(name, name, None, True, path, None))


def _check_function(named: Named) -> None:
    fixed = named.name in ("get", "serialize", "deserialize") or not _FUNCTION_NAME.fullmatch(named.name)
    if fixed or named.module not in FUNCTION_MODULES:
        raise Refused(
            f"refused: '{named.path}' calls the function '{named.name}' of {named.module}, "
            "which is neither one of Keras' activations, losses or metrics nor registered by a plugin."
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
