"""Count the floating-point operations of a traced step, by their owner: those in loops as often as the loop turns.

TensorFlow knows how many operations one of a graph has. Here it is found out which of them run, and how often: what the
result does not need is left out, the graphs of loops, functions and conditions are gone into.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from workbench.probing.float_operations import constant, float_operations
from workbench.probing.owners import REST, Owners, is_of_gradient
from workbench.tensorflow_private import function_graph

Counts = dict[str, tuple[float, float]]
"""Numbers of operations by their owner: forward, backward."""

_LOOPS = ("While", "StatelessWhile")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_CONDITIONS = ("If", "StatelessIf")


def loop_counters(graph: Any, result: Any) -> dict[str, Any]:
    """By the name of each loop of a graph, the tensor that says how often it has turned, once it is run.

    Args:
        graph: while it is traced.
        result: what it is to give. A loop that this does not need would be run for its counter alone: it has none.
    """
    effects = [each for each in graph.get_operations() if each.op_def.is_stateful and each.type not in _LOOPS]
    results = [each.op for each in tf.nest.flatten(result, expand_composites=True)]
    return {
        operation.name: operation.outputs[0]
        for operation in _needed(graph, [*results, *effects])
        if operation.type in _LOOPS and _is_counter(operation.outputs[0])
    }


def _is_counter(tensor: Any) -> bool:
    return bool(tensor.dtype == tf.int32 and tensor.shape.rank == 0)


def count(graph: Any, owners: Owners, turns: Mapping[str, float]) -> Counts:
    """The operations of a step.

    Args:
        graph: of the step.
        owners: of its operations.
        turns: how often each loop of the graph itself turns, by its name.
    """
    counts: Counts = {}
    # The counters of the loops are its last results.
    results = [each.op for each in graph.outputs[: len(graph.outputs) - len(turns)]]
    _Counter(owners, dict(turns)).add(graph, "", 1.0, REST, counts, backward=False, results=results)
    return counts


class _Counter:
    def __init__(self, owners: Owners, turns: dict[str, float]) -> None:
        self._owners = owners
        self._turns = turns
        self._known: dict[str, dict[str, float]] = {}

    def add(
        self,
        graph: Any,
        name: str,
        times: float,
        inherited: str,
        counts: Counts,
        *,
        backward: bool,
        results: Sequence[Any] | None = None,
    ) -> None:
        """Add the operations of a graph.

        Args:
            graph: the graph.
            name: its name; "" for that of the step.
            times: how often it runs.
            inherited: the owner of the operation that runs it.
            counts: what is added to.
            backward: whether it is part of a gradient.
            results: the operations that are wanted of it; None for all that give its results.
        """
        numbers = self._known.get(name) or float_operations(graph)
        self._known[name] = numbers
        wanted = [each.op for each in graph.outputs] if results is None else results
        for operation in _needed(graph, [*wanted, *graph.control_outputs]):
            owner = self._owners.find(operation.name, name, inherited)
            is_backward = backward or is_of_gradient(operation.name)
            # TensorFlow has a number for sums of integers as well, such as the counter of a loop.
            number = numbers.get(operation.name, 0.0)
            if number and not operation.outputs[0].dtype.is_integer:
                forward_sum, backward_sum = counts.get(owner, (0.0, 0.0))
                added = number * times
                counts[owner] = (
                    (forward_sum, backward_sum + added)
                    if is_backward
                    else (forward_sum + added, backward_sum)
                )
            if operation.type in _LOOPS:
                turns = self._turns_of(operation)
                body = operation.get_attr("body").name
                self.add(
                    function_graph(graph, body), body, times * turns, owner, counts, backward=is_backward
                )
            elif operation.type in _CALLS:
                self._add_call(graph, operation, times, owner, counts, backward=is_backward)
            elif operation.type in _CONDITIONS:
                self._add_dearer(graph, operation, times, owner, counts, backward=is_backward)

    def _add_call(
        self, graph: Any, operation: Any, times: float, owner: str, counts: Counts, *, backward: bool
    ) -> None:
        """A function. Its gradient is a function too, which has no name of an owner, but takes what that one kept."""
        function = operation.get_attr("f").name
        if "__backward_" in function:
            backward = True
            called = (each.op for each in operation.inputs if each.op.type in _CALLS)
            forward = next((each for each in called if "__backward_" not in each.get_attr("f").name), None)
            if forward is not None:
                owner = self._owners.find(forward.name, "", owner)
        self.add(function_graph(graph, function), function, times, owner, counts, backward=backward)

    def _add_dearer(
        self, graph: Any, operation: Any, times: float, owner: str, counts: Counts, *, backward: bool
    ) -> None:
        """A condition: which of its branches runs is not known, so the one with more operations counts."""
        branches: list[Counts] = []
        for which in ("then_branch", "else_branch"):
            name, found = operation.get_attr(which).name, dict(counts)
            self.add(function_graph(graph, name), name, times, owner, found, backward=backward)
            branches.append(found)
        dearer: Counts = max(branches, key=_total)
        counts.update(dearer)

    def _turns_of(self, loop: Any) -> float:
        """How often a loop turns. Of one inside of another one it is not measured: what it turns at most, as `map_fn`
        and the layers of Keras say it, or as often as the loop that it is the gradient of."""
        if loop.name in self._turns:
            return self._turns[loop.name]
        forward = [name for name in self._turns if f"{name}_grad" in loop.name]
        if forward:
            return self._turns[max(forward, key=len)]
        most = constant(loop.inputs[1]) if len(loop.inputs) > 1 else None
        turns = float(most) if most is not None and most.shape == () and most > 0 else 1.0
        self._turns[loop.name] = turns
        return turns


def _total(counts: Counts) -> float:
    return sum(forward + backward for forward, backward in counts.values())


def _needed(graph: Any, wanted: Iterable[Any]) -> Iterator[Any]:
    """The operations of a graph that some of it need, and those themselves."""
    waiting, seen = list(wanted), set[str]()
    while waiting:
        operation = waiting.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            waiting += [each.op for each in operation.inputs] + list(operation.control_inputs)
    return (operation for operation in graph.get_operations() if operation.name in seen)
