"""The commands of the child: one function per command, which returns JSON types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from workbench.assembly.parameters import describe
from workbench.atomic import write_bytes
from workbench.catalog import Kind, single_file
from workbench.catalog.resolve import Resolver, resolve
from workbench.data.loading import Rows
from workbench.devices.report import find_devices
from workbench.errors import RecipeError, TrainingError, WorkbenchError
from workbench.group.hosts.opening import group_session
from workbench.group.hosts.options import HostOptions
from workbench.group.pools import PluginChoice
from workbench.probing.kept_probe import KeptProbe
from workbench.probing.probe import Probing
from workbench.probing.replay import replay
from workbench.probing.subject import of_file, of_recipe, of_run
from workbench.process import run_one_at_a_time
from workbench.recipe.document import Document, join_key, parse, read, to_yaml
from workbench.recipe.errors import explain
from workbench.recipe.schema import Data
from workbench.storage import formats
from workbench.storage.runs import open_run
from workbench.training.exporting import export
from workbench.training.model_files import save_run
from workbench.training.prediction_table import PredictionTable, predict, prediction_table
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session
from workbench.training.trained_rows import trained_rows
from workbench.worker.data_views import DataViews
from workbench.worker.examine import examine, look_at_data
from workbench.worker.grouped import chief_of, follow, retraining_of
from workbench.worker.kept_data import KeptData
from workbench.worker.pictures import pictures_of
from workbench.worker.predictions import KeptPredictions, predictions_of

if TYPE_CHECKING:
    from workbench.catalog.lookup import Catalog
    from workbench.group.session import GroupSession
    from workbench.worker.child import Child

Arguments = Mapping[str, Any]

_KEPT_DATA = KeptData()
_DATA_VIEWS = DataViews(_KEPT_DATA)
_KEPT_PREDICTIONS = KeptPredictions()
_PROBED: list[Probing] = []  # what was probed last
MOST_BESIDE = 50  # files of a plugin that are looked at for changes


def _document(arguments: Arguments) -> Document:
    """A recipe given as text (being edited) or as a path."""
    overrides = tuple(arguments.get("overrides", ()))
    if "text" in arguments:
        folder = Path(arguments.get("folder", "."))
        return parse(
            arguments["text"], name=arguments.get("name", "recipe"), folder=folder, overrides=overrides
        )
    return read(Path(arguments["path"]), overrides)


def _examine(child: Child, arguments: Arguments) -> dict[str, Any]:
    """A recipe that is being edited, as far as it can be built, and its first error: see `examine`."""
    try:
        document = _document(arguments)
    except WorkbenchError as error:
        return {"rows": [], "inputs": {}, "targets": {}, "data": "", "error": error.as_record()}
    return examine(document, child.catalog, _KEPT_DATA)


def _preview(child: Child, arguments: Arguments) -> dict[str, Any]:
    """The data of a data section (`data`: as in a recipe, or just a name): see `look_at_data`."""
    data, folder, seed = _section(arguments)
    return look_at_data(
        data,
        child.catalog,
        folder,
        seed,
        arguments.get("rows", 10),
        _KEPT_DATA,
        prepare=arguments.get("prepare", True),
    )


def _data_columns(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Columns of a data section, a few at each call: see `DataViews.columns`."""
    return _DATA_VIEWS.columns(*_section_for(child, arguments), arguments.get("start", 0))


def _data_parts(child: Child, arguments: Arguments) -> dict[str, Any]:
    """The parts of a data section compared, a few columns at each call: see `DataViews.parts`."""
    return _DATA_VIEWS.parts(*_section_for(child, arguments), arguments.get("start", 0))


def _data_rows(child: Child, arguments: Arguments) -> dict[str, Any]:
    """A page of the rows of a data section: see `DataViews.rows`."""
    names = ("start", "count", "part", "where", "gaps", "as_prepared", "row")
    asked = {name: arguments[name] for name in names if name in arguments}
    return _DATA_VIEWS.rows(*_section_for(child, arguments), **asked)


def _section(arguments: Arguments) -> tuple[Data, Path, int]:
    """The data section of a command (a name, or a map as in a recipe), its folder, the seed."""
    section = arguments["data"]
    try:
        data = Data.model_validate({"use": section} if isinstance(section, str) else section)
    except ValidationError as errors:
        key, what, hint = explain(errors)
        raise RecipeError(what, where=join_key(("data", *key)), hint=hint) from None
    return data, Path(arguments.get("folder", ".")), arguments.get("seed", 0)


def _section_for(child: Child, arguments: Arguments) -> tuple[Data, Catalog, Path, int]:
    data, folder, seed = _section(arguments)
    return data, child.catalog, folder, seed


def _describe(child: Child, arguments: Arguments) -> dict[str, Any]:
    """An entry's constructor: {documentation, parameters: [...]}."""
    entry = child.catalog.find(Kind(arguments["kind"]), arguments["name"])
    return describe(entry, resolve(entry))


