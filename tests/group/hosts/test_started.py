"""Machines whose processes are started by something else: ssh, Slurm, a scheduler that sets TF_CONFIG."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.group.hosts.machines import NETWORK, Machine, machines, needs_machines
from tests.group.hosts.test_training import copied
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from workbench.errors import WorkbenchError
from workbench.group.hosts.cluster import place_of_config, slurm_place
from workbench.group.hosts.token import make_token

__all__ = ["table"]

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(
    not Path(SSHD).exists() or os.geteuid() != 0, reason="no sshd that root may start"
)
SOON = 90.0  # seconds

RECIPE = Case(DENSE, f"{MSE}, batch_size: 36, epochs: 2")


@contextmanager
def ssh_server(machine: Machine, folder: Path) -> Iterator[str]:
    """Debian's sshd on a machine, with keys of its own. Yields the command that reaches it."""
    folder.mkdir()
    for name in ("host", "user"):
        key = folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)  # where its unprivileged process is locked in
    settings = {
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "SetEnv": f"KWB_STATE_DIR={machine.state}",
    }
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    command = machine.command(SSHD, "-D", "-e", "-f", str(folder / "config"))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stderr=log)
    known = f"-o UserKnownHostsFile={folder}/known -o StrictHostKeyChecking=accept-new"
    try:
        yield f"ssh -F none -i {folder}/user {known}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
@needs_machines
@needs_sshd
def test_over_ssh(table: Path, tmp_path: Path) -> None:
    write_recipe(table, RECIPE)
    with machines(tmp_path / "net", 2) as found:
        first, second = found.machines
        # The files are at the same place on both, as on machines that share a home.
        copied(found, table, "r.yaml")
        with ssh_server(second, tmp_path / "sshd") as ssh:
            begin = ["--batch", "r.yaml", "--network", NETWORK, "--hosts", second.address, "--ssh", ssh]
            program = first.start(*begin, "--json")
            code, said = program.end()
            assert code == 0, (said[-3000:], (tmp_path / "sshd" / "log").read_text()[-2000:])
            assert "2 processes: this machine; " in said
            assert not first.is_left()
            asked = ["devices", "--hosts", second.address, "--ssh"]
            code, said = first.start(*asked, ssh).end(SOON)
            assert code == 0
            here, _, there = said.partition(f"\n{second.address}\n")
            assert here.startswith("this machine\n")
            for text in (here, there):
                assert "processor" in text
                assert "TensorFlow" in text
            code, said = first.start(*asked, ssh, "--json").end(SOON)
            record = json.loads(said)
            assert record["hosts"][second.address]["processor"] == record["processor"]
            code, said = first.start(*asked, f"{ssh} -p 23").end(SOON)
            assert code == 1
            assert "TensorFlow" in said, "of this machine all the same"
            assert f"{second.address}: " in said
            assert f"Try it by hand: `ssh {second.address} kwb devices`" in said
            wrong = first.start(*begin[:-1], f"{ssh} -p 23")
            code, said = wrong.end(SOON)
            assert code == 1
            assert f"no process was started on {second.address}: " in said
            assert "Connection refused" in said
            nobody = first.start(*begin[:4], "--hosts", "10.77.0.9", "--ssh", ssh)
            code, said = nobody.end(SOON)
            assert code == 1
            assert "no process was started on 10.77.0.9: " in said
        code, said = first.start(*begin[:4], "--hosts", "a", "--ssh", "/no/such/ssh").end(SOON)
        assert code == 2
        assert "cannot start" in said


@pytest.mark.slow
@needs_machines
def test_in_an_allocation_of_slurm(table: Path, tmp_path: Path) -> None:
    """As `srun` starts them: one command for all, and variables that say who is who. The home is shared."""
    write_recipe(table, RECIPE)
    with machines(tmp_path / "net", 2) as found:
        copied(found, table, "r.yaml")
        home = {"KWB_STATE_DIR": str(tmp_path / "home"), "SLURM_JOB_ID": "4711", "SLURM_NTASKS": "3"}
        command = ["--batch", "r.yaml", "--network", NETWORK, "--hosts", "slurm", "--wait", "60"]
        tasks = [
            machine.start(
                *command, environment={**home, "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(local)}
            )
            for rank, (machine, local) in enumerate([(found[0], 0), (found[0], 1), (found[1], 0)])
        ]
        for task in tasks:
            code, said = task.end()
            assert code == 0, said
        assert "3 processes: this machine; " in tasks[0].said()
        assert not list((tmp_path / "home").glob("*.pem"))
        assert not any(machine.is_left() for machine in found.machines)


@pytest.mark.slow
@needs_machines
def test_as_tf_config_says(table: Path, tmp_path: Path) -> None:
    """The recipe names the network, and where its machines come from."""
    write_recipe(table, Case(DENSE, f"{RECIPE.train}, network: {NETWORK}, hosts: env"))
    with machines(tmp_path / "net", 2) as found:
        token = str(copied(found, table, "r.yaml"))
        cluster = {"worker": [f"{machine.address}:2222" for machine in found.machines]}
        command = ["--batch", "r.yaml", "--token-file", token]
        programs = []
        for index, machine in enumerate(found.machines):
            config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
            programs.append(machine.start(*command, "--wait", "60", environment={"TF_CONFIG": config}))
        programs[0].wait_for("epoch 1/2")
        assert found[0].listening() <= {2222, 2223}
        assert found[1].listening() <= {2222}
        for program in programs:
            code, said = program.end()
            assert code == 0, said


def test_what_clusters_say() -> None:
    place = slurm_place(
        {"SLURM_PROCID": "3", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "99"}
    )
    assert (place.rank, place.size, place.local, place.job, place.begun) == (3, 8, 1, "99", "99-0-0")
    config = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "a:5"]}, "task": {"type": "worker", "index": 1}}
    place = place_of_config({"TF_CONFIG": json.dumps(config)})
    assert (place.rank, place.size) == (2, 3)
    assert place.addresses == ("a:1", "b:1", "a:5")
    assert place.meeting == ("a", 6)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[]",
        "{",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 4}}',
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": 3}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_config_that_says_nothing(config: str) -> None:
    with pytest.raises(WorkbenchError, match="TF_CONFIG does not name the machines"):
        place_of_config({"TF_CONFIG": config})


def test_a_token_is_its_owners(tmp_path: Path) -> None:
    token = tmp_path / "folder" / "token.pem"
    make_token(token)
    assert token.stat().st_mode & 0o777 == 0o600
    missing = "import sys; sys.modules['cryptography'] = None\nfrom pathlib import Path\n"
    code = f"{missing}from workbench.group.hosts.token import make_token\nmake_token(Path('x.pem'))"
    tried = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "pip install 'kwb[hosts]'" in tried.stderr
