"""Many machines of a Slurm cluster: an array job, each task of which works on one search."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from workbench.errors import WorkbenchError, did_you_mean
from workbench.search.opening import Opened

# The fields, as submitit names them, that are options of sbatch by the same name.
SAME = (
    *(
        "account",
        "comment",
        "constraint",
        "cpus_per_gpu",
        "cpus_per_task",
        "dependency",
        "exclude",
        "gpus_per_node",
    ),
    *("gpus_per_task", "gres", "job_name", "mail_type", "mail_user", "mem", "mem_per_cpu", "mem_per_gpu"),
    *("nodelist", "partition", "qos", "time"),
)
FIELDS = tuple(f"slurm_{name}" for name in (*SAME, "array_parallelism", "setup", "signal_delay_s"))
SIGNAL_DELAY = 90  # seconds before the end of a task's time, in which its trainings are saved


def fields_of(assignments: Sequence[str]) -> dict[str, list[str]]:
    """The fields of `slurm_partition=gpu` and the like; `slurm_setup` may be given several times.

    Raises:
        WorkbenchError: there is no such field, it has no value or a wrong one.
    """
    found: dict[str, list[str]] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip() if name.startswith("slurm_") else f"slurm_{name.strip()}"
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f"Fields: {', '.join(FIELDS)}."
            raise WorkbenchError(f"there is no field '{name}'.", where="--slurm-set", hint=hint)
        if not equals or not value.strip() or re.search(r"[\r\n\0]", value):
            raise WorkbenchError(f"'{name}' needs a value of one line.", where="--slurm-set")
        if name in ("slurm_array_parallelism", "slurm_signal_delay_s") and not re.fullmatch(
            "[1-9][0-9]*", value
        ):
            raise WorkbenchError(f"'{name}' is a whole number above 0.", where="--slurm-set")
        if name in found and name != "slurm_setup":
            raise WorkbenchError(f"'{name}' is given twice.", where="--slurm-set")
        found.setdefault(name, []).append(value.strip())
    return found


def array_script(
    opened: Opened, command: Sequence[str], tasks: int, fields: Mapping[str, Sequence[str]], *, stored: bool
) -> str:
    """The script of an array job.

    Args:
        command: works on the search; each task runs it in this folder.
        tasks: how many.
        fields: see `fields_of`.
        stored: whether the journal is in a database. Its address may hold a password, so it is not in the script:
            a task takes it from `KWB_STORAGE`.
    """
    at_once = fields.get("slurm_array_parallelism")
    delay = fields.get("slurm_signal_delay_s", [str(SIGNAL_DELAY)])[0]
    logs = str(opened.folder.absolute() / "slurm" / "%A_%a.log").replace("\\", "\\\\")
    options = {"job-name": f"kwb-{opened.name}"}
    for name in SAME:
        if values := fields.get(f"slurm_{name}"):
            options[name.replace("_", "-")] = values[0]
    options |= {
        "array": f"0-{tasks - 1}" + (f"%{at_once[0]}" if at_once else ""),
        "output": logs,
        "open-mode": "append",
        "signal": f"B:TERM@{delay}",
    }
    lines = ["#!/bin/bash", *(f"#SBATCH --{name}={shlex.quote(value)}" for name, value in options.items())]
    lines += ["", "set -e", f"cd {shlex.quote(os.getcwd())}"]
    if stored:
        lines.append(': "${KWB_STORAGE:?is the address of the database of the search}"')
    # `exec`: the signal before the end of the time reaches kwb itself, which then saves its trainings.
    lines += [*fields.get("slurm_setup", ()), f"exec {shlex.join(command)}"]
    return "\n".join(lines) + "\n"


def submit(script: str, storage: str) -> str:
    """Give the script to `sbatch`, and return the number of the job.

    Raises:
        WorkbenchError: there is no `sbatch`, or it refuses the script.
    """
    if (sbatch := shutil.which("sbatch")) is None:
        raise WorkbenchError(
            "there is no `sbatch` on this machine.",
            where="--slurm",
            hint="Submit from a machine of the cluster; `--dry-run` prints the script.",
        )
    environment = {**os.environ, **({"KWB_STORAGE": storage} if storage else {})}
    done = subprocess.run(
        [sbatch, "--parsable"], input=script, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        said = done.stderr.strip().removeprefix("sbatch:").strip() or f"exit code {done.returncode}"
        raise WorkbenchError(f"sbatch: {said}", where="--slurm")
    return done.stdout.strip().split(";")[0]