def _scan(child: Child, arguments: Arguments) -> dict[str, Any]:
    """The entries of a plugin file: {entries, files}; `files` are those that it imports from beside it."""
    path = Path(arguments["path"])
    entries = single_file.entry_records(single_file.scan(path))
    files = [str(each) for each in single_file.imported_beside(path)]
    return {"entries": entries, "files": files[:MOST_BESIDE]}


def _train(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Train; events come while it runs. The result is the `finished` event's status, logs and evaluation.

    `resume` names a run's folder to go on with instead of making a new one; the recipe is that run's own. At the end of
    the epochs of `hold_after` it pauses. With `group` this is the first of several processes that train together; with
    `here` other machines that the recipe names have no part.
    """
    resume = arguments.get("resume")
    _KEPT_DATA.forget()
    document = _document(arguments)
    place: dict[str, Any] = {
        "runs_folder": Path(arguments["runs"]),
        "resume": open_run(resume) if resume else None,
        "fence": int(arguments.get("fence", 0)),
    }
    with _session(child, document, arguments, place) as session:
        session.control.hold_after(arguments.get("hold_after", ()))
        child.steer_by(session.control)
        try:
            finished = session.run()
        except KeyboardInterrupt:
            what = "it was stopped while it waited for other machines: nothing was trained."
            raise TrainingError(what, where="train.network") from None
    return {
        "status": finished.status,
        "logs": finished.logs,
        "evaluation": finished.evaluation,
    }


@contextmanager
def _session(
    child: Child, document: Document, arguments: Arguments, place: dict[str, Any]
) -> Iterator[Session | GroupSession]:
    """The training: by this process, or by several."""
    train = document.recipe.train
    hosts = None if arguments.get("here") else HostOptions().with_recipe(train)
    if "group" in arguments or (train.workers == 1 and hosts is None):
        chief = chief_of(child, arguments["group"]) if "group" in arguments else None
        retraining = retraining_of(child, arguments)
        yield Session(document, child.catalog, child.emit, chief=chief, retraining=retraining, **place)
        return
    plugins = PluginChoice(child.plugin_files, child.blocked)
    with group_session(document, hosts, plugins, child.emit, **place) as session:
        yield session


def _follow(child: Child, arguments: Arguments) -> None:
    """Be one of several processes that train together (`group`), but not the first; the rest is as for `train`."""
    follow(child, _document(arguments), arguments)


def _load(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Open a saved file: {class, name, parameters, warnings}."""
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)
    return {
        "class": type(saved.model).__name__,
        "name": saved.model.name,
        "parameters": saved.model.count_params(),
        "warnings": saved.warnings,
    }


