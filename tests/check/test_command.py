"""`kwb check`: what it prints, what it chooses, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.cli import main

GATE = '''
"""A layer of one file."""
import keras


class Gate(keras.layers.Layer):
    def __init__(self, start: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.gate = self.add_weight(name="gate", shape=(input_shape[-1],))

    def call(self, inputs):
        return inputs * keras.ops.sigmoid(self.gate)

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class Narrow(keras.layers.Layer):
    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return super().get_config()
'''


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """`run(ARGUMENTS)` is (exit code, standard output, standard error) of `kwb check` in this process."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["check", *arguments])
        out, err = capsys.readouterr()
        return int(code), out, err

    return run


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], "Missing argument 'ENTRY|PLUGIN|FILE.py|RECIPE.yaml'"),
        (["MyDens"], "there is no entry and no plugin 'MyDens'. Did you mean 'MyDense'?"),
        (["MyDense", "-k", "gradiant"], "Did you mean 'gradients'?"),
        (["custom-stack", "-k", "gradients"], "none of these checks is made on what is named"),
        (["kwb_custom", "--no-plugin", "kwb_custom"], "plugin 'kwb_custom': it is not loaded: blocked"),
        (["gone.py"], "plugin 'gone': it is not loaded: no such file"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_says_why(run, arguments, shown):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert shown in err


def test_the_contract_can_be_listed(run):
    code, out, _ = run("--list", "-k", "saves")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["saves_keras", "saves_h5", "saves_weights_h5"]


@pytest.mark.slow
def test_what_keeps_the_contract_exits_with_0_in_a_line_for_each_entry(run):
    code, out, err = run("MyDense", "custom-stack")
    assert (code, err) == (0, "")
    first, second, last = out.splitlines()
    assert first.startswith("✓ layer     kwb_custom.MyDense ")
    assert second.startswith("✓ recipe    kwb_custom.custom-stack ")
    assert last.startswith("2 entries: ")
    assert " failed" not in out


@pytest.mark.slow
def test_a_file_is_checked_by_what_it_defines_and_its_error_exits_with_1(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GATE)
    code, out, err = run("mine.py")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("✓ layer     mine.Gate ")
    assert lines[1].startswith("✗ layer     mine.Narrow ")
    assert lines[2] == "    failed: config_keeps_arguments: get_config does not give back 'units'."
    assert lines[3].strip() == "mine.py:29 in get_config"
    assert lines[5].strip() == "Let get_config return {**super().get_config(), 'units': self.units}."
    assert "1 failed" in lines[-1]
    assert "Traceback" not in out


@pytest.mark.slow
def test_chosen_checks_alone_are_reported(run):
    code, out, _ = run("MyDense", "-k", "saves graph", "--json")
    record = json.loads(out)
    assert code == 0
    assert [result["check"] for result in record["results"]] == [
        "graph",
        "saves_keras",
        "saves_h5",
        "saves_weights_h5",
    ]
    assert record["summary"]["passed"] == 4


@pytest.mark.slow
def test_debug_shows_the_traceback_of_a_failure(run, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import keras\n\n\nclass Broken(keras.layers.Layer):\n    def call(self, inputs):\n        1 / 0\n"
    )
    assert "Traceback" in run(str(file), "-k", "call", "--debug")[1]
    results = json.loads(run(str(file), "-k", "call", "--json", "--debug")[1])["results"]
    (failed,) = [result for result in results if result["status"] == "failed"]
    assert "ZeroDivisionError" in failed["traceback"]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_ended_from_outside_it_leaves_no_child(tmp_path, ending):
    psutil = pytest.importorskip("psutil")
    file = tmp_path / "endless.py"
    file.write_text(
        "import keras\n\n\nclass Endless(keras.layers.Layer):\n    def call(self, inputs):\n"
        "        open('begun', 'w').close()\n        while True:\n            pass\n"
    )
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background, it is ignored\n"
        "from workbench.cli import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", code]
    parent = subprocess.Popen(
        [*command, "check", "endless.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    _wait_until((tmp_path / "begun").exists)
    children = psutil.Process(parent.pid).children()
    parent.send_signal(ending)
    _, err = parent.communicate(timeout=30)
    assert children
    _wait_until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children))
    if ending == signal.SIGINT:
        assert parent.returncode == 130
        assert "Traceback" not in err


def _wait_until(true, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
