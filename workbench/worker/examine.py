"""Examine a recipe while it is edited: its shapes and parameters as far as it can be built, and its first error.

Unlike in training, an error is a normal result here. Data is read once and kept while the recipe's data section stays
the same: people edit models many times on the same data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.assembly.errors import call_error
from workbench.assembly.layers import Inside, look_inside
from workbench.assembly.trace import shape_of
from workbench.assembly.trial_call import failed_call
from workbench.catalog.lookup import Catalog
from workbench.data import loading
from workbench.data.preview import class_balance
from workbench.data.roles import FEATURES, choose_roles
from workbench.data.source import Source
from workbench.data.summary.overview import seen_in
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document
from workbench.recipe.schema import Data, weight_columns
from workbench.training.adapted_states import ADAPTED_ROWS, adapter_for
from workbench.training.preparing import PreparedRun, check_saves, prepare
from workbench.worker.kept_data import KeptData


@dataclass
class _Built:
    """The layer that was built for one key of the recipe."""

    layers: list[Any] = field(default_factory=list)
    shape: Any = None


def examine(document: Document, catalog: Catalog, kept: KeptData) -> dict[str, Any]:
    """A recipe's model, as far as it goes.

    Returns:
        `rows`: [{key, path, class, output_shape, parameters}], one for each layer or line of the recipe that could
            be built;
        `inputs`, `targets`: shapes without the batch axis by name, {} where the data cannot be read;
        `data`: how many rows each part has, for people;
        `error`: {what, where, hint}, or None;
        `warnings`: [{what, where}], what hinders nothing and is likely not meant;
        and where there is no error: `layers` (as in the `assembled` event), `parameters`, `trainable_parameters`,
        `calls` (see `assembly.trace.Call`) and `outputs` (the call each output comes from).
    """
    built: dict[str, _Built] = {}

    def on_built(key: str, layer: Any, result: Any) -> None:
        item = built.setdefault(key, _Built())
        item.layers.append(layer)
        if result is not None:
            item.shape = shape_of(result)

    answer: dict[str, Any] = {
        "rows": [],
        "inputs": {},
        "targets": {},
        "data": "",
        "error": None,
        "warnings": [],
    }
    inside: Inside | None = None
    try:
        prepared = kept.load(document, catalog)
        answer |= _data_part(prepared)
        check_saves(document.recipe.save)
        adapter = adapter_for(prepared, most=ADAPTED_ROWS)  # for the shapes alone
        prepared_run = prepare(document, catalog, data=prepared, on_built=on_built, adapter=adapter)
        inside = _inside(prepared_run, catalog)
        answer |= _model_part(prepared_run, inside)
        _refuse_failing_calls(prepared_run, inside, built)
        answer["warnings"] = [asdict(warning) for warning in prepared_run.warnings]
    except WorkbenchError as error:
        answer["error"] = document.located(error).as_record()
    answer["rows"] = [_row(key, item, inside) for key, item in built.items()]
    return answer


def _data_part(prepared: loading.Prepared | loading.Streamed) -> dict[str, Any]:
    preparation = prepared.preparation
    return {
        "inputs": {name: list(shape) for name, shape in preparation.input_shapes().items()},
        "targets": {name: list(shape) for name, shape in preparation.target_shapes().items()},
        "data": prepared.summary(),
    }


def _inside(prepared_run: PreparedRun, catalog: Catalog) -> Inside:
    return look_inside(prepared_run.model, prepared_run.symbols(), catalog)


def _model_part(prepared_run: PreparedRun, inside: Inside) -> dict[str, Any]:
    trainable = sum(weight.shape.num_elements() or 0 for weight in prepared_run.model.trainable_weights)
    return {
        "layers": [row.as_record() for row in inside.rows],
        "parameters": prepared_run.model.count_params(),
        "trainable_parameters": trainable,
        "calls": [call.as_record() for call in inside.calls],
        "outputs": list(inside.outputs),
        "input_names": list(prepared_run.assembly.structure.inputs),
        "output_names": list(prepared_run.assembly.structure.outputs),
    }


def _refuse_failing_calls(prepared_run: PreparedRun, inside: Inside, built: Mapping[str, _Built]) -> None:
    """Raise what the own code of a model raises in a call, at the layer it is in. Looked for where no call was seen."""
    if inside.calls or (failed := failed_call(prepared_run.model, prepared_run.symbols())) is None:
        return
    keys = {id(layer): key for key, item in built.items() for layer in item.layers}
    at = next((layer for layer in failed.layers if id(layer) in keys), None)
    inner = failed.layers[0] if failed.layers else prepared_run.model
    shapes = failed.shapes if failed.shapes is not None else "unknown"
    raise call_error(
        type(inner).__name__, shapes, failed.error, keys[id(at)] if at is not None else "model"
    ) from failed.error


def _row(key: str, item: _Built, inside: Inside | None) -> dict[str, Any]:
    last = item.layers[-1]
    shape = item.shape
    if shape is None and inside is not None:
        shape = inside.shapes.get(id(last))
    distinct = {id(layer): layer for layer in item.layers}.values()
    return {
        "key": key,
        "path": inside.paths.get(id(last), last.name) if inside else last.name,
        "class": type(last).__name__,
        "output_shape": shape,
        "parameters": sum(layer.count_params() for layer in distinct if layer.built),
    }


def look_at_data(
    data: Data,
    catalog: Catalog,
    folder: Path,
    seed: int,
    rows: int,
    kept: KeptData | None = None,
    *,
    prepare: bool = True,
) -> dict[str, Any]:
    """Data as its source returns it, and as a recipe's data section prepares it.

    Args:
        data: the section.
        catalog: the datasets there are.
        folder: what relative paths start from.
        seed: draws the split.
        rows: how many of the first rows to show.
        kept: the data that was read before.
        prepare: False to know only what is in the columns, which is sooner known.

    Returns:
        `preview`: see `data.preview.Preview`;
        `roles`: see `data.roles.Roles`; as far as they are known where the section is wrong;
        `inputs`, `targets`, `data`: as in `examine`;
        `balance`: see `data.preview.class_balance`;
        `warnings`: [{what, where}], what is likely to mislead: see `data.traps`;
        `error`: why the section cannot be used as it is, {what, where, hint}, or None.

    Raises:
        WorkbenchError: the source cannot be read at all.
    """
    kept = kept or KeptData()
    source = kept.source(data, catalog, folder, seed)
    seen = seen_in(source, rows) if rows else kept.seen(data, catalog, folder, seed)
    sample = source if isinstance(source, Source) else source.sample()
    answer: dict[str, Any] = {
        "preview": asdict(seen),
        "inputs": {},
        "targets": {},
        "data": "",
        "balance": {},
        "warnings": [],
        "roles": _rough_roles(data, sample),
        "error": None,
    }
    try:
        roles = asdict(choose_roles(data, sample))
        answer["roles"] = {name: value for name, value in roles.items() if name != "readings"}
        if prepare:
            prepared = kept.prepared(data, catalog, folder, seed)
            answer |= _data_part(prepared)
            answer["warnings"] = [asdict(warning) for warning in prepared.traps]
            if isinstance(prepared, loading.Prepared):
                answer["balance"] = class_balance(prepared)
    except WorkbenchError as error:
        answer["error"] = error.as_record()
    return answer


def _rough_roles(data: Data, source: Source) -> dict[str, Any]:
    """The roles of columns in a section that is not complete yet, such as one without a target."""
    columns = list(source.columns)
    named = data.targets if data.targets is not None else source.targets
    groups = named if isinstance(named, Mapping) else {name: (name,) for name in named}
    targets = {name: [each for each in group if each in columns] for name, group in groups.items()}
    taken = {each for group in targets.values() for each in group} | set(data.ignore)
    taken |= set(weight_columns(data.sample_weight))
    inputs = data.inputs or {FEATURES: tuple(name for name in columns if name not in taken)}
    return {
        "inputs": {name: [each for each in group if each in columns] for name, group in inputs.items()},
        "targets": {name: group for name, group in targets.items() if group},
        "sample_weight": data.sample_weight,
        "categories": [name for name in data.categories if name in columns],
        "classes": [name for name in data.classes if name in columns],
    }