def _evaluate(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Loss and metrics on data (see `_part`): {results, rows}."""
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)
    part = _part(saved, child, arguments, with_targets=True)
    return {"results": saved.evaluate(part), "rows": part.rows}


def _predict(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Predictions as CSV: {rows, csv}, or in the file that `out` names: {rows}."""
    table, _ = _predicted(child, arguments)
    text = table.as_csv(table.order())
    if "out" not in arguments:
        return {"rows": table.rows, "csv": text}
    write_bytes(arguments["out"], text.encode())
    return {"rows": table.rows}


def _predictions(child: Child, arguments: Arguments) -> dict[str, Any]:
    """The first rows of predictions, and their comparison with the true values: see `predictions_of`."""
    rows: list[Rows] = []
    table, trained = _predicted(child, arguments, rows)
    found = predictions_of(table, _KEPT_PREDICTIONS.keep(table, rows[-1]))
    return {**found, "pictures": _KEPT_PREDICTIONS.has_pictures, "trained": trained}


def _predicted_pictures(child: Child, arguments: Arguments) -> dict[str, Any]:
    """As `_predicted_rows`, as pictures: {pictures: [{file, picture, values}], total}; `most`: see `thumbnail`."""
    asked = {name: arguments[name] for name in ("token", "start", "count", "by", "wrong", "most")}
    return _KEPT_PREDICTIONS.pictures(**asked)


def _pictures(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Rows of a recipe's data (`data`, `seed`, `folder`) as pictures; see `pictures_of`."""
    content = {
        "kwb": 1,
        "seed": arguments.get("seed", 0),
        "data": arguments["data"],
        "model": {"use": "Dense"},
    }
    document = parse(to_yaml(content), name="the recipe", folder=Path(arguments.get("folder", ".")))
    asked = {name: arguments[name] for name in ("part", "start", "count", "most")}
    return pictures_of(document, child.catalog, _KEPT_DATA, **asked)


def _predicted_rows(child: Child, arguments: Arguments) -> dict[str, Any]:
    """A page of the predictions made last: `token`, `start`, `count`, `by`, `wrong`; see `KeptPredictions.page`."""
    asked = {name: arguments[name] for name in ("token", "start", "count", "by", "wrong")}
    return _KEPT_PREDICTIONS.page(**asked)


def _predicted(
    child: Child, arguments: Arguments, kept: list[Rows] | None = None
) -> tuple[PredictionTable, str]:
    """The predictions, and in words which rows were trained on; the rows that they are for are added to `kept`."""
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)

    def read(targets: bool) -> Rows:
        rows = _part(saved, child, arguments, with_targets=targets)
        if kept is not None:
            kept.append(rows)
        return rows

    predicted = predict(saved, read)
    folder = Path(arguments.get("folder", "."))
    trained = trained_rows(saved, child.catalog, arguments.get("data", ""), folder)
    return prediction_table(saved, predicted, trained.parts), trained.sentence


def _part(saved: SavedModel, child: Child, arguments: Arguments, *, with_targets: bool) -> Rows:
    """The rows of `data` (as in `--data`), or without it of the recipe kept in the file.

    `folder` is what that recipe's relative paths start from, `keep` names columns that stand beside the rows.
    """
    keep = tuple(arguments.get("keep", ()))
    if data := arguments.get("data"):
        return saved.read(data, child.catalog, with_targets=with_targets, keep=keep)
    folder = Path(arguments.get("folder", "."))
    return saved.read_own(folder, child.catalog, with_targets=with_targets, keep=keep)


def _save_as(child: Child, arguments: Arguments) -> dict[str, Any]:
    """A saved file once more as `out`, in the format that its name ends in; read back and compared."""
    saved = SavedModel.open(Path(arguments["file"]), child.catalog)
    made = formats.save(
        saved.model,
        arguments["out"],
        saved.notes.as_record() if saved.notes else {},
        resolver=Resolver(child.catalog),
        probe=saved.probe(),
        build=saved.build,
    )
    return {"format": made.format, "warnings": [*saved.warnings, *made.warnings]}


def _save_run(child: Child, arguments: Arguments) -> list[dict[str, str]]:
    """The model of a run's folder (`run`) in the files that its recipe names: see `model_files.save_run`."""
    return save_run(open_run(arguments["run"]), child.catalog)


def _export_checkpoint(child: Child, arguments: Arguments) -> dict[str, Any]:
    """The last checkpoint of a run's folder (`run`) as a model file in it: see `exporting.export`."""
    return export(open_run(arguments["run"]), child.catalog).as_record()


def _replay(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Where the first number of a run (`run`) that is not finite comes from: see `probing.replay`."""
    return replay(open_run(arguments["run"]), child.catalog).as_record()


def _probe(child: Child, arguments: Arguments) -> dict[str, Any]:
    """Run a step of a recipe (as for `examine`), of a run (`run`) or of a saved file (`file`), and keep what its layers
    did: a `Probe`. What follows asks for more of it. `compare` names a file that `probe_keep` has written: what an edit
    has changed since."""
    run_one_at_a_time()  # so that it can be measured
    if "run" in arguments:
        subject = of_run(open_run(arguments["run"]), child.catalog)
    elif "file" in arguments:
        subject = of_file(Path(arguments["file"]), child.catalog)
    else:
        subject = of_recipe(_document(arguments), child.catalog)
    before = KeptProbe.read(Path(arguments["compare"])) if "compare" in arguments else None
    _PROBED[:] = [Probing(subject, before)]
    return _PROBED[0].report().as_record()


def _probe_tensors(child: Child, arguments: Arguments) -> list[dict[str, Any]]:
    """The tensors of a layer (`layer`) of what was probed: `ProbedTensor`."""
    return [asdict(tensor) for tensor in _PROBED[0].tensors(arguments["layer"])]


def _probe_keep(child: Child, arguments: Arguments) -> None:
    """Keep what was probed in a file (`file`)."""
    _PROBED[0].kept().write(Path(arguments["file"]))


def _probe_cost(child: Child, arguments: Arguments) -> dict[str, Any] | None:
    """What the layers of what was probed cost: `Cost`."""
    cost = _PROBED[0].cost()
    return asdict(cost) if cost is not None else None


def _devices(child: Child, arguments: Arguments) -> list[str]:
    """The devices of this machine, as the lines of `kwb devices`."""
    return find_devices(ask_driver=True).lines()


COMMANDS: dict[str, Callable[[Child, Arguments], Any]] = {
    "examine": _examine,
    "preview": _preview,
    "data_columns": _data_columns,
    "data_parts": _data_parts,
    "data_rows": _data_rows,
    "describe": _describe,
    "scan": _scan,
    "train": _train,
    "follow": _follow,
    "load": _load,
    "evaluate": _evaluate,
    "predict": _predict,
    "predictions": _predictions,
    "predicted_rows": _predicted_rows,
    "predicted_pictures": _predicted_pictures,
    "pictures": _pictures,
    "save_as": _save_as,
    "save_run": _save_run,
    "export_checkpoint": _export_checkpoint,
    "devices": _devices,
    "replay": _replay,
    "probe": _probe,
    "probe_tensors": _probe_tensors,
    "probe_cost": _probe_cost,
    "probe_keep": _probe_keep,
}
