"""What a cluster says of this process: Slurm in variables of the environment, others in `TF_CONFIG`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class ClusterPlace:
    """This process among those of its job.

    Attributes:
        rank: its number, from 0; the first one begins the training, the others join it.
        size: how many there are.
        local: its number among those of its machine, from 0.
        job: the number of the job; "" where there is none.
        begun: the job, and which of its beginnings and steps this is; "" where there is none.
        addresses: `host:port` of TensorFlow's server in each, where they are given.
    """

    rank: int
    size: int
    local: int = 0
    job: str = ""
    begun: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def meeting(self) -> tuple[str, int]:
        """Host and port where the first process listens: the port after those that are given for its machine."""
        host = self.addresses[0].rpartition(":")[0]
        ports = [int(each.rpartition(":")[2]) for each in self.addresses if each.rpartition(":")[0] == host]
        return host, max(ports) + 1


def slurm_place(environment: Mapping[str, str]) -> ClusterPlace:
    """In an allocation, started by `srun`.

    Raises:
        WorkbenchError: this is none.
    """
    try:
        job = environment["SLURM_JOB_ID"]
        again = environment.get("SLURM_RESTART_COUNT", "0")  # of a job that was taken away and begins again
        return ClusterPlace(
            int(environment["SLURM_PROCID"]),
            int(environment["SLURM_NTASKS"]),
            int(environment.get("SLURM_LOCALID", 0)),
            job,
            "-".join([job, again, environment.get("SLURM_STEP_ID", "0")]),
        )
    except (KeyError, ValueError) as error:
        raise WorkbenchError(
            f"this process was not started by Slurm: {error} is missing.",
            where="--hosts slurm",
            hint="Start it in an allocation: `srun kwb --batch RECIPE --hosts slurm --network CIDR`.",
        ) from None


def place_of_config(environment: Mapping[str, str]) -> ClusterPlace:
    """By `TF_CONFIG`, as Kubernetes' operators, Ray and others set it.

    Raises:
        WorkbenchError: it is not there, or says something else.
    """
    try:
        config = json.loads(environment["TF_CONFIG"])
        addresses = tuple(
            str(each) for each in [*config["cluster"].get("chief", []), *config["cluster"]["worker"]]
        )
        task = config["task"]
        first = 0 if task["type"] == "chief" else len(config["cluster"].get("chief", []))
        if task["type"] not in ("chief", "worker"):
            raise ValueError(f"a task of the type {task['type']}")
        place = ClusterPlace(first + int(task["index"]), len(addresses), addresses=addresses)
        if not all(each.rpartition(":")[2].isdigit() for each in addresses) or place.rank >= place.size:
            raise ValueError("a task or an address that does not fit")
    except KeyError as error:
        raise _no_config(f"{error} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _no_config(str(error)) from None
    return place


def _no_config(why: str) -> WorkbenchError:
    return WorkbenchError(
        f"TF_CONFIG does not name the machines: {why}.",
        where="--hosts env",
        hint='As in {"cluster": {"worker": ["a:7751", "b:7751"]}, "task": {"type": "worker", "index": 0}}.',
    )
