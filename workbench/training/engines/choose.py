"""Choose a program: the one asked for, or the fastest measured on real steps of this model.

Measuring must never cost more than it saves. Every program but `plain` is made of one trace of the step, which stock
Keras needs as well, so `chunk` costs nothing extra. XLA is tried where the time it can save outweighs compiling, and
dropped after a few steps where it is slow. What measuring changes (weights, optimizer, metrics, seeds) is put back, so
that training ends with the same bits as if the engine had been named in the first place.

A choice is kept (`choices`), and the next training of the same step uses it without measuring.

No choice changes what a training learns. `plain`, `steps` and `chunk` run the same operations and end with the same
bits. XLA adds in another order, which is all that it may do: one whose numbers are others is not chosen, nor is
it for a model that draws random numbers, which XLA's generators draw differently.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from workbench.events import EngineChosen
from workbench.training.engines import operations
from workbench.training.engines.agreement import Agreement
from workbench.training.engines.builder import Builder
from workbench.training.engines.choices import Choices, Kept, fingerprint, longer
from workbench.training.engines.hand_over import Compiling, HandOver
from workbench.training.engines.measuring import Beginning, Choice, Measuring, first_line, listed, preserved
from workbench.training.engines.plans import EnginePlan, parse_plan
from workbench.training.engines.programs import Program

TINY_RUN = 64  # steps: less than any measuring

Report = Callable[[EngineChosen], None]


def choose(
    builder: Builder,
    wanted: str,
    beginning: Beginning,
    reason: str = "",
    choices: Choices | None = None,
    report: Report | None = None,
) -> Choice:
    """The program to train with.

    Args:
        wanted: an engine's name, "auto", or "measure": as "auto", whatever was chosen before; or a plan (see `plans`).
        beginning: where training begins.
        reason: what has been decided before, to be reported with the choice.
        choices: where choices are kept; None keeps none.
        report: called with the choice that is made while it trains, where one is left for then; without it none is.
    """
    program, chosen = _choose(builder, parse_plan(wanted), beginning, choices, report)
    reason = "; ".join(filter(None, (reason, chosen.reason)))
    return program, replace(chosen, reason=reason, timing=builder.timing.as_record())


def _choose(
    builder: Builder, plan: EnginePlan, beginning: Beginning, choices: Choices | None, report: Report | None
) -> Choice:
    wanted, steps_left = plan.engine, beginning.steps_left
    if wanted == "plain":
        return _plain(builder, "asked for")
    if obstacle := builder.obstacle():
        return _plain(builder, obstacle)
    if wanted not in ("auto", "measure"):
        return _planned(builder, plan, beginning, report)
    if steps_left <= TINY_RUN and not plan.at:
        return _plain(builder, f"{steps_left} steps are too few to gain anything")
    try:
        return _measured(builder, plan, beginning, choices, report)
    except Exception as error:  # the model's own code ran: anything may have been raised
        return _plain(builder, f"the training step cannot be compiled: {first_line(error)}")


def _measured(
    builder: Builder, plan: EnginePlan, beginning: Beginning, choices: Choices | None, report: Report | None
) -> Choice:
    """The choice kept for this step; where there is none that serves, one that is measured now or later, and kept."""
    again, steps_left = plan.engine == "measure", beginning.steps_left
    key, kept, shorter = fingerprint(builder) if choices else "", None, None
    while choices and not again and (kept := choices.get(key)) is not None and not kept.holds(steps_left):
        shorter, key = kept, longer(key)  # which keeps what it has: its numbers stay the same as well
    if kept is not None:
        with suppress(Exception):  # what could be compiled then may not be now: measured again
            return _kept_choice(builder, kept, beginning, report)
    unusable = kept is not None

    def settle(chosen: EngineChosen, steps: int, *, xla_settled: bool) -> EngineChosen:
        """Keep what was measured, unless another kwb has measured meanwhile: then that counts."""
        if choices is None or not chosen.candidates:
            return chosen
        other = None if again or unusable else choices.get(key)
        if other is not None:
            return _as_kept(other)
        at = parse_plan(chosen.plan).at if chosen.engine == "chunk-xla" else 0
        choices.keep(key, Kept(chosen.engine, chosen.candidates, steps, xla_settled, chosen.differs, at))
        if shorter is not None and "chunk-xla" in (shorter.engine, chosen.engine):
            note = f"far longer than what {shorter.engine} was chosen for on {shorter.day}"
            chosen = replace(chosen, reason=f"{chosen.reason}; {note}: the last digits may be others")
        return chosen

    measuring = Measuring(builder, beginning, xla=shorter is None or not shorter.xla_settled)
    if report is not None and not again and (at := measuring.begin(plan.at)):
        return _handing_over(builder, measuring, at, settle, report, fixed=plan.at > 0)
    program, chosen = measuring.fastest()
    settled = settle(chosen, steps_left, xla_settled=measuring.xla_settled)
    if settled.engine != chosen.engine:
        return _kept_choice(builder, choices.get(key), beginning, report)  # type: ignore[union-attr, arg-type]
    return program, settled


def _handing_over(
    builder: Builder,
    measuring: Measuring,
    at: int,
    settle: Callable[..., EngineChosen],
    report: Report,
    *,
    fixed: bool,
) -> Choice:
    """Train with `chunk` while XLA compiles; which goes on is measured at step `at`.

    Args:
        fixed: the step stays; else it may come later, where compiling takes longer than was expected.
    """
    compiling = Compiling(builder)

    def planned(at: int, still: str = "") -> EngineChosen:
        reason = f"XLA {still or 'compiles meanwhile'}; which engine is faster is measured at step {at}"
        return EngineChosen("chunk", measuring.speeds, reason, plan=str(EnginePlan("auto", at)))

    def postpone(before: int) -> int:
        if (later := measuring.later(before)) > before:
            report(planned(later, "is still compiling"))
        return later

    def choose_now(epoch: int, step: int) -> Program:
        at = epoch * builder.source.steps + step
        program, chosen = measuring.fastest_now(epoch, step, compiling)
        chosen = replace(chosen, plan=str(EnginePlan("chunk-xla", at)))
        settled = settle(chosen, measuring.steps, xla_settled=True)
        if settled.engine != chosen.engine:
            try:
                program = builder.build(settled.engine)  # type: ignore[arg-type]
            except Exception:
                settled = chosen
        # The step is that of this training, whatever that of another was.
        report(replace(settled, plan=chosen.plan if settled.engine == "chunk-xla" else ""))
        return program

    program = HandOver(builder, at, compiling, choose_now, None if fixed else postpone)
    return program, planned(at)


def _as_kept(kept: Kept) -> EngineChosen:
    return EngineChosen(kept.engine, kept.speeds, f"as measured on {kept.day}", kept.differs)


def _kept_choice(builder: Builder, kept: Kept, beginning: Beginning, report: Report | None) -> Choice:
    at = kept.at if kept.engine == "chunk-xla" and report is not None else 0
    return _planned(builder, EnginePlan(kept.engine, at), beginning, report, _as_kept(kept))


def _planned(
    builder: Builder,
    plan: EnginePlan,
    beginning: Beginning,
    report: Report | None,
    chosen: EngineChosen | None = None,
) -> Choice:
    """A named engine, from its step on.

    Args:
        chosen: the choice that it is of; None where it was asked for.
    """
    begins = beginning.epoch * builder.source.steps + beginning.step
    shown = str(plan) if plan.at else ""
    if begins >= plan.at or report is None:
        if chosen is not None:
            return builder.build(plan.engine), replace(chosen, plan=shown)  # type: ignore[arg-type]
        program, found = _named(builder, plan.engine, beginning.epoch, beginning.step)
        return program, replace(found, plan=shown if found.engine == plan.engine else "")
    found = chosen or EngineChosen(plan.engine, {}, "asked for")
    compiling = Compiling(builder, begins=begins + beginning.steps_left > plan.at)

    def hand_over(epoch: int, step: int) -> Program:
        try:
            program, now = compiling.program(), replace(found, plan=shown)
        except Exception as error:  # the training itself is sound
            program = builder.build("chunk")
            now = EngineChosen("chunk", {}, f"{plan.engine} cannot compile this model: {first_line(error)}")
        report(now)
        return program

    reason = f"{found.reason}; {plan.engine} takes over at step {plan.at}"
    begun = replace(found, engine="chunk", reason=reason, plan=shown)
    return HandOver(builder, plan.at, compiling, hand_over), begun


def _plain(builder: Builder, reason: str) -> Choice:
    return builder.build("plain"), EngineChosen("plain", {}, reason)


def _named(builder: Builder, wanted: str, epoch: int, step: int) -> Choice:
    program, chosen = _fallback(builder, wanted, "asked for")
    if chosen.engine == "chunk-xla" and (difference := _difference(builder, program, epoch, step)):
        chosen = replace(chosen, differs={"chunk-xla": difference})
    return program, chosen


def without_difference(builder: Builder, epoch: int = 0) -> Choice:
    """`chunk-xla` where its numbers are those of plain Keras, else `chunk`."""
    program, chosen = _named(builder, "chunk-xla", epoch, 0)
    if not chosen.differs:
        return program, chosen
    return builder.build("chunk"), replace(chosen, engine="chunk")


def _difference(builder: Builder, program: Program, epoch: int, step: int) -> str:
    """How a program compiled by XLA differs from plain Keras, in words; empty where it does not, as far as is known."""
    random = operations.random(builder.operations)
    if operations.unrepeatable(builder.operations):
        return f"XLA draws other random numbers ({listed(random)})" if random else ""
    reference = builder.build("chunk")
    with preserved(builder.traced.variables) as restore:
        agreement = Agreement(builder.model, reference, restore, epoch, builder.source.at_hand(epoch, step))
        difference = agreement.difference(program)
    if difference and random:
        return f"{difference}; XLA draws other random numbers ({listed(random)})"
    return difference


def _fallback(builder: Builder, name: str, reason: str) -> Choice:
    """The named program; where it cannot be compiled, plain, which then also gives the clearest error of the model
    itself."""
    try:
        program = builder.build(name)  # type: ignore[arg-type]
    except Exception as error:
        return _plain(builder, f"{name} cannot compile this model: {first_line(error)}")
    return program, EngineChosen(program.name, {}, reason)
