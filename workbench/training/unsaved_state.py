"""Warn, when training begins, of random generators whose state a checkpoint cannot keep."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from workbench import events
from workbench.training.engines import operations
from workbench.training.engines.programs import Step


class UnsavedState:
    """Looks at a training step while it is traced, whichever engine runs it.

    Args:
        emit: called with the warning, once.
    """

    def __init__(self, emit: Any) -> None:
        self._emit = emit
        self._said = False

    def wrap_step(self, step: Step) -> Step:
        """The same step."""

        def looked_at(data: Any) -> Any:
            logs = step(data)
            if not self._said and not tf.executing_eagerly():
                self._say(operations.hidden_state(_operations(tf.compat.v1.get_default_graph())))
            return logs

        return looked_at

    def _say(self, hidden: list[str]) -> None:
        if hidden:
            self._said = True
            text = (
                f"a checkpoint cannot keep the state of tf.random ({', '.join(hidden)}): --resume draws other "
                "numbers. What keras.random draws is kept."
            )
            self._emit(events.Message("warning", text))


def _operations(graph: Any) -> set[str]:
    definition = graph.as_graph_def()
    bodies = [definition.node, *(function.node_def for function in definition.library.function)]
    return {node.op for body in bodies for node in body}
