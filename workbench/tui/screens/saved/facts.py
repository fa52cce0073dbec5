"""The content of a file as the reader found it, with types, and its description as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.content import Content

from workbench.tui.chart.histogram import Histogram, histogram_of
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import counted
from workbench.tui.views.marks import DONE, FAILED

WEIGHTS_ONLY = "holds weights only, no model."


@dataclass(frozen=True)
class Layer:
    """A layer, or the model: its path in the model, its class, the name a plugin registered that under."""

    name: str
    layer_class: str
    registered: str = ""


@dataclass(frozen=True)
class Weight:
    """A weight as it is stored in the file."""

    path: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def shape_text(self) -> str:
        return " × ".join(map(str, self.shape)) or "scalar"


@dataclass(frozen=True)
class NeededClass:
    """A class that a plugin must provide."""

    registered: str
    distribution: str
    installed: bool


@dataclass(frozen=True)
class SavedFrom:
    """The notes of kwb in the file: where the model comes from. Any of it may be empty."""

    kwb: str
    recipe: str
    data: str
    run: str
    epoch: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class FileFacts:
    """A file's content, without the values. See `workbench.storage.inspect.Inspection`.

    `layers` and `weights` are the first ones where there are very many; the counts are of all.
    """

    format: str
    keras_version: str
    model: Layer | None
    layers: tuple[Layer, ...]
    layer_count: int
    weights: tuple[Weight, ...]
    weight_count: int
    parameters: int
    optimizer: tuple[str, str] | None
    needs: tuple[NeededClass, ...]
    refusal: str
    notes: SavedFrom | None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FileFacts:
        """From the reader's answer to `look`. Texts come from the file: they are made harmless here."""
        notes = record["notes"]
        return cls(
            format=record["format"],
            keras_version=printable(record["keras_version"]),
            model=_layer(record["model"]) if record["model"] else None,
            layers=tuple(map(_layer, record["layers"])),
            layer_count=record["layer_count"],
            weights=tuple(Weight(path, tuple(shape), dtype) for path, shape, dtype in record["weights"]),
            weight_count=record["weight_count"],
            parameters=record["parameters"],
            optimizer=tuple(map(printable, record["optimizer"])) if record["optimizer"] else None,  # type: ignore[arg-type]
            needs=tuple(
                NeededClass(printable(name), printable(dist), here) for name, dist, here in record["needs"]
            ),
            refusal=printable(record["refusal"]),
            notes=SavedFrom(
                **{name: printable(notes[name]) for name in ("kwb", "recipe", "data", "run", "epoch")},
                inputs=tuple(map(printable, notes["inputs"])),
                targets=tuple(map(printable, notes["targets"])),
            )
            if notes
            else None,
        )

    @property
    def missing(self) -> tuple[NeededClass, ...]:
        return tuple(need for need in self.needs if not need.installed)


def _layer(row: Sequence[str]) -> Layer:
    name, layer_class, registered = map(printable, row)
    return Layer(name, layer_class, registered)


@dataclass(frozen=True)
class Distribution:
    """The values of one weight in numbers; `histogram` is of the finite ones."""

    size: int
    finite: int
    nan: int
    infinite: int
    zeros: int
    low: float
    high: float
    mean: float
    deviation: float
    histogram: Histogram

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Distribution:
        """From the reader's answer to `weight`."""
        counts, edges = record["counts"], record["edges"]
        if counts:
            low, high = edges
            edges = [low + (high - low) * (at / len(counts)) for at in range(len(counts))] + [high]
        rest = {name: record[name] for name in cls.__dataclass_fields__ if name != "histogram"}
        return cls(**rest, histogram=histogram_of(edges, counts))


def about_file(facts: FileFacts) -> Iterator[Content]:
    """The facts about a valid file, one per line, the most important first."""
    model = facts.model
    counts = f"{facts.parameters:,} parameters in {counted(facts.weight_count, 'weight')}"
    if model is None:
        yield _line("model", ("none: weights only", "bold"), f"  {counts}")
    else:
        layers = f", {counted(facts.layer_count, 'layer')}" if facts.layer_count else ""
        yield _line("model", (model.layer_class, "bold"), f"  {model.name}")
        yield _line("", counts + layers)
    for distribution, needs in _by_distribution(facts.needs).items():
        names = ", ".join(need.registered.rpartition(">")[2] for need in needs)
        if needs[0].installed:
            yield _line("needs", f"{DONE} {names} of {distribution}")
        else:
            yield _line(
                "needs",
                (f"{FAILED} {names}: {distribution} is not installed", "$text-error"),
                f"\n{'':11}pip install {distribution}, or --plugin {distribution}.py",
            )
    if facts.refusal:
        yield _line("refused", (f"{FAILED} it {facts.refusal}", "$text-error"))
    if facts.notes is not None:
        yield from _about_training(facts.notes)
    if facts.optimizer is not None:
        name, rate = facts.optimizer
        yield _line("optimizer", name, f"  learning rate {rate}" if rate else "")
    made = f"kwb {facts.notes.kwb}, " if facts.notes and facts.notes.kwb else ""
    if made or facts.keras_version:
        yield _line("made by", f"{made}Keras {facts.keras_version}" if facts.keras_version else made[:-2])


def _about_training(notes: SavedFrom) -> Iterator[Content]:
    what = [f"recipe {notes.recipe}" if notes.recipe else "", f"epoch {notes.epoch}" if notes.epoch else ""]
    yield _line("trained", "  ".join(part for part in what if part) or "–")
    if notes.run:
        yield _line("run", notes.run)
    if notes.data or notes.inputs:
        roles = f"  {', '.join(notes.inputs)} → {', '.join(notes.targets)}" if notes.inputs else ""
        yield _line("data", notes.data, (roles, "dim"))


def _line(name: str, *parts: str | tuple[str, str]) -> Content:
    return Content.assemble((f"{name:<11}", "dim"), *parts)


def _by_distribution(needs: Sequence[NeededClass]) -> dict[str, list[NeededClass]]:
    grouped: dict[str, list[NeededClass]] = {}
    for need in needs:
        grouped.setdefault(need.distribution, []).append(need)
    return grouped
