"""What `--batch` prints for people."""

from __future__ import annotations

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
