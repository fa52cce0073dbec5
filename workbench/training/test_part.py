"""After a training: its model on the test part, and beside what can be reached without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.assembly.own_training import can_evaluate
from workbench.training.baselines import Beside
from workbench.training.baselines.verdict import Verdict, judge
from workbench.training.engines import KeptTest, evaluate
from workbench.training.engines.together import Together
from workbench.training.errors import reported_as
from workbench.training.preparing import PreparedRun
from workbench.training.progress import numbers


def evaluate_test_part(
    prepared_run: PreparedRun, status: str, kept: KeptTest, together: Together | None
) -> dict[str, float]:
    """The loss and the metrics on the test part; none where there is none, and when the user pressed Ctrl-C and waits
    to leave."""
    prepared = prepared_run.prepared
    if prepared.test is None or status == "interrupted" or not can_evaluate(prepared_run.model):
        return {}
    document = prepared_run.document
    with reported_as("evaluating on the test part", document.name):
        return numbers(
            evaluate(
                prepared_run.model,
                prepared_run.feed(prepared.test),
                document.recipe.train.batch_size,
                classes=prepared.preparation.number_names(),
                wrap_test=prepared_run.units().wrap_step,
                kept=kept,
                together=together,
            )
        )


def judged(
    prepared_run: PreparedRun, beside: Beside, history: Sequence[Any], evaluation: Mapping[str, float]
) -> Verdict:
    """The model beside what can be reached without it.

    Args:
        history: the logs of each epoch.
        evaluation: on the test part.
    """
    prepared = prepared_run.prepared
    parts = {"": prepared.test, "val_": prepared.validation}
    rows = {prefix: part.rows for prefix, part in parts.items() if part is not None}
    return judge(beside.finish(), evaluation, history, rows)
