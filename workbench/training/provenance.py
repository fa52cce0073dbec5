"""The notes in a saved file: how its data was prepared, and from which recipe and run it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench import __version__
from workbench.assembly.structure import Structure
from workbench.catalog.lookup import Catalog
from workbench.data.preparation import Preparation
from workbench.errors import FileError
from workbench.training.environment import plugin_versions

if TYPE_CHECKING:
    from workbench.storage.run_folder import RunFolder
    from workbench.training.preparing import PreparedRun


@dataclass(frozen=True)
class Provenance:
    """The notes kept inside a file (`kwb.json`)."""

    recipe: Mapping[str, Any]
    preparation: Preparation
    structure: Structure
    plugins: Mapping[str, Any]
    run: str
    epoch: int
    run_id: str = ""
    kwb: str = __version__
    adapted: Sequence[Mapping[str, Any]] = ()  # see `Adapter.states`

    @classmethod
    def of(cls, prepared_run: PreparedRun, catalog: Catalog, *, run: RunFolder, epoch: int) -> Provenance:
        """The notes of a training that just ended."""
        return cls(
            recipe=prepared_run.document.resolved(),
            preparation=prepared_run.prepared.preparation,
            structure=prepared_run.assembly.structure,
            plugins=plugin_versions(catalog),
            run=run.name,
            epoch=epoch,
            run_id=run.id,
            adapted=prepared_run.adapter.states if prepared_run.adapter else (),
        )

    def as_record(self) -> dict[str, Any]:
        return {
            "kwb": self.kwb,
            "recipe": dict(self.recipe),
            "preparation": self.preparation.as_record(),
            "structure": vars(self.structure),
            "plugins": dict(self.plugins),
            "run": self.run,
            "epoch": self.epoch,
            **({"run_id": self.run_id} if self.run_id else {}),
            **({"adapted": list(self.adapted)} if self.adapted else {}),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], where: str) -> Provenance | None:
        """The notes of a file; None for a file that kwb did not make.

        Raises:
            FileError: there are notes, and they cannot be understood.
        """
        if not record:
            return None
        try:
            structure: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in record["structure"].items()
            }
            return cls(
                recipe=record["recipe"],
                preparation=Preparation.from_record(record["preparation"], where),
                structure=Structure(**structure),
                plugins=record["plugins"],
                run=record["run"],
                epoch=record["epoch"],
                run_id=str(record.get("run_id", "")),
                kwb=record["kwb"],
                adapted=[dict(state) for state in record.get("adapted", ())],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError(f"kwb's notes in it are damaged ({error}).", where=where) from error
