"""What the child can be asked to do; one function a command, from its arguments to JSON's types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from workbench.assembly.parameters import describe
from workbench.catalog import Kind
from workbench.catalog.resolve import resolve
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.document import Document, join_key, parse, read
from workbench.recipe.faults import explain
from workbench.recipe.schema import Data
from workbench.storage.inspect import inspect_file
from workbench.storage.runs import open_run
from workbench.training.ready import assembled_event, prepare
from workbench.training.saved import SavedModel
from workbench.training.session import Session
from workbench.worker.examine import KeptData, examine, look_at_data

if TYPE_CHECKING:
    from workbench.worker.child import Child

Arguments = Mapping[str, Any]

_KEPT_DATA = KeptData()


def _document(arguments: Arguments) -> Document:
    """A recipe given as text (being edited) or as a path."""
    overrides = tuple(arguments.get("overrides", ()))
    if "text" in arguments:
        folder = Path(arguments.get("folder", "."))
        return parse(
            arguments["text"], name=arguments.get("name", "recipe"), folder=folder, overrides=overrides
        )
    return read(Path(arguments["path"]), overrides)


def _assemble(child: Child, arguments: Arguments) -> dict[str, Any]:
    """The rows of a recipe's model: {layers, parameters, trainable_parameters, data}."""
    ready = prepare(_document(arguments), child.catalog)
    event = assembled_event(ready, child.catalog)
    return {
        "layers": event.layers,
        "parameters": event.parameters,
        "trainable_parameters": event.trainable_parameters,
        "data": ready.prepared.summary(),
    }


def _examine(child: Child, arguments: Arguments) -> dict[str, Any]:
    """A recipe that is being edited, as far as it can be built, and its first fault: see `examine`."""
    try:
        document = _document(arguments)
    except WorkbenchError as fault:
        return {"rows": [], "inputs": {}, "targets": {}, "data": "", "fault": fault.as_record()}
    return examine(document, child.catalog, _KEPT_DATA)


def _preview(child: Child, arguments: Arguments) -> dict[str, Any]:
    """What a data section (`data`: as in a recipe, or just a name) gives: see `look_at_data`."""
    section = arguments["data"]
    try:
        data = Data.model_validate({"use": section} if isinstance(section, str) else section)
    except ValidationError as faults:
        key, what, hint = explain(faults)
        raise RecipeError(what, where=join_key(("data", *key)), hint=hint) from None
    folder = Path(arguments.get("folder", "."))
    return look_at_data(data, child.catalog, folder, arguments.get("seed", 0), arguments.get("rows", 10))


def _describe(child: Child, arguments: Arguments) -> dict[str, Any]:
    """An entry's constructor: {documentation, parameters: [...]}."""
    entry = child.catalog.find(Kind(arguments["kind"]), arguments["name"])
    return describe(entry, resolve(entry))


def _train(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Train; events come while it runs. The result is the `finished` event's status, logs and evaluation.

    `resume` names a run's folder to go on with instead of making a new one; the recipe is that run's own.
    """
    resume = arguments.get("resume")
    session = Session(
        _document(arguments),
        child.catalog,
        child.emit,
        runs_folder=Path(arguments["runs"]),
        resume=open_run(resume) if resume else None,
    )
    child.steer_by(session.control)
    finished = session.run()
    return {
        "status": finished.status,
        "logs": finished.logs,
        "evaluation": finished.evaluation,
    }


def _load(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Open a saved file: {class, name, parameters, warnings}."""
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)
    return {
        "class": type(saved.model).__name__,
        "name": saved.model.name,
        "parameters": saved.model.count_params(),
        "warnings": saved.warnings,
    }


def _evaluate(child: Child, arguments: Arguments) -> dict[str, float]:
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)
    part = saved.read(arguments["data"], child.catalog, with_targets=True)
    return saved.evaluate(part)


def _predict(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Predictions as CSV text, and the rows."""
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)
    part = saved.read(arguments["data"], child.catalog, with_targets=False)
    return {"csv": saved.predictions_csv(part), "rows": part.rows}


def _inspect(child: Child, arguments: Arguments) -> dict[str, Any]:
    installed = {plugin.distribution for plugin in child.catalog.plugins if plugin.entries}
    return inspect_file(Path(arguments["file"]), installed).as_record()


COMMANDS: dict[str, Callable[[Child, Arguments], Any]] = {
    "assemble": _assemble,
    "examine": _examine,
    "preview": _preview,
    "describe": _describe,
    "train": _train,
    "load": _load,
    "evaluate": _evaluate,
    "predict": _predict,
    "inspect": _inspect,
}
