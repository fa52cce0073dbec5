"""`kwb plugins`, `catalog`, `schema` and `inspect`: what they print, and how they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench import __version__, events
from workbench.cli import main
from workbench.storage.event_stream import EventLog
from workbench.storage.runs import create_run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """`run(ARGUMENTS)` is (exit code, standard output, standard error) of `kwb` in this process."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(code), out, err

    return run


def test_plugins_for_people(run):
    code, out, err = run("plugins", "--no-plugin", "kwb_datasets")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == f"✓ kwb_custom kwb {__version__} 5 layers, 4 models, 6 recipes".split()
    assert lines[1].split() == f"- kwb_datasets kwb {__version__} blocked".split()
    assert "layers," in lines[2]
    assert "1 recipe" in lines[2]
    assert "1 recipes" not in lines[2]


def test_plugins_as_json(run):
    code, out, _ = run("plugins", "--json")
    rows: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    assert [row["plugin"] for row in rows] == ["kwb_custom", "kwb_datasets", "kwb_keras"]
    for row in rows:
        assert {"plugin", "distribution", "version", "state", "error", "entries"} <= row.keys()
        assert (row["distribution"], row["version"], row["state"]) == ("kwb", __version__, "loaded")
    assert {entry["name"] for entry in rows[0]["entries"]} >= {"MyDense", "ResidualRegressor", "custom-stack"}


def test_catalog_for_people_is_grouped_by_kind(run):
    code, out, _ = run("catalog")
    headings = [line for line in out.splitlines() if not line.startswith(" ")]
    assert code == 0
    assert [heading.split()[0] for heading in headings] == [
        "layers",
        "models",
        "datasets",
        "losses",
        "metrics",
        "optimizers",
        "schedules",
        "callbacks",
        "initializers",
        "regularizers",
        "constraints",
        "recipes",
    ]
    (row,) = [line for line in out.splitlines() if line.startswith("  MyMultiLayer")]
    assert " ".join(row.split()) == "MyMultiLayer kwb_custom 2→3 Sum, product and quotient of two inputs."


def test_catalog_as_json(run):
    _, out, _ = run("catalog", "--json", "--kind", "model")
    assert json.loads(out)[0] == {
        "kind": "model",
        "name": "ResidualRegressor",
        "plugin": "kwb_custom",
        "distribution": "kwb",
        "target": "kwb_custom.models:ResidualRegressor",
        "summary": "A regressor of two residual blocks, the first applied four times with the same weights.",
        "inputs": 1,
        "outputs": 1,
        "tags": ["custom", "regression"],
    }


@pytest.mark.parametrize("word", ["mydense", "MYDENSE", "fully connected layer: act"])
def test_catalog_searches_names_summaries_and_tags(run, word):
    _, out, _ = run("catalog", word)
    assert "  MyDense" in out
    assert "MyGaussianNoise" not in out


def test_catalog_says_when_nothing_matches(run):
    assert run("catalog", "xyzzy")[:2] == (0, "Nothing matches 'xyzzy'.\n")
    assert run("catalog", "xyzzy", "--json")[:2] == (0, "[]\n")
    assert run("catalog", "--kind", "recipe", *(f"--no-plugin=kwb_{p}" for p in ("custom", "keras")))[1] == (
        "Nothing of that kind.\n"
    )


def test_shared_options_may_stand_before_the_command(run):
    assert run("--no-plugin", "kwb_keras", "plugins")[1] == run("plugins", "--no-plugin", "kwb_keras")[1]
    assert "blocked" in run("--no-plugin=kwb_keras", "plugins")[1]


def test_schema_is_a_json_schema(run):
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_help_and_version(run):
    code, out, _ = run("--help")
    assert code == 0
    commands = ("plugins", "catalog", "check", "new-plugin", "inspect", "evaluate", "predict", "schema")
    for word in ("--batch RECIPE", *commands, "--set"):
        assert word in out
    assert "\n  run " not in out
    assert "...\n" not in out  # no command's line is cut
    assert run("--version")[:2] == (0, f"kwb, version {__version__}\n")


