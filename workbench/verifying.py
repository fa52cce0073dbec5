"""Train a run once more, in a process of its own, and compare: is it equal to the bit, and if not, what has changed?

Of a training that differs, what changed since is a reason only if it would come out the same without the change. So
it is trained a third time: where the second and the third differ as well, the training does not repeat itself, and
nothing is named as the reason.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workbench.children import JsonChild
from workbench.errors import ExitCode, FileError, WorkbenchError
from workbench.group.pools import PluginChoice
from workbench.group.retrain import retrain
from workbench.recipe.document import Document
from workbench.storage.ownership import owner
from workbench.storage.receipt_changes import ReceiptChange, changes
from workbench.storage.receipts import Position, Receipt, not_a_receipt, read_receipt
from workbench.storage.run_folder import RunFolder
from workbench.training.resumable_runs import run_document

CHILD = "workbench.training.retraining"
PATIENCE = 7 * 24 * 3600.0  # seconds between two states that are compared
MOST = 3  # weights that are named

Status = Literal["equal", "different", "unknown"]
OnState = Callable[[Position], None]


@dataclass(frozen=True)
class Verification:
    """The result of a comparison.

    Attributes:
        status: `unknown` where nothing can be compared; `reason` says why.
        compared: how many states of the weights were compared.
        until: the last of them that is equal; None where none is.
        differs: the first that differs.
        weights: the weights that differ there, by path.
        changes: what has changed since, whether it matters or not.
        repeatable: whether two trainings of now are equal; None where nobody looked.
        reason: what ended the training of now, or why nothing can be compared.
    """

    status: Status
    compared: int = 0
    until: Position | None = None
    differs: Position | None = None
    weights: Sequence[str] = ()
    changes: Sequence[ReceiptChange] = ()
    repeatable: bool | None = None
    reason: str = ""
    engine: str = ""

    @property
    def exit_code(self) -> int:
        codes = {"equal": ExitCode.DONE, "different": ExitCode.FAILED, "unknown": ExitCode.FILE}
        return codes[self.status]

    def as_record(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "compared": self.compared,
            "equal_until": position_record(self.until),
            "differs_at": position_record(self.differs),
            "weights": list(self.weights),
            "changes": [change.as_record() for change in self.changes],
            "repeatable": self.repeatable,
            "reason": self.reason,
            "engine": self.engine,
        }

    def lines(self) -> list[str]:
        """The result in words."""
        changed = [f"  {change.text}" for change in self.changes]
        if self.status == "unknown":
            return [f"cannot be verified: {self.reason}", *(["changed since:"] if changed else []), *changed]
        if self.status == "equal":
            first = [
                f"equal to the bit up to {in_words(self.until)} ({self.compared} states of the weights compared)"
            ]
            return [*first, *(["changed since, without effect so far:"] if changed else []), *changed]
        return [*self._difference(), *self._reasons(changed)]

    def _difference(self) -> list[str]:
        shown = ", ".join(self.weights[:MOST])
        more = f" and {len(self.weights) - MOST} more" if len(self.weights) > MOST else ""
        since = f"; equal up to {in_words(self.until)}" if self.until is not None else ""
        if self.weights:
            return [f"different at {in_words(self.differs)}: {shown}{more}{since}"]
        return [
            f"different: the training does not come to {in_words(self.differs)}{since}. {self.reason}".rstrip()
        ]

    def _reasons(self, changed: Sequence[str]) -> list[str]:
        if self.repeatable is False:
            first = [
                f"This training does not repeat itself: two of now differ as well (engine {self.engine}). Random "
                "numbers without a seed, several threads or a GPU are usual reasons."
            ]
            return [*first, *(["changed since, perhaps without effect:"] if changed else []), *changed]
        if changed:
            return ["changed since:", *changed]
        return ["Nothing of what a receipt holds has changed: rows, plugin files, recipe, versions, machine."]


def position_record(position: Position | None) -> dict[str, int] | None:
    return None if position is None else {"epochs": position[0], "steps": position[1]}


def in_words(position: Position | None) -> str:
    """`the end of epoch 3`."""
    epoch, step = position or (0, 0)
    if step:
        return f"step {step:,} of epoch {epoch + 1:,}"
    return f"the end of epoch {epoch:,}" if epoch else "the start"


@dataclass(frozen=True)
class Verifier:
    """How a run is compared.

    Attributes:
        run: its folder.
        plugin_files: as on the command line.
        blocked: plugins that are left out.
        steps: how many steps to train at least; None for the first epoch.
        everything: all that there is to compare.
        on_state: called with each state that was trained.
    """

    run: RunFolder
    plugin_files: Sequence[Path] = ()
    blocked: Sequence[str] = ()
    steps: int | None = None
    everything: bool = False
    on_state: OnState = lambda position: None

    def verify(self) -> Verification:
        """Compare. What the run's folder holds is read only."""
        try:
            return self._verified()
        except FileError as error:  # the receipt was damaged
            return Verification("unknown", reason=str(error))

    def _verified(self) -> Verification:
        if owner(self.run) is not None:
            return Verification("unknown", reason="it is being trained. `kwb stop` ends it.")
        receipt = read_receipt(self.run)
        if receipt is None:
            reason = "it has no receipt: an older kwb has trained it, or it ended before its first step."
            return Verification("unknown", reason=reason)
        if len(numbers := _processes(receipt)) > 1:
            reason = (
                f"{' and then '.join(map(str, numbers))} processes have trained it, each number of them adds up the "
                "rows of a batch in another order, and the receipt does not say from which step on."
            )
            return Verification("unknown", reason=reason, engine=receipt.engine)
        wanted = self._wanted(receipt)
        again = self._train(receipt, wanted)
        if again.start is None:
            return Verification("unknown", reason=again.error, engine=receipt.engine)
        found = self._compared(receipt, again, wanted)
        if found.status == "equal" or found.differs is None:
            return found
        third = self._train(receipt, [position for position in wanted if position <= found.differs])
        repeatable = all(again.states.get(p) == third.states.get(p) for p in wanted if p <= found.differs)
        return Verification(**{**vars(found), "repeatable": repeatable})

    def _wanted(self, receipt: Receipt) -> list[Position]:
        """The positions to compare at."""
        every = list(receipt.states)
        if self.everything:
            return every
        if self.steps is None:
            last: Position = (1, 0)
        else:
            length = receipt.starts[0].get("steps", 1)
            if not isinstance(length, int) or length < 1:
                raise not_a_receipt(self.run)
            last = divmod(self.steps, length)
        # The first that is at least so far, else the last there is.
        end = next((position for position in every if position >= last), every[-1])
        return [position for position in every if position <= end]

    def _compared(self, receipt: Receipt, again: Trained, wanted: Sequence[Position]) -> Verification:
        assert again.start is not None
        changed: dict[str, ReceiptChange] = {}
        try:
            for start in receipt.starts:
                changed |= {change.text: change for change in changes(start, again.start)}
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise not_a_receipt(self.run) from error
        compared, until = 0, None
        for position in wanted:
            before, now = receipt.states[position], again.states.get(position)
            differ = [] if now is None else [p for p in {**before, **now} if before.get(p) != now.get(p)]
            if now is None or differ:
                return Verification(
                    "different", compared + 1, until, position, differ, tuple(changed.values()), None, again.error,
                    receipt.engine,
                )  # fmt: skip
            compared, until = compared + 1, position
        return Verification("equal", compared, until, changes=tuple(changed.values()), engine=receipt.engine)

    def _train(self, receipt: Receipt, wanted: Sequence[Position]) -> Trained:
        """Train up to the last position that is wanted."""
        how = {
            "engine": receipt.engine or "auto",
            "streamed": receipt.starts[0].get("streamed"),
            "positions": list(wanted),
        }
        document = run_document(self.run)
        if document.recipe.train.workers > 1:
            return self._train_together(document, how, wanted[-1])
        request = {
            **how,
            "run": str(self.run.path.absolute()),
            "plugin_files": [str(path.resolve()) for path in self.plugin_files],
            "blocked": list(self.blocked),
        }
        trained = Trained()
        with tempfile.TemporaryDirectory(prefix="kwb-verify-") as folder, tempfile.TemporaryFile() as log:
            child = JsonChild(CHILD, log=log)
            try:
                child.send({**request, "folder": folder})
                while wanted[-1] not in trained.states and not trained.ended:
                    trained.take(child.receive(PATIENCE))
                    if trained.last is not None:
                        self.on_state(trained.last)
            finally:
                child.close()
            if trained.died:
                log.seek(0)
                lines = log.read().decode(errors="replace").strip().splitlines()[-1:]
                trained.error = f"the process that trained it ended{': ' + lines[0] if lines else ''}."
        return trained

    def _train_together(self, document: Document, how: Mapping[str, Any], last: Position) -> Trained:
        """The same by as many processes as have trained it."""
        trained = Trained()

        def take(record: Mapping[str, Any]) -> bool:
            trained.take(record)
            if trained.last is not None:
                self.on_state(trained.last)
            return last in trained.states

        # What the recipe saves stays as it is.
        document = replace(document, recipe=document.recipe.model_copy(update={"save": ()}))
        plugins = PluginChoice([path.resolve() for path in self.plugin_files], self.blocked)
        with tempfile.TemporaryDirectory(prefix="kwb-verify-") as folder:
            try:
                retrain(document, plugins, how, Path(folder), take)
            except WorkbenchError as error:
                trained.error = str(error)
        return trained


def _processes(receipt: Receipt) -> list[int]:
    """How many processes have trained a run, each number once."""
    recipes = [start.get("recipe", {}) for start in receipt.starts]
    return list(dict.fromkeys(each.get("train", {}).get("workers", 1) for each in recipes))


@dataclass
class Trained:
    """What a training of now has sent."""

    start: Mapping[str, Any] | None = None
    states: dict[Position, Mapping[str, str]] = field(default_factory=dict)
    last: Position | None = None
    error: str = ""
    ended: bool = False
    died: bool = False
    _names: list[str] = field(default_factory=list)

    def take(self, record: Mapping[str, Any] | None) -> None:
        """Take in what the child sent; None for its end."""
        self.last = None
        match record:
            case {"start": dict(start)}:
                self.start = start
            case {"weights": list(names)}:
                self._names = names
            case {"state": [int(epoch), int(step)], "hashes": list(hashes)}:
                self.last = (epoch, step)
                self.states[self.last] = dict(zip(self._names, hashes, strict=False))
            case {"error": dict(error)}:
                self.error, self.ended = str(WorkbenchError.from_record(error)), True
            case {"end": _}:
                self.ended = True
            case None:
                self.ended = self.died = True
