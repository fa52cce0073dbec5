"""On the command line an exception of the user's code comes with its line; the traceback with `--debug`."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow

GATE = """import keras


class Gate(keras.layers.Layer):
    def call(self, x, training=False):
        if training:
            raise RuntimeError("boom in call")
        return x
"""
RECIPE = """
kwb: 1
name: gated
data: {use: diabetes}
model: {sequential: [Gate, {use: Dense, units: 1}]}
train: {epochs: 1, engine: plain, loss: mse}
"""
LINES = """
  RuntimeError at gate.py:7 in call
      raise RuntimeError("boom in call")
  --debug shows the whole traceback.
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "gate.py").write_text(GATE)
    (tmp_path / "gated.yaml").write_text(RECIPE)
    return tmp_path


def test_a_training(kwb, folder):
    done = kwb("--batch", "gated.yaml", "--plugin", "gate.py", cwd=folder)
    assert done.returncode == 1
    assert "training failed in epoch 1: boom in call." in done.stderr
    assert done.stderr.endswith(LINES), done.stderr
    done = kwb("--batch", "gated.yaml", "--plugin", "gate.py", "--json", "--debug", cwd=folder)
    assert f'File "{folder / "gate.py"}", line 7, in call' in done.stderr
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert (error["exception"], error["code"]["line"], error["code"]["function"]) == (
        "RuntimeError",
        7,
        "call",
    )
    assert error["code"]["source"] == 'raise RuntimeError("boom in call")'
    assert f'File "{folder / "gate.py"}", line 7, in call' in error["traceback"]


def test_a_file_that_is_no_python(kwb, folder):
    (folder / "gate.py").write_text(GATE.replace("return x\n", "return (x\n"))
    lines = "SyntaxError at gate.py:8\n{0}    return (x\n{0}           ^\n"
    for command in (["catalog"], ["--batch", "gated.yaml"]):
        done = kwb(*command, "--plugin", "gate.py", cwd=folder)
        assert done.returncode == 2
        assert "importing it failed: SyntaxError: '(' was never closed." in done.stderr
        assert lines.format("  ") in done.stderr
    done = kwb("plugins", "--plugin", "gate.py", cwd=folder)
    assert done.returncode == 0
    assert lines.format("    ") in done.stdout


def test_an_import_that_fails(kwb, folder):
    (folder / "gate.py").write_text(f"import no_such_module\n{GATE}")
    done = kwb("catalog", "--plugin", "gate.py", "--debug", cwd=folder)
    assert done.returncode == 2
    assert "No module named 'no_such_module'" in done.stderr
    assert "ModuleNotFoundError at gate.py:1\n      import no_such_module\n" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr


def test_a_check(kwb, folder):
    (folder / "gate.py").write_text(GATE.replace("if training", "if True"))
    done = kwb("check", "gate.py", "-k", "call", cwd=folder)
    assert done.returncode == 1
    assert "RuntimeError at gate.py:7 in call" in done.stdout, done.stdout