def test_the_two_ways_to_a_model_file_of_a_run_name_each_other(run):
    for command, other in (("save", "export-checkpoint"), ("export-checkpoint", "save")):
        words = " ".join(run(command, "--help")[1].split())
        assert f"`kwb {other}`" in words
        assert "RUN is a run's folder, or its name below saved/runs;" in words


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--batch"], "--batch needs a recipe: a file, or a name that `kwb catalog --kind recipe` lists."),
        (["--set", "a=b"], "go with --batch."),
        (["--frobnicate"], "No such option"),
        (["plugins", "--frobnicate"], "No such option"),
        (["catalog", "--kind", "zebra"], "'zebra' is not one of 'layer', 'model'"),
        (["evaluate", "m.keras"], "Missing option '--data'"),
        (["inspect"], "Missing argument 'FILE'"),
        (["plugins", "--no-plugin", "kwb_kers"], "there is no plugin 'kwb_kers'. Did you mean 'kwb_keras'?"),
        (["--batch", "residual-regresor"], "Did you mean 'residual-regressor'?"),
        (["--batch", "xyzzy"], "Built in are: residual-regressor, "),
        (["--batch", "gone.yaml"], "kwb: gone.yaml: there is no such recipe file."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage_exits_with_2_and_says_why(run, arguments, shown):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert shown in err
    assert "kwb run" not in err


def test_a_missing_file_exits_with_3(run):
    code, out, err = run("inspect", "gone.keras")
    assert (code, out) == (3, "")
    assert err.startswith("kwb: gone.keras: ")


def test_debug_shows_where_an_error_came_from():
    done = subprocess.run(
        [sys.executable, "-c", "from workbench.cli import main; main()", "--batch", "gone.yaml", "--debug"],
        capture_output=True,
        text=True,
    )
    assert "Traceback" in done.stderr
    assert "there is no such recipe file" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["catalog"], ["catalog", "--json"], ["plugins", "--json"]], ids=" ".join
)
def test_a_reader_that_leaves_early_causes_no_traceback(arguments):
    code = "from workbench.cli import command; command()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as `kwb catalog | head -0`
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_runs_with_what_they_reached_on_the_test_part(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert run("runs") == (0, "", "")
    made = create_run("saved/runs", "price", recipe="kwb: 1\n", environment={})
    ended = events.Finished("done", {"loss": 3.0}, {"loss": 2.5, "mae": 0.25}, 1.0)
    epoch = events.Epoch(4, 8, {"loss": 3.0, "val_loss": 3.5}, 1.0, 10.0, 0.001)
    with EventLog(made) as log:
        for number, event in enumerate((epoch, ended)):
            log.append(event, 1_760_000_000.0 + number)
    code, out, _ = run("runs")
    assert code == 0
    assert out.split() == [
        *(made.name, "done", "4/8", "loss", "3", "val_loss", "3.5", "test", "mae", "0.25"),
    ]
    (found,) = json.loads(run("runs", "--json")[1])
    assert found["test"] == {"name": "mae", "value": 0.25}
    assert found["evaluation"] == {"loss": 2.5, "mae": 0.25}
    assert (found["run"], found["status"], found["epoch"], found["epochs"]) == (made.name, "done", 4, 8)


def test_runs_are_selected_sorted_grouped_and_labelled(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, (rate, loss) in enumerate([(0.1, 3.0), (0.01, 1.0), (0.01, 2.0)]):
        made = create_run(Path("saved") / "runs", f"r{number}", recipe="kwb: 1\n", environment={})
        recipe = {"name": "r", "train": {"optimizer": {"learning_rate": rate}}}
        with EventLog(made) as log:
            log.append(events.RunStarted(folder=str(made.path), recipe=recipe, environment={}))
            log.append(events.Epoch(1, 1, {"loss": loss}, 1.0, 10.0, rate))
    code, out, _ = run("runs", "--filter", "lr=0.01", "--sort", "-loss", "--json")
    assert code == 0
    assert [record["logs"]["loss"] for record in json.loads(out)] == [2.0, 1.0]
    code, out, err = run("label", "r0", "r1", "--tag", "base", "--note", "the first ones")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 2
    assert "#base  the first ones" in run("runs", "--filter", "tag:base")[1]
    (record,) = json.loads(run("runs", "--filter", "tag:base loss<2", "--json")[1])
    assert (record["tags"], record["note"]) == (["base"], "the first ones")
    groups = json.loads(run("runs", "--group-by", "lr", "--json")[1])
    assert [(group["value"], len(group["runs"])) for group in groups] == [("0.01", 2), ("0.1", 1)]
    assert groups[0]["numbers"]["loss"] == {"mean": 1.5, "std": pytest.approx(0.5**0.5), "n": 2}
    assert "curve" not in groups[0]
    assert "1.5 ± 0.71" in run("runs", "--group-by", "lr")[1]
    groups = json.loads(run("runs", "--group-by", "lr", "--chart", "loss", "--json")[1])
    assert groups[0]["curve"] == {"epochs": [1], "mean": [1.5], "std": [pytest.approx(0.5**0.5)], "n": [2]}
    chart = run("runs", "--group-by", "lr", "--chart", "loss")[1]
    assert "loss by epoch: mean ± standard deviation" in chart
    assert "lr 0.01 1.5 ± 0.71" in chart
    code, out, _ = run("runs", "--columns", "epoch, best_loss,lr,status", "--sort", "-best_loss")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["run", "epoch", "best_loss", "lr", "status"]
    assert [line[1:4] for line in lines[1:]] == [
        ["1/1", "3", "0.1"],
        ["1/1", "2", "0.01"],
        ["1/1", "1", "0.01"],
    ]
    records = json.loads(
        run("runs", "--columns", "highest_loss,lr", "--filter", "best_loss<1.5", "--json")[1]
    )
    assert [(record["highest_loss"], record["lr"]) for record in records] == [(1.0, "0.01")]
    assert list(records[0]) == ["run", "highest_loss", "lr"]
    assert "1.5 ± 0.71" in run("runs", "--group-by", "lr", "--columns", "best_loss")[1]
    run("label", "r0", "--untag", "base", "--note", "")
    assert len(json.loads(run("runs", "--filter", "tag:base", "--json")[1])) == 1
    for wrong, words in (
        (("runs", "--filter", "lrr<1"), "no key 'lrr'"),
        (("runs", "--sort", "size"), "no key 'size'"),
        (("runs", "--group-by", "lr", "--chart", "mae"), "no run has logged 'mae'"),
        (("runs", "--chart", "loss"), "--group-by"),
        (("runs", "--columns", "best_mae"), "no key 'best_mae'"),
        (("label", "r0", "--tag", "a b"), "is no tag"),
        (("label", "nothing", "--tag", "a"), "no run 'nothing'"),
        (("label", "r0"), "--tag"),
    ):
        code, _, err = run(*wrong)
        assert code in (2, 3)
        assert words in err
