"""Make `entries.json` from the public API of the installed Keras: `python -m kwb_keras.generate`.

Run it after an upgrade of Keras. A test fails where the file no longer fits.
"""

from __future__ import annotations

import inspect
import json
import re
from types import ModuleType
from typing import Any

import keras

from kwb_keras import choices
from kwb_keras.plugin import ENTRIES

KINDS: dict[str, tuple[ModuleType, type]] = {
    "layers": (keras.layers, keras.Layer),
    "models": (keras.applications, keras.Model),  # functions that return one
    "losses": (keras.losses, keras.Loss),
    "metrics": (keras.metrics, keras.Metric),
    "optimizers": (keras.optimizers, keras.Optimizer),
    "schedules": (keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule),
    "callbacks": (keras.callbacks, keras.callbacks.Callback),
    "initializers": (keras.initializers, keras.Initializer),
    "regularizers": (keras.regularizers, keras.Regularizer),
    "constraints": (keras.constraints, keras.constraints.Constraint),
}


def public_classes(kind: str) -> dict[str, type]:
    """The classes of a kind in Keras' public API, bases included, each once under its own name; of models the
    functions that return them."""
    module, base = KINDS[kind]
    return {
        name: thing
        for name, thing in sorted(vars(module).items())
        if (
            inspect.isfunction(thing)
            if kind == "models"
            else inspect.isclass(thing) and issubclass(thing, base)
        )
        and thing.__name__ == name
    }


def entries() -> dict[str, list[dict[str, Any]]]:
    """All rows by kind."""
    return {
        kind: [
            _row(kind, name, cls)
            for name, cls in public_classes(kind).items()
            if name not in choices.OMITTED[kind]
        ]
        for kind in KINDS
    }


def as_json() -> str:
    """The text of `entries.json`: an entry a line, so that a diff shows what an upgrade changed."""
    kinds = []
    for kind, rows in entries().items():
        lines = ",\n".join(f"   {json.dumps(row)}" for row in rows)
        kinds.append(f'  "{kind}": [\n{lines}\n  ]')
    body = ",\n".join(kinds)
    return f'{{\n "keras": "{keras.__version__}",\n "entries": {{\n{body}\n }}\n}}\n'


def _row(kind: str, name: str, cls: type) -> dict[str, Any]:
    """One entry. What is usual (one input, one output, no example) is left out of the row."""
    row: dict[str, Any] = {
        "name": name,
        "target": f"{KINDS[kind][0].__name__}:{name}",
        "summary": _summary(cls),
    }
    tags = ["images", "architecture"] if kind == "models" else _tags(kind, cls)
    if tags:
        row["tags"] = tags
    if kind == "layers":
        if name in choices.INPUTS:
            row["inputs"] = choices.INPUTS[name]
        if _has_varying_outputs(cls):
            row["outputs"] = None
        row["shapes"] = choices.example_shapes(name, tags)
        if name in choices.INDEX_INPUTS:
            row["whole_numbers"] = True
        if name in choices.STRING_INPUTS:
            row["strings"] = True
    if kind == "models":
        row["shapes"] = [list(choices.IMAGE)]
    example = (
        {"weights": None, "input_shape": choices.IMAGE, "classes": 10}
        if kind == "models"
        else _example(name, cls)
    )
    if example:
        row["example"] = example
    aliases = _aliases(kind, name, cls)
    if aliases:
        row["aliases"] = aliases
    if expected := choices.EXPECTED_FAILURES.get(kind, {}).get(name):
        row["expected_failures"] = expected
    return row


def _summary(cls: type) -> str:
    """The first sentence of the docstring."""
    paragraph = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
    # A period after "e.g" or "a.k.a", or before a small letter or a year ("et al. 2014"), ends no sentence.
    sentence = re.split(r"(?<!\.\w)\.\s+(?=[A-Z`])", " ".join(paragraph.split()))[0]
    return sentence.rstrip(".:") + "."


def _tags(kind: str, cls: type) -> list[str]:
    """Keras' own grouping, from where it keeps the class: `convolutional`, `pooling`, `regression` ..."""
    groups = cls.__module__.split(".")[3:-1] if kind == "layers" else cls.__module__.split(".")[3:]
    groups = [group.removesuffix(f"_{kind}") for group in groups]
    tags = [group for group in groups if kind in ("layers", "metrics") and group != kind]
    return [*tags, "cell"] if cls.__name__.endswith("Cell") else tags


def _has_varying_outputs(cls: Any) -> bool:
    """True where an argument, or a layer given as an argument, decides how many outputs a call has."""
    parameters = (
        inspect.signature(cls.__init__).parameters.keys() | inspect.signature(cls.call).parameters.keys()
    )
    return bool({"return_state", "return_attention_scores", "layer", "cell", "states"} & parameters)


def _example(name: str, cls: type) -> dict[str, Any]:
    """Arguments for the parameters that have no default."""
    if name in choices.ARGUMENTS_OF:
        return choices.ARGUMENTS_OF[name]
    parameters = list(inspect.signature(cls).parameters.values())
    return {
        parameter.name: choices.ARGUMENTS[parameter.name]
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }


def _aliases(kind: str, name: str, cls: type) -> list[str]:
    """Other public names of the class, and the names that Keras accepts for it in place of an instance."""
    module, _ = KINDS[kind]
    names = {other for other, thing in vars(module).items() if thing is cls}
    if hasattr(module, "get"):
        short = {*choices.SHORT_WORDS, *map(str.upper, choices.SHORT_WORDS)}
        candidates = {snake_case(name), name.lower(), *short}
        names |= {word for word in candidates if _stands_for(module, word, name, cls)}
    return sorted(names - {name} - (choices.CHOSEN_BY_SHAPE if kind == "metrics" else set()))


def _stands_for(module: Any, word: str, name: str, cls: type) -> bool:
    try:
        thing = module.get(word)
    except Exception:  # Keras raises several kinds for a word that it does not know
        return False
    return type(thing) is cls or getattr(thing, "__name__", "") == snake_case(name)


def snake_case(name: str) -> str:
    """`KLDivergence` as `kl_divergence`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


if __name__ == "__main__":
    ENTRIES.write_text(as_json(), encoding="utf-8")
    print(f"{ENTRIES}: {sum(map(len, entries().values()))} entries of Keras {keras.__version__}")
