"""What cannot train together is said soon, where the training was begun, and nothing is left on any machine."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from tests.group.hosts.machines import NETWORK, Machines, Program, machines, needs_machines
from tests.group.hosts.test_training import copied
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from workbench.group.hosts.token import make_token

__all__ = ["table"]

pytestmark = [pytest.mark.slow, needs_machines]

JOIN = ("worker", "--join", "10.77.0.1:7750", "--wait", "60", "--token-file")
BEGIN = ("--batch", "r.yaml", "--network", NETWORK, "--workers", "2", "--token-file")
SOON = 60.0  # seconds; on a quiet machine it is less than 10


@pytest.fixture
def two(table: Path, tmp_path: Path) -> Iterator[tuple[Machines, str]]:
    """Two machines with the same files, and the token."""
    write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 32, epochs: 3"))
    with machines(tmp_path / "net", 2) as found:
        yield found, str(copied(found, table, "r.yaml"))


def both_end(found: Machines, first: Program, other: Program) -> tuple[str, str]:
    """What both have said; both have failed, and nothing of them is left."""
    code, said = first.end(SOON)
    assert code in (1, 2), said
    assert "Traceback" not in said
    other_code, other_said = other.end(SOON)
    assert other_code != 0, other_said
    assert "Traceback" not in other_said
    assert not any(machine.is_left(5.0) for machine in found.machines)
    return said, other_said


def test_another_token(two: tuple[Machines, str], tmp_path: Path) -> None:
    found, token = two
    make_token(tmp_path / "other.pem")
    first = found[0].start(*BEGIN, token, "--wait", "8")
    first.wait_for("waits for 1 more")
    other = found[1].start(*JOIN, str(tmp_path / "other.pem"), "--wait", "0")
    said, said_there = both_end(found, first, other)
    assert "10.77.0.2 wants to join, and has another token" in said
    assert "1 of 2 processes have come within 8 s" in said
    assert "has another token" in said_there


def test_another_recipe(two: tuple[Machines, str]) -> None:
    found, token = two
    recipe = found[1].folder / "r.yaml"
    recipe.write_text(recipe.read_text().replace("units: 8", "units: 9"))
    first = found[0].start(*BEGIN, token)
    other = found[1].start(*JOIN, token)
    said, _ = both_end(found, first, other)
    assert "the recipe on" in said
    assert "model.sequential[0].units" in said


def test_comments_and_another_order_are_the_same_recipe(two: tuple[Machines, str]) -> None:
    found, token = two
    recipe = found[1].folder / "r.yaml"
    recipe.write_text("# mine\n" + recipe.read_text())
    first = found[0].start(*BEGIN, token, "--set", "train.epochs=1")
    other = found[1].start(*JOIN, token)
    code, said = first.end()
    assert code == 0, said
    assert other.end()[0] == 0


def test_other_data(two: tuple[Machines, str]) -> None:
    found, token = two
    lines = (found[1].folder / "table.csv").read_text().splitlines()
    place = lines[0].split(",").index("b")
    row = lines[14].split(",")
    row[place] = "0.123"
    lines[14] = ",".join(row)
    (found[1].folder / "table.csv").write_text("\n".join(lines) + "\n")
    first = found[0].start(*BEGIN, token)
    other = found[1].start(*JOIN, token)
    said, _ = both_end(found, first, other)
    assert "process 2 of 2 (" in said
    assert "10.77.0.2) would train something else: the data has other values in b." in said


def test_no_data(two: tuple[Machines, str]) -> None:
    found, token = two
    (found[1].folder / "table.csv").unlink()
    first = found[0].start(*BEGIN, token)
    other = found[1].start(*JOIN, token)
    said, _ = both_end(found, first, other)
    assert "process 2 of 2 (" in said
    assert "table.csv" in said


def test_another_plugin_file(table: Path, tmp_path: Path) -> None:
    (table / "layers.py").write_text("import keras\n\n\nclass Mine(keras.layers.Dense):\n    pass\n")
    model = "{sequential: [{use: Mine, units: 4}, {use: Dense, units: 1}]}"
    write_recipe(table, Case(model, f"{MSE}, batch_size: 32, epochs: 3"))
    with machines(tmp_path / "net", 2) as found:
        token = str(copied(found, table, "r.yaml", plugin=True))
        there = found[1].folder / "layers.py"
        there.write_text(there.read_text() + "# newer\n")
        first = found[0].start(*BEGIN, token, "--plugin", "layers.py")
        other = found[1].start(*JOIN, token)
        said, _ = both_end(found, first, other)
        assert "another file layers.py (sha256 " in said
        there.unlink()
        first = found[0].start(*BEGIN, token, "--plugin", "layers.py")
        other = found[1].start(*JOIN, token)
        said, _ = both_end(found, first, other)
        assert "there is no such plugin file on this machine" in said


def test_another_tensorflow(two: tuple[Machines, str], tmp_path: Path) -> None:
    """A distribution of another version, found first: it is asked before TensorFlow is loaded."""
    found, token = two
    info = tmp_path / "older" / "tensorflow-2.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorflow\nVersion: 2.0.1\n")
    first = found[0].start(*BEGIN, token, "--wait", "8")
    first.wait_for("waits for 1 more")
    other = found[1].start(*JOIN, token, environment={"PYTHONPATH": str(info.parent)})
    said, said_there = both_end(found, first, other)
    for each in (said, said_there):
        assert "it has tensorflow 2.0.1, not " in each


def test_an_address_outside_of_the_network(two: tuple[Machines, str]) -> None:
    found, token = two
    begin = ["--batch", "r.yaml", "--workers", "2", "--token-file", token, "--wait", "5"]
    first = found[0].start(*begin, "--network", "10.77.0.0/31")
    first.wait_for("waits for 1 more")
    other = found[1].start(*JOIN, token, "--wait", "0")
    said, _ = both_end(found, first, other)
    assert "10.77.0.2 wants to join, and is outside of 10.77.0.0/31" in said
    code, said = found[0].start(*begin, "--network", "10.78.0.0/24").end()
    assert code == 2
    assert "no address in 10.78.0.0/24" in said
    code, said = found[0].start(*begin, "--network", "10.77.0.0/24", "--listen", "127.0.0.1:7750").end()
    assert code == 2
    assert "127.0.0.1 is outside of 10.77.0.0/24" in said


def test_a_stranger(two: tuple[Machines, str]) -> None:
    found, token = two
    first = found[0].start(*BEGIN, token, "--wait", "12", "--set", "train.epochs=1")
    first.wait_for("waits for 1 more")
    talk = (
        "import socket; s = socket.create_connection(('10.77.0.1', 7750)); "
        "s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); print(s.recv(100))"
    )
    subprocess.run(found[1].command(sys.executable, "-c", talk), check=False, capture_output=True)
    first.wait_for("10.77.0.2 wants to join, and ")
    other = found[1].start(*JOIN, token)  # a friend, all the same
    code, said = first.end()
    assert code == 0, said
    assert other.end()[0] == 0


def test_nobody_there(two: tuple[Machines, str]) -> None:
    found, token = two
    began = time.monotonic()
    code, said = found[1].start(*JOIN, token, "--wait", "1").end(SOON)
    assert time.monotonic() - began < SOON
    assert code == 1
    assert "10.77.0.1:7750 cannot be reached" in said
    code, said = found[0].start(*BEGIN, token, "--wait", "1").end(SOON)
    assert code == 1
    assert "1 of 2 processes have come within 1 s" in said
    assert "kwb worker --join 10.77.0.1:7750" in said


@pytest.mark.parametrize("port", [7750, 7751, 7752])
def test_a_port_that_is_taken(port: int, two: tuple[Machines, str]) -> None:
    found, token = two
    machine = found[1 if port == 7752 else 0]
    hold = (
        f"import socket, time; s = socket.socket(); s.bind(('', {port})); s.listen(); "
        "print('holds', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(machine.command(sys.executable, "-c", hold), stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"holds\n"
    first = found[0].start(*BEGIN, token)
    if port != 7750:
        first.wait_for("waits for 1 more")
    other = found[1].start(*JOIN, token, "--wait", "1")
    code, said = first.end(SOON)
    holder.kill()
    holder.communicate()
    assert code == 1, said
    assert ("cannot listen at 10.77.0.1:7750" if port == 7750 else f"port {port} of ") in said
    assert "Address already in use" in said
    assert other.end(SOON)[0] == 1
    assert not any(each.is_left(5.0) for each in found.machines)


def test_machines_that_do_not_reach_each_other(table: Path, tmp_path: Path) -> None:
    write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 32, epochs: 3"))
    with machines(tmp_path / "net", 3) as found:
        token = str(copied(found, table, "r.yaml"))
        found[1].run("ip", "route", "add", "unreachable", "10.77.0.3/32")
        first = found[0].start(*BEGIN[:-2], "3", "--token-file", token)
        others = [found[index].start(*JOIN, token) for index in (1, 2)]
        code, said = first.end(SOON)
        assert code == 1, said
        assert re.search(r"10\.77\.0\.[23] cannot reach 10\.77\.0\.[23]:775[23]: ", said), said
        assert "firewall" in said
        for other in others:
            other.end(SOON)
        assert not any(machine.is_left(5.0) for machine in found.machines)


def test_words_of_the_command_line(two: tuple[Machines, str]) -> None:
    found, token = two
    for arguments, wanted in (
        (["--batch", "r.yaml", "--listen", "10.77.0.1:7750"], "--listen goes with the private network"),
        (["--batch", "r.yaml", "--workers", "2:3"], "LEAST:MOST goes with"),
        (["--batch", "r.yaml", "--workers", "3:2"], "begins with the larger"),
        (["--batch", "r.yaml", "--workers", "2", "--network", "10.77"], "is no network"),
        (["--batch", "r.yaml", "--network", NETWORK, "--hosts", "slurm"], "was not started by Slurm"),
        (["--batch", "r.yaml", "--network", NETWORK, "--hosts", "env"], "TF_CONFIG does not name"),
        (["--batch", "r.yaml", "--network", NETWORK, "--token-file", "table.csv"], "is no token"),
        (["worker", "--join", "10.77.0.1:x", "--token-file", token], "is no address"),
        (["worker", "--token-file", "none.pem"], "the token cannot be read"),
        (["worker", "--new-token", token], "is there already"),
    ):
        code, said = found[0].start(*arguments).end()
        assert code in (2, 3), said
        assert wanted in said.replace("\n", " "), (arguments, said)
    # The text of a key may have the letters of a short name by chance.
    certificate = load_pem_x509_certificate(Path(token).read_bytes())
    said = f"{certificate.subject} {certificate.issuer} {certificate.extensions}"
    assert socket.gethostname() not in said
