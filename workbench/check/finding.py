"""Find out by trial which batch a layer accepts, and which arguments a class needs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from workbench.assembly.errors import shape_text
from workbench.catalog import Entry
from workbench.check.inputs import NUMBERS, ROWS, USUAL_SHAPES, Inputs, batch, candidates, likely_counts
from workbench.check.results import error_text
from workbench.errors import WorkbenchError

Make = Callable[[], Any]

MOST_CALLED = 8  # sets of arguments that are called; the constructor refuses most of the others

_STATE_IN_CALL = re.compile(r"cannot add new elements of state")
_PICKY = (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError)
_SLIPS = (NameError, ImportError)  # errors of any arguments and any input


class NoInput(Exception):
    """No input was found that a layer accepts.

    Attributes:
        hint: what to do about it.
        state_in_call: Keras refused weights that its call makes.
        broken: it fails in one and the same way whatever it is given, or on the shapes that its entry declares.
    """

    def __init__(self, what: str, hint: str, *, state_in_call: bool, broken: bool) -> None:
        super().__init__(what)
        self.hint = hint
        self.state_in_call = state_in_call
        self.broken = broken


@dataclass(frozen=True)
class Accepted:
    """A batch, and the instance that was built by it."""

    inputs: Inputs
    layer: Any


@dataclass(frozen=True)
class Guess:
    """Arguments that the constructor accepts, and what was found of calling what they make (None: it is not called)."""

    arguments: Mapping[str, Any]
    search: Accepted | NoInput | None


def guess_arguments(
    entry: Entry,
    make: Callable[[Mapping[str, Any]], Any],
    sets: Iterable[Mapping[str, Any]],
    *,
    called: Callable[[Any], bool],
) -> Guess | WorkbenchError:
    """The first arguments of which the instance can be called; else the first that the constructor accepts.

    Args:
        make: an instance of arguments.
        sets: the arguments to try, the likeliest first.
        called: whether an instance is one that is called on tensors.

    Returns:
        Or, where the constructor accepts none, why it refuses the likeliest.
    """
    refused: list[WorkbenchError] = []
    made: list[Guess] = []
    for arguments in sets:
        if len(made) == MOST_CALLED:
            break
        try:
            instance = make(arguments)
        except WorkbenchError as error:
            refused.append(error)
            if isinstance(error.__cause__, _SLIPS):
                return Guess(arguments, None)  # no arguments mend it: the check of the constructor says so
            continue
        if not called(instance):
            return Guess(arguments, None)
        found = find_inputs(entry, partial(make, arguments), guessed=True)
        if isinstance(found, Accepted):
            return Guess(arguments, found)
        made.append(Guess(arguments, found))
        if found.broken or found.state_in_call:
            return made[-1]
    if not made:
        return refused[0]
    bound = find_bound_inputs(entry, partial(make, made[0].arguments))
    return Guess(made[0].arguments, bound) if bound else made[0]


def find_inputs(entry: Entry, make: Make, *, guessed: bool = False) -> Accepted | NoInput:
    """Try batches until a new instance accepts one, in training and in any number of rows; else the first accepted.

    Args:
        guessed: whether the arguments of instances are guesses, which may be why it fails.
    """
    errors: list[tuple[Inputs, BaseException]] = []
    second: Accepted | None = None
    for inputs in candidates(entry, make()):
        layer = make()
        try:
            layer(*inputs.arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # plugin code: SystemExit included
            errors.append((inputs, error))
            continue
        if entry.input_shapes or _accepts_all(make(), inputs):
            return Accepted(inputs, layer)
        second = second or Accepted(inputs, layer)
    return second or _no_input(entry, errors, guessed)


def call_on(inputs: Inputs, make: Make) -> Accepted | NoInput:
    """A new instance, built by a batch that it is known to be called on."""
    layer = make()
    try:
        layer(*inputs.arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # plugin code: SystemExit included
        shapes = " and ".join(shape_text((None, *tensor.shape[1:])) for tensor in inputs.tensors)
        in_call = bool(_STATE_IN_CALL.search(str(error)))
        failure = NoInput(
            f"called on {shapes}: {error_text(error)}.", "", state_in_call=in_call, broken=not in_call
        )
        failure.__cause__ = error
        return failure
    return Accepted(inputs, layer)


def find_bound_inputs(entry: Entry, make: Make) -> Accepted | None:
    """A batch for a layer that is made for one number of rows."""
    counts = likely_counts(entry, make())[:1]
    for rows, count, values, shape in itertools.product(
        ROWS, counts, NUMBERS, entry.input_shapes or USUAL_SHAPES
    ):
        layer = make()
        inputs = batch(layer, [shape] * count, [values] * count, rows)
        try:
            layer(*inputs.arguments)
        except KeyboardInterrupt:
            raise
        except BaseException:  # plugin code: SystemExit included
            continue
        return Accepted(inputs, layer)
    return None


def _accepts_all(layer: Any, inputs: Inputs) -> bool:
    """True if a layer takes other numbers of rows too, and the batch in training: then the batch is what it is for."""
    try:
        for arguments, training in ((inputs.of_batch(1), False), (inputs.of_batch(7), True)):
            layer(*arguments, training=training)
    except KeyboardInterrupt:
        raise
    except BaseException:  # plugin code: SystemExit included
        return False
    return True


def _no_input(entry: Entry, errors: list[tuple[Inputs, BaseException]], guessed: bool) -> NoInput:
    # A slip of the layer's own code is what is wrong, whatever else there is about other shapes.
    slip = next(
        (each for each in errors if isinstance(each[1], _SLIPS) or _of_the_layer(entry, each[1])), None
    )
    first_inputs, first = slip or errors[0]
    count = len(first_inputs.tensors)  # another number of them may fail otherwise
    different = {(type(error), error_text(error)) for inputs, error in errors if len(inputs.tensors) == count}
    declared = bool(entry.input_shapes)
    shapes = " and ".join(shape_text((None, *tensor.shape[1:])) for tensor in first_inputs.tensors)
    alike = len(different) == 1 and not isinstance(first, _PICKY)
    alike = slip is not None or (alike and not guessed)
    tried = "" if declared or alike else f" ({len(errors)} shapes and types were tried)"
    failure = NoInput(
        f"called on {shapes}: {error_text(first)}{tried}.",
        _hint(entry, declared, alike, guessed),
        state_in_call=any(_STATE_IN_CALL.search(str(error)) for _, error in errors),
        broken=declared or alike,
    )
    failure.__cause__ = first
    return failure


def _of_the_layer(entry: Entry, error: BaseException) -> bool:
    """True if the layer itself lacks an attribute that its code uses."""
    return isinstance(error, AttributeError) and f"'{entry.target.rpartition(':')[2]}' object" in str(error)


def _hint(entry: Entry, declared: bool, alike: bool, guessed: bool) -> str:
    if declared:
        return "The entry's input_shapes say that its example accepts it."
    if alike:
        return ""
    if not entry.distribution.endswith(".py"):
        return "Set in its entry the input shapes of its example: input_shapes=[[8]] for one input of (batch, 8)."
    shapes = f'KWB_INPUT_SHAPES = {{"{entry.name}": [[8]]}} for one input of (batch, 8)'
    arguments = (
        f'arguments that make sense with KWB_EXAMPLES = {{"{entry.name}": {{...}}}}, and ' if guessed else ""
    )
    return f"Say in its file {arguments}what it accepts with {shapes}; or check a recipe that uses it."
