"""Machines that a recipe names: what the keys say, and a training begun in the app."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.group.hosts.machines import NETWORK, machines, needs_machines
from tests.group.hosts.test_training import copied
from tests.group.test_equality import DENSE, MSE, Case, table, write_recipe
from tests.group.trainings import assert_equal, read_trained, trained
from tests.tui.test_tmux import Terminal
from workbench.errors import RecipeError
from workbench.group.hosts.options import ENVIRONMENT, HostOptions
from workbench.recipe.document import parse
from workbench.recipe.train_schema import Train

__all__ = ["table"]


@pytest.mark.slow
@needs_machines
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_app_waits_and_trains(kwb: Kwb, table: Path, tmp_path: Path) -> None:
    wanted = trained(kwb, table, write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 36, epochs: 3")))
    keys = f"network: {NETWORK}, workers: 2"
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, batch_size: 36, epochs: 3, {keys}"))
    with machines(tmp_path / "net", 2) as found:
        copied(found, table, recipe)
        first, second = found.machines
        program = shlex.join([sys.executable, "-c", "from workbench.cli import command; command()", recipe])
        inside = shlex.join(first.command("sh", "-c", f"cd {first.folder} && exec {program}"))
        with closing(Terminal(tmp_path, inside)) as terminal:
            terminal.until(lambda screen: "worker ready" in screen, "recipe")
            terminal.press("F5")
            terminal.until(lambda screen: "waits for 1 more at 10.77.0.1:7750" in screen, "waiting")
            terminal.press("x")  # not now
            terminal.until(lambda screen: "nothing was trained" in screen, "end of waiting")
            assert not first.listening()
            assert not (first.folder / "saved" / "runs").exists()
            terminal.press("t")
            terminal.until(lambda screen: "waits for 1 more at 10.77.0.1:7750" in screen, "waiting again")
            token = str(tmp_path / "state" / "token.pem")
            other = second.start("worker", "--join", "10.77.0.1:7750", "--token-file", token, "--wait", "60")
            terminal.until(lambda screen: "Done after 3 epochs" in screen, "end of the training")
            code, said = other.end(20.0)
            assert code == 0, said
            assert "the training has ended" in said
            terminal.press("q")
            terminal.until(lambda screen: "LEFT WITH 0" in screen, "end of the app")
        (run,) = (first.folder / "saved" / "runs").iterdir()
        said = (run / "events.jsonl").read_text()
        assert_equal(read_trained(first.folder, said), wanted)
        assert not any(machine.is_left() for machine in found.machines)


@pytest.mark.slow
@needs_machines
def test_the_last_machine_goes_on_alone(table: Path, tmp_path: Path) -> None:
    keys = f"batch_size: 36, epochs: 400, checkpoint_seconds: 0.3, network: {NETWORK}, elastic: true"
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, {keys}"))
    with machines(tmp_path / "net", 2) as found:
        token = str(copied(found, table, recipe))
        begin = ["--batch", recipe, "--json", "--token-file", token, "--workers", "1:2"]
        first = found[0].start(*begin)
        other = found[1].start("worker", "--join", "10.77.0.1:7750", "--token-file", token, "--wait", "60")
        first.wait_for("2 processes train together")
        for pid in found[1].processes():
            os.kill(pid, signal.SIGKILL)
        assert other.end()[0] == -signal.SIGKILL
        code, said = first.end()
        assert code == 0, said[-3000:]
        assert "The others go on from the last checkpoint" in said
        assert len(read_trained(found[0].folder, said).logs) >= 400
        assert not found[0].is_left()


@pytest.mark.slow
def test_a_search_is_of_this_machine(kwb: Kwb, table: Path) -> None:
    """Which has no address in the network that the recipe names."""
    recipe = write_recipe(table, Case(DENSE, f"{MSE}, epochs: 2, network: 198.51.100.0/24"))
    search = "search={over: {train.batch_size: [8, 16]}, method: grid}"
    done = kwb("search", recipe, "--set", search, "--workers", "1", cwd=table, timeout=200)
    assert done.returncode == 0, done.stderr
    alone = kwb("--batch", recipe, cwd=table)
    assert alone.returncode == 2
    assert "this machine has no address in 198.51.100.0/24" in alone.stderr


def test_the_command_line_says_more_than_the_recipe() -> None:
    train = Train(network="10.0.0.0/24", hosts=("a", "b"), listen="10.0.0.1:1")
    found = HostOptions().with_recipe(train)
    assert found is not None
    assert (found.network, found.names, found.listen) == ("10.0.0.0/24", ("a", "b"), "10.0.0.1:1")
    assert found.numbers(None, 1) == (3, 3)
    found = HostOptions(network="10.1.0.0/16", hosts=("env",), least=2, most=5).with_recipe(train)
    assert found is not None
    assert (found.network, found.hosts, found.names) == ("10.1.0.0/16", ENVIRONMENT, ())
    assert found.numbers(None, 4) == (2, 5)
    assert HostOptions(least=2, most=2).with_recipe(Train()) is None


@pytest.mark.parametrize(
    ("keys", "where", "what"),
    [
        ("hosts: [a]", "train.hosts", "goes with `network`"),
        ("network: 10.0.0.0/24, hosts: ['-oProxyCommand=x']", "train.hosts", "is no name of a machine"),
        ("network: 10.0.0.0/24, hosts: [a, 'b;c']", "train.hosts", "'b;c' is no name of a machine"),
        ("listen: a:1", "train.listen", "goes with `network`"),
        ("network: 10.0.0.7/24", "train.network", "10.0.0.7/24 has host bits set; as in 10.0.0.0/24"),
        ("network: 10.0.0.7/24, hosts: [a]", "train.network", "10.0.0.7/24 has host bits set"),
        ("network: here", "train.network", "'here' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_keys_that_say_nothing(keys: str, where: str, what: str) -> None:
    text = f"kwb: 1\nname: r\ndata: {{use: csv, path: t.csv}}\nmodel: {{use: Dense}}\ntrain: {{{keys}}}\n"
    with pytest.raises(RecipeError) as caught:
        parse(text, name="r.yaml", folder=Path())
    assert what in caught.value.what
    assert "more to mend" not in caught.value.hint
    assert where in caught.value.where
