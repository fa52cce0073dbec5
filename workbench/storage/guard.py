"""What a model file may ask for: nothing but known Keras classes and what loaded plugins registered.

Keras, even in safe mode, calls any of its exported functions that a Lambda names, and any registered callable
with arguments from the file. So the configuration is judged here first, as plain JSON and without Keras.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import FileError, did_you_mean
from workbench.storage import container, sizes
from workbench.storage.container import Container, Refused

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


class Resolver(Protocol):
    """Who knows the classes and functions that plugins registered with Keras."""

    def registered_names(self) -> AbstractSet[str]:
        """The names, such as `kwb>MyDense`: the distribution, and the class or function."""

    def resolve_registered(self, name: str) -> object | None:
        """Import and return what is registered under a name, or None."""


@dataclass(frozen=True)
class Checked:
    """A file that may be loaded: the plugin names it needs, and why it cannot be compiled, if so."""

    config: Mapping[str, Any] | None
    legacy: bool
    classes: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    uncompilable: str = ""


@dataclass(frozen=True)
class Named:
    """One class or function that a configuration names. `place` is its path in the configuration."""

    name: str
    registered: str
    module: str | None
    is_function: bool
    place: str
    config: Any


def check_structure(path: Path) -> Checked:
    """The file's structure is honest; its configuration is not judged.

    Raises:
        FileError: it is not.
    """
    found = container.read(path)
    return Checked(found.config, found.legacy)


def check_file(path: Path, registered: AbstractSet[str]) -> Checked:
    """The file may be loaded with what is registered.

    Raises:
        FileError: it is damaged or refused, or needs a plugin that is not there.
    """
    found = container.read(path)
    if found.config is None:
        return Checked(None, found.legacy)
    model, arguments = split_config(found)
    with container.faults(path):
        sizes.check_sizes(model, found.stored + container.SLACK)
        names = list(check_config(model, registered))
    uncompilable = ""
    try:
        names += list(check_config(arguments, registered))
    except Refused as fault:
        uncompilable = str(fault)
    custom = [named for named in names if ">" in named.registered]
    return Checked(
        found.config,
        found.legacy,
        frozenset(named.registered for named in custom if not named.is_function),
        frozenset(named.registered for named in custom if named.is_function),
        uncompilable,
    )


def resolve_names(checked: Checked, resolver: Resolver, where: str) -> None:
    """Import all that the file needs, so that Keras knows it, and see that a class is meant where one stands.

    Raises:
        FileError: a name resolves to nothing, or a function stands where a class belongs (Keras would call
            it with arguments from the file), or the other way round.
    """
    for name in sorted(checked.classes | checked.functions):
        found = resolver.resolve_registered(name)
        if found is None:
            raise FileError(f"needs '{name}', which cannot be resolved.", where=where)
        if (
            isinstance(found, type) != (name in checked.classes)
            or name in checked.classes & checked.functions
        ):
            kind = "a class" if isinstance(found, type) else "a function"
            raise FileError(f"refused: it uses '{name}' as something else than {kind}.", where=where)


def split_config(found: Container) -> tuple[Mapping[str, Any], Any]:
    """The model's configuration, and the compile arguments, which may fail without harm to the model."""
    config = found.config or {}
    if found.legacy:
        return config, found.training_config or {}
    return {key: value for key, value in config.items() if key != "compile_config"}, config.get(
        "compile_config"
    )


def check_config(config: Any, registered: AbstractSet[str]) -> Iterator[Named]:
    """Judge every class and function that a configuration names.

    Yields:
        Each of them, judged.

    Raises:
        Refused: the first that it may not name, with its place.
    """
    for named in named_objects(config):
        if named.is_function:
            _check_function(named, registered)
        else:
            _check_class(named, registered)
        yield named


