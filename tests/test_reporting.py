"""What `--batch` prints for people."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from workbench import events
from workbench.reporting import for_stream


def test_a_file_gets_whole_names_and_the_loss_first():
    stream = StringIO()
    reporter = for_stream(stream)
    path = "global_average_pooling_of_everything_that_was_attended_to"
    row = {"path": path, "class": "GlobalAveragePooling1D", "plugin": "kwb_keras"}
    row |= {"output_shape": [None, 8], "parameters": 0}
    logs = {"kind_loss": 2.0, "loss": 3.0, "kind_accuracy": 0.5, "val_kind_loss": 2.5, "val_loss": 3.5}
    with reporter:
        reporter.take(events.Assembled((row,), 0, 0), "")
        reporter.take(events.Epoch(1, 2, logs, 0.5, 10.0, 0.001), "")
    text = stream.getvalue()
    assert f"{path}  GlobalAveragePooling1D  kwb_keras  [8]" in text
    assert "epoch 1/2  loss 3  val_loss 3.5  kind_loss 2  val_kind_loss 2.5  kind_accuracy 0.5" in text


def test_a_layer_of_a_list_is_named_with_the_list():
    stream = StringIO()
    paths = ["hidden/0", "block", "block/hidden/0", "block/hidden/0/inner", "out"]
    rows = [
        {"path": path, "class": "Dense", "plugin": "kwb_keras", "output_shape": [None, 3], "parameters": 6}
        for path in paths
    ]
    with for_stream(stream) as reporter:
        reporter.take(events.Assembled(tuple(rows), 30, 30), "")
    lines = [
        line.partition("  Dense")[0].rstrip() for line in stream.getvalue().splitlines() if "Dense" in line
    ]
    assert lines == ["hidden/0", "block", "  hidden/0", "    inner", "out"]


def test_results_stand_beside_what_is_reached_without_the_model():
    known = {
        "mae": {"guess": 9.5, "of": "the mean", "better": "down", "linear": 4.0},
        "loss": {"guess": 120.0},
    }
    compared = "mae 2 on the test part, 4.8 times better than guessing the mean; a linear model gives 4"
    finished = events.Finished("done", {}, {"loss": 7.0, "mae": 2.0}, 1.0, baselines=known, compared=compared)
    stream = StringIO()
    with for_stream(stream) as reporter:
        reporter.take(finished, "")
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert lines[1] == ["on", "the", "test", "part", "a", "constant", "guess", "a", "linear", "model"]
    assert lines[2:4] == [["loss", "7", "120"], ["mae", "2", "9.5", "4"]]
    assert stream.getvalue().splitlines()[4] == compared
    stream = StringIO()
    with for_stream(stream) as reporter:
        reporter.take(events.Finished("done", {}, {"mae": 2.0}, 1.0, baselines={"mae": "?", "x": 1}), "")
        reporter.take(events.Finished("done", {}, {}, 1.0, no_better="mae 9", likely_reason="few steps"), "")
    assert "but nothing was learned: mae 9\nlikely reason: few steps\n" in stream.getvalue()
    assert "constant" not in stream.getvalue()


def test_a_run_begins_with_its_devices():
    devices = {"cpu": "Xeon", "cores": 2, "threads": {"intra_op": 1}, "gpus": [], "memory_gib": 15.6}
    devices["unused_gpus"] = [{"gpus": ["NVIDIA T4"], "level": "warning", "reason": "no driver."}]
    stream = StringIO()
    with for_stream(stream) as reporter:
        reporter.take(events.RunStarted("runs/r", {}, {"devices": devices}), "")
    assert stream.getvalue().splitlines() == [
        "run runs/r",
        "on 2 cores (Xeon), 1 thread, 15.6 GiB of memory",
        "warning: not used: NVIDIA T4: no driver.",
    ]


def test_how_several_processes_do_is_said_when_one_is_slow_and_at_the_end():
    stream = StringIO()
    found = events.Processes(3, 9000.0, 0.125, (0.01, 0.01, 0.02), (500_000_000,) * 3, 3, 1.84)
    with for_stream(stream) as reporter:
        reporter.take(replace(found, straggler=0), "")
        reporter.take(found, "")
        reporter.take(found, "")
        reporter.take(events.Finished("done", {}, {}, 1.0), "")
    assert stream.getvalue().splitlines() == [
        "warning: process 3 of 3 is slower than the others, which wait for it",
        "done in 1.0 s",
        "3 processes: 9,000 rows/s, 12 % of the time for adding up gradients, 1.8 times as fast as one such process, "
        "process 3 was slower than the others, 1.5 GB of memory in all",
    ]
