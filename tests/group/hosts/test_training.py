"""Three machines train one model: as one process does, with nothing but what is wanted left anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.group.hosts.machines import NETWORK, Machines, machines, needs_machines
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.trainings import assert_equal, read_trained, trained
from workbench.group.hosts.token import make_token

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_machines]


def copied(found: Machines, table: Path, recipe: str, *, plugin: bool = False) -> Path:
    """The user's files on each machine. Returns the token."""
    for machine in found.machines:
        for name in (recipe, "table.csv", *(["layers.py"] if plugin else [])):
            (machine.folder / name).write_bytes((table / name).read_bytes())
    token = table / "token.pem"
    if not token.exists():
        make_token(token)
    return token


def test_as_one_process(kwb: Kwb, table: Path, tmp_path: Path) -> None:
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 36, epochs: 3"))
    wanted = trained(kwb, table, recipe)
    with machines(tmp_path, 3) as found:
        token = str(copied(found, table, recipe))
        begin = ["--batch", recipe, "--network", NETWORK, "--workers", "3", "--token-file", token, "--json"]
        first = found[0].start(*begin)
        others = [
            each.start("worker", "--join", "10.77.0.1:7750", "--token-file", token, "--wait", "60")
            for each in found.machines[1:]
        ]
        first.wait_for('"epoch"')
        ours = os.stat("/proc/self/ns/net").st_ino
        for machine in found.machines:
            assert os.stat(f"/proc/{machine.holder.pid}/ns/net").st_ino != ours
        assert found[0].listening() == {7750, 7751}
        assert found[1].listening() | found[2].listening() == {7752, 7753}
        assert len(found[1].listening()) == 1
        code, said = first.end()
        assert code == 0, said
        for other in others:
            code, said_there = other.end(20.0)
            assert code == 0, said_there
            assert "joined 10.77.0.1:7750" in said_there
            assert "the training has ended" in said_there
        assert_equal(read_trained(found[0].folder, said), wanted)
        for machine in found.machines[1:]:  # the first one alone writes files
            assert sorted(each.name for each in machine.folder.iterdir()) == [recipe, "table.csv"]
        assert not any(machine.is_left() for machine in found.machines)
