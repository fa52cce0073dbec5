"""Run a search from the command line: its agent, Ctrl-C, and what is printed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from workbench.errors import ExitCode
from workbench.output import echo, echo_json
from workbench.process import stop_at_signals
from workbench.search import reporting
from workbench.search.agent import Agent
from workbench.search.opening import Opened, begin
from workbench.search.place import Place
from workbench.search.sampling import sampler_for
from workbench.search.space import Base
from workbench.search.state import SearchState, TrialState
from workbench.worker.starting import workers_for_this_machine


@dataclass(frozen=True)
class SearchReport:
    """What is printed of a search.

    Attributes:
        line: about a training that has ended; None for no line.
        lines: at the end. record: the same, as the last line of JSON.
    """

    line: Callable[[Base, SearchState, int, int], str | None]
    lines: Callable[[Base, SearchState], list[str]]
    record: Callable[[Base, SearchState], dict[str, Any]]


def run_search(
    opened: Opened,
    place: Place,
    workers: int = 0,
    *,
    as_json: bool = False,
    report: SearchReport | None = None,
    command: str = "",
) -> int:
    """Work on a search until it is done or interrupted, and give the exit code.

    Args:
        workers: trainings at once; 0 for as many as the machine can have.
        report: what is printed; by default a line for each trial, and a table.
        command: what goes on with it after an interruption; by default `kwb search NAME`.

    Raises:
        WorkbenchError: it cannot be worked on.
    """
    workers = workers or workers_for_this_machine()
    sampler = sampler_for(opened.base, workers=workers)
    begin(opened)
    report = report or SearchReport(
        reporting.line_of, partial(reporting.table, opened.name), reporting.summary_of
    )

    def on_change(state: SearchState, trial: int, repetition: int) -> None:
        if as_json:
            echo_json(reporting.record_of(opened.base, state, trial, repetition))
        elif (line := report.line(opened.base, state, trial, repetition)) is not None:
            echo(line)

    async def run() -> tuple[SearchState, list[int]]:
        agent = Agent(
            opened.base,
            opened.journal,
            sampler,
            place,
            workers=workers,
            on_change=on_change,
            on_message=lambda text: echo(text, err=True),
        )
        received = stop_at_signals(agent.stop, lambda text: echo(text, err=True))
        return await agent.run(), received

    if not as_json:
        echo(
            reporting.headline(opened.name, opened.base, opened.journal.state, sampler.trials, workers),
            err=True,
        )
    state, received = asyncio.run(run())
    if as_json:
        echo_json(report.record(opened.base, state))
    else:
        echo(*report.lines(opened.base, state))
        if not received and len(state.trials) < sampler.trials:
            echo(
                f"ended by its `limit`: {len(state.trials)} of {sampler.trials} trials. "
                f"`kwb search {opened.name} --set search.limit=null` goes on",
                err=True,
            )
    if received:
        command = command or f"`kwb {reporting.command_of(opened.base)} {opened.name}`"
        echo(f"interrupted: {command} (with its `--storage`, if it had one) goes on", err=True)
        return ExitCode.TERMINATED if signal.SIGTERM in received else ExitCode.INTERRUPTED
    nothing = all(trial.state is TrialState.FAILED for trial in state.trials)
    return ExitCode.FAILED if nothing else ExitCode.DONE
