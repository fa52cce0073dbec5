"""The commands of a child that is one of several that train a model together: see `workbench.group`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.data.weights import class_weights
from workbench.devices.cores import CoreShare
from workbench.errors import TrainingError
from workbench.recipe.document import Document
from workbench.sentence import short_message
from workbench.training.adapted_states import adapter_for
from workbench.training.engines import FitSettings
from workbench.training.engines.accumulation import accumulation_of
from workbench.training.engines.shares import Share
from workbench.training.group.chief import Chief
from workbench.training.group.collectives import LOST, Collectives, start_server
from workbench.training.group.follower import Follower
from workbench.training.group.steps import StepsToRun
from workbench.training.preparing import load_data, prepare
from workbench.training.receipts import Retraining, what_goes_in

if TYPE_CHECKING:
    from workbench.worker.child import Child

Arguments = Mapping[str, Any]

_EXPLAINED = 60.0  # seconds in which the parent finds out which process is gone, and ends this one


def chief_of(child: Child, group: Arguments) -> Chief:
    """The first process, connected with the others."""
    child.leave_with_parent()
    return Chief(
        _connected(group),
        lambda steps: _send(child, {"run_steps": steps.as_record()}),
        lambda error: _lost(child, error),
        (lambda found: _send(child, {"goes_in": found})) if group["compared"] else None,
    )


def follow(child: Child, document: Document, arguments: Arguments) -> None:
    """Run the steps that the chief names, until the parent is gone or ends this process."""
    child.leave_with_parent()
    collectives = _connected(arguments["group"])
    data = load_data(document, child.catalog, arguments.get("streamed"))
    adapter = adapter_for(data, arguments.get("states"))
    prepared_run = prepare(document, child.catalog, data=data, adapter=adapter)
    if arguments["group"]["compared"]:
        _send(child, {"goes_in": what_goes_in(prepared_run, child.catalog)})
    train = document.recipe.train
    settings = FitSettings(
        epochs=train.epochs,
        batch_size=train.batch_size,
        shuffle=train.shuffle,
        seed=document.recipe.seed,
        class_weight=class_weights(document.recipe, data),
        accumulation=accumulation_of(train.accumulate, prepared_run.steps, {}),
    )
    try:
        Follower(prepared_run, settings, collectives).follow(_steps(child))
    except LOST as error:
        _lost(child, error)
        raise


def retraining_of(child: Child, arguments: Arguments) -> Retraining | None:
    """How the run was trained that is trained once more; None where it is no such training."""
    asked = arguments.get("retraining")
    if asked is None:
        return None
    return Retraining(
        engine=asked["engine"],
        streamed=asked["streamed"],
        positions=frozenset((epoch, step) for epoch, step in asked["positions"]),
        report=lambda record: _send(child, {"receipt": record}),
    )


def _lost(child: Child, error: Exception) -> None:
    """Have the parent know that another process cannot be reached. It ends this one: there is nothing to go on with."""
    _send(child, {"lost": short_message(error)})
    time.sleep(_EXPLAINED)


def _connected(group: Arguments) -> Collectives:
    addresses = group["addresses"]
    share = Share(int(group["rank"]), len(addresses))
    start_server(share, addresses, CoreShare.from_record(group["core_share"]))
    return Collectives(share)


def _steps(child: Child) -> Iterator[StepsToRun]:
    for message in child.waiting_commands():
        if message["command"] != "run_steps":
            raise TrainingError(f"this process only follows; it was sent '{message['command']}'.")
        yield StepsToRun.from_record(message["run_steps"])


def _send(child: Child, record: Mapping[str, Any]) -> None:
    child.event_writer.put(json.dumps(record))
