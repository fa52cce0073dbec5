"""Make a model file from a checkpoint, for a run that failed, was killed, or whose model could not be saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.errors import FileError
from workbench.storage import formats
from workbench.storage.ownership import owner
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.adapted_states import adapter_for
from workbench.training.checkpoints import CheckpointFolder
from workbench.training.kept_findings import read_states, streamed_before
from workbench.training.preparing import PreparedRun, load_data, prepare
from workbench.training.provenance import Provenance
from workbench.training.python_state import PythonState
from workbench.training.replaced_files import ReplacedFile, place_of
from workbench.training.resumable_runs import run_document
from workbench.training.resume import fill
from workbench.training.saveable import PROBE_ROWS, again


@dataclass(frozen=True)
class KeptCheckpoint:
    """A checkpoint of a run. `step` is 0 where `epoch` epochs were over, else steps of the next were done as well.

    Attributes:
        whole: a training can go on from it; else it holds weights only.
    """

    checkpoint: CheckpointFolder
    epoch: int
    step: int
    whole: bool

    def __str__(self) -> str:
        return f"epoch {self.epoch}" if not self.step else f"epoch {self.epoch + 1}, step {self.step}"


@dataclass(frozen=True)
class Exported:
    """A file that was made from a checkpoint."""

    path: Path
    format: str
    sha256: str
    kept: KeptCheckpoint
    warnings: tuple[str, ...] = ()
    replaced: str = ""  # where the model is now that the file held before

    def as_record(self) -> dict[str, Any]:
        """What `kwb export-checkpoint --json` prints."""
        return {
            "path": str(self.path),
            "format": self.format,
            "sha256": self.sha256,
            "epoch": self.kept.epoch,
            "step": self.kept.step,
            "checkpoint": str(self.kept.checkpoint.path),
            "warnings": list(self.warnings),
            "replaced": self.replaced,
        }


def kept_in(run: RunFolder) -> list[KeptCheckpoint]:
    """The checkpoints that a run has, the least trained first."""
    found = [
        KeptCheckpoint(checkpoint, int(position.get("epoch", 0)), int(position.get("step", 0)), whole)
        for folder, whole in ((run.checkpoints, True), (run.failed, False))
        for checkpoint, position in checkpoints.whole(folder)
    ]
    return sorted(found, key=lambda each: (each.epoch, each.step, each.whole, each.checkpoint.number))


def last_kept(run: RunFolder) -> str:
    """The moment of a run's last checkpoint, in words; empty where it has none."""
    kept = kept_in(run)
    return str(kept[-1]) if kept else ""


def from_the_start(run: RunFolder) -> str:
    """The hint for a run that ended before its first checkpoint was written."""
    return f"Nothing of it can be saved; `kwb --batch {run.path}` trains it from the start."


def export_hint(run: RunFolder) -> str:
    """The checkpoint that a failed run has, and how to use it; empty if it has none."""
    kept = last_kept(run)
    return (
        f"The weights of {kept} are kept: `kwb export-checkpoint {run.path}` makes a file of them."
        if kept
        else ""
    )


def export(run: RunFolder, catalog: Catalog, out: Path | None = None, epoch: int | None = None) -> Exported:
    """Make a model file of a run's last checkpoint. The run's data is read, for it defines the model's inputs.

    Args:
        out: the file, in the format its name ends in. By default a new one in the run's folder: a `.keras` file, or
            where the model cannot be rebuilt from its configuration a `.weights.h5` file.
        epoch: which checkpoint: that after this many epochs.

    Raises:
        FileError: the run has no such checkpoint, or the file cannot be written or would not give the model back.
        WorkbenchError: the model cannot be built again.
    """
    kept = _chosen(run, epoch)
    if out is not None:
        formats.format_of(out)
    document = run_document(run, ["train.callbacks=[]", "save=[]"])  # which may be what failed
    data = load_data(document, catalog, streamed_before(run))
    prepared_run = prepare(document, catalog, data=data, adapter=adapter_for(data, read_states(run)))
    _, position, arrays = checkpoints.read(kept.checkpoint.path)
    fill(PythonState(prepared_run.model, ()), kept.checkpoint, position, arrays)
    notes = Provenance.of(prepared_run, catalog, run=run, epoch=kept.epoch + bool(kept.step)).as_record()
    if out is not None:
        return _write(prepared_run, run, out, notes, catalog, kept)
    try:
        return _write(prepared_run, run, _free(run, kept, ".keras"), notes, catalog, kept)
    except FileError as error:
        exported = _write(prepared_run, run, _free(run, kept, ".weights.h5"), notes, catalog, kept)
        reason = f"weights only, for a .keras file {error.what}"
        return Exported(exported.path, exported.format, exported.sha256, kept, (reason, *exported.warnings))


def _chosen(run: RunFolder, epoch: int | None) -> KeptCheckpoint:
    kept = kept_in(run)
    if not kept:
        hint = "The first is not written yet." if owner(run) else from_the_start(run)
        raise FileError("has no checkpoint.", where=str(run.path), hint=hint)
    if epoch is None:
        return kept[-1]
    for each in reversed(kept):
        if each.epoch == epoch and not each.step:
            return each
    raise FileError(
        f"has no checkpoint of epoch {epoch}.",
        where=str(run.path),
        hint=f"It has those of {', '.join(map(str, kept))}; leave out --epoch for the last.",
    )


def _free(run: RunFolder, kept: KeptCheckpoint, extension: str) -> Path:
    """A file in the run's folder that is not there yet: `model.keras`, which a run that ends has as well.

    While the run trains that name is left to it: `kwb save` would use it as the model that the run ended with.
    """
    stem = f"epoch-{kept.epoch}" if not kept.step else f"epoch-{kept.epoch + 1}-step-{kept.step}"
    model = run.path / f"model{extension}"
    return run.path / f"{stem}{extension}" if model.exists() or owner(run) else model


def _write(
    prepared_run: PreparedRun,
    run: RunFolder,
    out: Path,
    notes: Mapping[str, Any],
    catalog: Catalog,
    kept: KeptCheckpoint,
) -> Exported:
    replaced, keep = place_of(ReplacedFile.of(out, run), notes)
    try:
        saved = formats.save(
            prepared_run.model,
            out,
            notes,
            resolver=Resolver(catalog),
            probe=prepared_run.probe(PROBE_ROWS),
            keep=keep,
            build=again(prepared_run, catalog),
        )
    except FileError as error:
        if str(out).endswith(".weights.h5"):
            raise
        hint = f"{error.hint} A file of the weights alone may do: --out {_weights_beside(out)}".strip()
        raise FileError(error.what, where=error.where, hint=hint) from error
    return Exported(out, saved.format, saved.sha256, kept, saved.warnings, replaced)


def _weights_beside(out: Path) -> Path:
    return out.with_name(f"{out.name.partition('.')[0]}.weights.h5")
