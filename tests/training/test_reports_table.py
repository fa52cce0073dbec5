"""Which test replays which public bug report, by the report's number; what is tested is said in words.

Every one of these was an error of kwb or something it could not do. The right value of each test comes from stock
Keras, NumPy or pandas. Where numbers of a training are concerned, all engines are compared with KWB_WHOLE=engines.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
# Their numbers, as they were written down; most of the numbers between were no errors. Two reports are not mended and
# so have no test:
# 28: a stack that is named in a graph, `layers: {tower: {sequential: [...]}}`, is refused by the schema. Plain Keras
#     calls such a model as a layer. A saved model can be named there (`{load: file}`).
# 32: no layer reads text, and a layer that plain Keras would adapt to the data (`Normalization`) is not adapted. That
#     this is so is said before training (test_ending.py::test_a_layer_that_nobody_adapts_is_a_warning).
NUMBERS = (2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 17, 18, 22, 23, 24, 25, 29, 30, 34, 35)


@dataclass(frozen=True)
class Report:
    """`tests` are places below `tests/`: `file.py::function`."""

    number: int
    said: str
    tests: tuple[str, ...]


REPORTS = (
    Report(
        2,
        "a file of several outputs that plain Keras saved: evaluate and predict crash, or transpose",
        (
            "training/test_foreign_files.py::test_as_evaluate_and_predict_of_keras",
            "training/test_foreign_files.py::test_columns_of_one_target_go_to_outputs_by_name",
            "training/test_foreign_files.py::test_from_the_command_line",
        ),
    ),
    Report(
        3,
        "the weights of a file go to another layer of the same shape",
        (
            "training/test_weights_by_name.py::test_outputs_of_a_list_reach_the_outputs_of_a_graph",
            "training/test_weights_by_name.py::test_a_renamed_output_gets_the_weights_that_are_left",
        ),
    ),
    Report(
        4,
        "class weights without effect, or for the wrong class; names as keys",
        (
            "training/test_reports.py::test_a_class_weight_goes_to_the_class_of_that_name",
            "training/test_reports.py::test_a_class_weight_of_no_class_is_refused",
            "data/test_weights.py::test_a_weight_goes_to_the_rows_of_its_class",
        ),
    ),
    Report(
        5,
        "a second optimizer begins again when training resumes",
        (
            "training/test_reports_resume.py::test_a_resumed_training_is_stock_fit_at_a_stretch",
            "training/test_resume_matrix.py::test_parts_equal_the_whole",
        ),
    ),
    Report(
        6,
        "a resume forgets what Keras does not track: variables of the model, collections of callbacks",
        (
            "training/test_reports_resume.py::test_a_resumed_training_is_stock_fit_at_a_stretch",
            "training/test_resume_matrix.py::test_parts_equal_the_whole",
        ),
    ),
    Report(
        7,
        "models whose only loss is their own, data without targets",
        (
            "training/test_reports.py::test_a_model_may_bring_its_own_loss",
            "training/test_reports.py::test_a_model_without_any_loss_is_refused",
        ),
    ),
    Report(
        8,
        "other random numbers in each run of a seeded recipe, and with more epochs",
        (
            "training/test_meaning_of_fit.py::test_what_a_model_draws_does_not_depend_on_what_is_measured",
            "training/test_reports_resume.py::test_more_epochs_begin_as_fewer_do",
        ),
    ),
    Report(
        9,
        "callbacks of every batch are called at a few of them",
        (
            "training/test_meaning_of_fit.py::test_a_callback_of_batches_sees_each_batch_and_changes_the_next",
            "training/test_meaning_of_fit.py::test_a_callback_that_acts_at_one_batch_stops_there",
        ),
    ),
    Report(
        11,
        "stateful recurrent layers: the work of a training is lost, no place for the batch size",
        (
            "training/test_stateful.py::test_as_plain_keras_and_saved",
            "training/test_stateful.py::test_states_go_on_after_a_resume",
            "training/test_stateful.py::test_refused_before_training",
        ),
    ),
    Report(
        15,
        "averaged weights that are swapped at each epoch, resumed",
        ("training/test_reports_resume.py::test_a_resumed_training_is_stock_fit_at_a_stretch",),
    ),
    Report(
        17,
        "F1Score vanishes; watched, it fails in the second epoch; with class numbers in the first",
        (
            "training/test_reports.py::test_a_metric_of_every_class_is_shown_by_class_and_can_be_watched",
            "training/test_ending.py::test_refused_before_training",
        ),
    ),
    Report(
        18,
        "a plateau callback with a schedule fails after hours, and nothing is saved",
        (
            "training/test_kept_work.py::test_a_callback_that_sets_the_rate_of_a_schedule",
            "training/test_kept_work.py::test_an_error_at_the_end_of_epoch_seven",
            "training/test_kept_work.py::test_from_the_command_line",
        ),
    ),
    Report(
        22,
        "metrics that do not count the sample weights",
        ("training/test_reports.py::test_weighted_metrics_count_sample_weights",),
    ),
    Report(
        23,
        "weights of single time steps, weights by output",
        (
            "training/test_reports.py::test_each_time_step_may_have_a_weight",
            "training/test_weights_by_output.py::test_a_dict_of_outputs",
            "training/test_weights_by_output.py::test_a_list_of_outputs",
        ),
    ),
    Report(
        24,
        "a metric that gives its variable shows validation's number for training's",
        ("training/test_reports.py::test_a_metric_that_gives_its_variable_keeps_the_value_of_training",),
    ),
    Report(
        25,
        "NA is a country, and the hint drops half of the rows",
        (
            "data/test_values.py::test_a_class_is_what_the_cell_says",
            "data/test_values.py::test_a_category_is_what_the_cell_says",
            "data/test_values.py::test_a_hint_speaks_of_the_word_and_never_drops_half",
        ),
    ),
    Report(
        29,
        "labels outside the units of the last layer",
        (
            "training/test_ending.py::test_refused_before_training",
            "training/test_ending.py::test_labels_of_a_stream_are_held_against_the_units",
        ),
    ),
    Report(
        30,
        "files of Keras 2 with arguments that Keras 3 does not have",
        (
            "storage/test_keras2.py::test_files_of_keras_2_give_the_same_predictions",
            "storage/test_keras2.py::test_what_keras_3_has_no_word_for_is_named",
        ),
    ),
    Report(
        34,
        "a signal freezes the app, or leaves the terminal raw",
        ("tui/test_signals.py::test_a_signal_ends_the_app_and_loses_nothing",),
    ),
    Report(
        35,
        "outputs and predictions with names that are not ASCII",
        (
            "training/test_ending.py::test_refused_before_training",
            "hostile/test_pipes.py::test_an_old_encoding_never_fails",
            "hostile/test_pipes.py::test_predictions_of_any_name_go_to_an_old_encoding",
        ),
    ),
)


@cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_report_has_its_place() -> None:
    assert tuple(report.number for report in REPORTS) == NUMBERS
    assert all(report.said and report.tests for report in REPORTS)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: f"{report.number}: {report.said}")
def test_the_tests_that_replay_it_are_there(report: Report) -> None:
    for test in report.tests:
        file, _, name = test.partition("::")
        assert name in _tests_of(file), test
        assert name.startswith("test_")
