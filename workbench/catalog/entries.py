"""Entries: what a plugin offers, as strings; and the registry a plugin's hooks write them to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from workbench.errors import WorkbenchError

_NAME = re.compile(r"[A-Za-z_][\w-]*\Z")
_CODE_TARGET = re.compile(r"[\w.]+:[A-Za-z_]\w*\Z")
_FILE_TARGET = re.compile(r"[\w.]+:[\w./-]+\.ya?ml\Z")


# The kinds of things that a plain function can be.
OF_FUNCTIONS = frozenset({"layer", "loss", "metric", "schedule", "initializer", "regularizer", "constraint"})


class Kind(StrEnum):
    """The kind of an entry. Each kind has its own hook, `kwb_register_<plural>`."""

    LAYER = "layer"
    MODEL = "model"
    DATASET = "dataset"
    LOSS = "loss"
    METRIC = "metric"
    OPTIMIZER = "optimizer"
    SCHEDULE = "schedule"
    CALLBACK = "callback"
    INITIALIZER = "initializer"
    REGULARIZER = "regularizer"
    CONSTRAINT = "constraint"
    RECIPE = "recipe"

    @property
    def plural(self) -> str:
        return "losses" if self is Kind.LOSS else f"{self.value}s"


@dataclass(frozen=True)
class Entry:
    """One thing that a plugin offers. It holds strings, so that listing it imports nothing.

    Attributes:
        kind: layer, model, dataset, ...
        name: the name a recipe uses.
        target: where it lives: `package.module:Class`, `package.module:function`, or for a recipe
            `package:folder/file.yaml`.
        summary: one line for people.
        tags: words to group and search by.
        inputs: how many input tensors a call has; None for any number.
        outputs: how many tensors a call returns; None where it depends on the arguments.
        example: non-default arguments that make a working instance; `kwb check` and forms use them.
        aliases: other names a recipe may use, such as `mse`.
        saved_as: names under which older versions registered the class with Keras, package included.
        input_shapes: shapes, without the batch axis, of the tensors that the example can be called on; `kwb check`
            tries some usual ones where there are none.
        expected_failures: checks of `kwb check` that fail on this entry, each with the reason.
        guessed: a function of a plugin file, whose kind its signature suggests; it may be used as another kind too.
        plugin: the entry point's name.
        distribution: what `pip install` calls the plugin; also the package its classes are registered under.
        version: the distribution's version.
    """

    kind: Kind
    name: str
    target: str
    summary: str = ""
    tags: tuple[str, ...] = ()
    inputs: int | None = 1
    outputs: int | None = 1
    example: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    aliases: tuple[str, ...] = ()
    saved_as: tuple[str, ...] = ()
    input_shapes: tuple[tuple[int, ...], ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    guessed: bool = False
    plugin: str = ""
    distribution: str = ""
    version: str = ""

    @property
    def qualified_name(self) -> str:
        """The name that stays unique when two plugins offer the same one: `acme.Gate`."""
        return f"{self.plugin}.{self.name}"

    @property
    def from_file(self) -> bool:
        """True if it is from a file given by `--plugin`, which is no distribution."""
        return self.distribution.endswith(".py")

    def as_record(self) -> dict[str, Any]:
        """The row `kwb catalog --json` prints."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "plugin": self.plugin,
            "distribution": self.distribution,
            "target": self.target,
            "summary": self.summary,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "tags": list(self.tags),
        }


class Registry:
    """The object that a plugin's hooks add entries to; it collects those of one plugin and one kind."""

    def __init__(self, kind: Kind, plugin: str, distribution: str, version: str) -> None:
        self.kind = kind
        self.plugin = plugin
        self.distribution = distribution
        self.version = version
        self.entries: dict[str, Entry] = {}

    def add(
        self,
        name: str,
        target: str,
        *,
        summary: str = "",
        tags: Sequence[str] = (),
        inputs: int | None = 1,
        outputs: int | None = 1,
        example: Mapping[str, Any] | None = None,
        aliases: Sequence[str] = (),
        saved_as: Sequence[str] = (),
        input_shapes: Sequence[Sequence[int]] = (),
        expected_failures: Mapping[str, str] | None = None,
    ) -> None:
        """Offer one thing under `name`. See `Entry` for the arguments.

        Raises:
            WorkbenchError: the name, the target, a list or a shape is malformed, or the name was given twice.
        """
        where = f"{self.plugin}: {self.kind.value} {name!r}"
        if not isinstance(name, str) or not _NAME.match(name):
            raise WorkbenchError(
                "a name is letters, digits, '_' and '-', and begins with a letter.", where=where
            )
        wanted = _FILE_TARGET if self.kind is Kind.RECIPE else _CODE_TARGET
        if not isinstance(target, str) or not wanted.match(target):
            form = "package:file.yaml" if self.kind is Kind.RECIPE else "package.module:Name"
            raise WorkbenchError(f"the target {target!r} is not of the form '{form}'.", where=where)
        for what, words in (("tags", tags), ("aliases", aliases), ("saved_as", saved_as)):
            if isinstance(words, str):
                raise WorkbenchError(f"{what} is a list of texts, not {words!r}.", where=where)
        for shape in input_shapes:
            if isinstance(shape, str | int) or not all(isinstance(size, int) for size in shape):
                raise WorkbenchError(
                    f"input_shapes is a list of shapes, one for each tensor, not {input_shapes!r}.",
                    where=where,
                    hint="Shapes are without the batch axis: [[8]] for one input of 8 columns.",
                )
        for check, reason in (expected_failures or {}).items():
            if not (isinstance(reason, str) and reason.strip()):
                raise WorkbenchError(f"the expected failure of '{check}' has no reason.", where=where)
        if name in self.entries:
            raise WorkbenchError("this plugin registers the name twice.", where=where)
        self.entries[name] = Entry(
            kind=self.kind,
            name=name,
            target=target,
            summary=summary,
            tags=tuple(tags),
            inputs=inputs,
            outputs=outputs,
            example=MappingProxyType(dict(example or {})),
            aliases=tuple(aliases),
            saved_as=tuple(saved_as),
            input_shapes=tuple(tuple(shape) for shape in input_shapes),
            expected_failures=MappingProxyType(dict(expected_failures or {})),
            plugin=self.plugin,
            distribution=self.distribution,
            version=self.version,
        )