def named_objects(config: Any, place: str = "") -> Iterator[Named]:
    """Every class and function that a configuration names, outermost first."""
    if isinstance(config, list):
        for index, item in enumerate(config):
            yield from named_objects(item, f"{place}[{index}]")
        return
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        inner = config.get("config")
        name = config["class_name"]
        if not isinstance(name, str):
            raise Refused(f"refused: '{place}' names a class by something else than a string.")
        own = inner.get("name") if isinstance(inner, dict) else None
        place = f"{place}.{own}" if isinstance(own, str) and place else place or str(own or name)
        module = config.get("module")
        registered = config.get("registered_name")
        if name == "function":
            inner = inner if isinstance(inner, str) else ""
            registered = inner if ">" in inner else registered
            yield Named(inner, _text(registered), module, True, place, None)
        elif name not in _PLAIN_OBJECTS:
            registered = name if ">" in name else registered
            yield Named(name.split(">")[-1], _text(registered), module, False, place, inner)
    for key, item in config.items():
        if isinstance(item, dict | list):
            yield from named_objects(item, place if key in ("config", "layers") else f"{place}.{key}")


def missing(registered: str, names: Collection[str]) -> Refused:
    """Why a registered name is not there, and which distribution would bring it."""
    package, _, name = registered.partition(">")
    if any(known.startswith(f"{package}>") for known in names):
        near = did_you_mean(registered, names)
        return Refused(
            f"needs '{name}' of '{package}', which the installed version does not register.",
            near or f"It was made with another version of '{package}'.",
        )
    if package == "Custom" or not _DISTRIBUTION.fullmatch(package):
        return Refused(
            f"needs the class '{name}' (registered as '{registered}'), which no loaded plugin brings.",
            "Name the Python file that defines it with --plugin FILE.py.",
        )
    return Refused(
        f"needs plugin distribution '{package}' (class {name}).", f"Install it: pip install {package}"
    )


def _check_class(named: Named, registered: AbstractSet[str]) -> None:
    if named.name == "__lambda__":
        raise Refused(
            f"refused: '{named.place}' is a Python lambda kept as code, which could run anything.",
            "Register a named function as a layer in a plugin, and use that.",
        )
    if ">" in named.registered:
        if named.registered not in registered:
            raise missing(named.registered, registered)
        return
    module = named.module if named.module is not None else ""
    known_class = bool(_CLASS_NAME.fullmatch(named.name))
    if module == "keras":
        known_class = named.name in OF_KERAS_ITSELF
    elif module and module not in KERAS_MODULES and not module.startswith(KERAS_INTERNALS):
        known_class = False
    if not known_class:
        raise Refused(
            f"needs the class '{named.name}'{f' of {module}' if module else ''} ('{named.place}'), "
            "which is neither Keras' nor registered by a loaded plugin.",
            "Name the Python file that defines it with --plugin FILE.py.",
        )
    if named.name in FOREIGN_CLASSES:
        raise Refused(f"refused: {named.name} ('{named.place}') {FOREIGN_CLASSES[named.name]}.")
    inner = named.config if isinstance(named.config, dict) else {}
    if named.name == "Lambda":
        _check_lambda(inner, named.place, registered)
    if named.name in _LOOKUPS and isinstance(inner.get("vocabulary"), str):
        raise Refused(f"refused: '{named.place}' reads its vocabulary from another file.")


def _check_lambda(config: Mapping[str, Any], place: str, registered: AbstractSet[str]) -> None:
    for key in ("function", "output_shape", "mask"):
        value = config.get(key)
        if key != "function" and not isinstance(value, str | dict):
            continue
        name = value.get("config") if isinstance(value, dict) else value
        if isinstance(value, dict) and value.get("class_name") == "__lambda__":
            continue  # refused by its own name, with better words
        if not isinstance(name, str) or name not in registered:
            raise Refused(f"refused: the Lambda layer '{place}' calls '{name}', which no plugin registered.")


def _check_function(named: Named, registered: AbstractSet[str]) -> None:
    if ">" in named.registered:
        if named.registered not in registered:
            raise missing(named.registered, registered)
        return
    fixed = named.name in ("get", "serialize", "deserialize") or not _FUNCTION_NAME.fullmatch(named.name)
    if fixed or named.module not in FUNCTION_MODULES:
        raise Refused(
            f"refused: '{named.place}' calls the function '{named.name}' of {named.module}, "
            "which is neither one of Keras' activations, losses or metrics nor registered by a plugin."
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
