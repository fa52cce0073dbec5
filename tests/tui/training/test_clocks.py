"""From the line of a step event to its dot: one parse of the line, and two timers that can hold it up."""

from __future__ import annotations

import asyncio
import json

from textual.message_pump import MessagePump

from tests.tui.conftest import settle, until
from workbench import events
from workbench.tui.chart.widget import Chart
from workbench.tui.context import TrainingState
from workbench.tui.messages import TrainingEvents, TrainingStarted
from workbench.tui.services.training import Training
from workbench.worker.client import Worker


async def test_a_step_is_parsed_once_and_waits_for_two_timers(open_app, tmp_path, monkeypatch) -> None:
    parsed: list[str] = []
    clocks: list[str] = []
    loads, set_timer = json.loads, MessagePump.set_timer

    def counted_loads(text, **arguments):
        parsed.append(text)
        return loads(text, **arguments)

    def counted_timer(node, delay, callback=None, **arguments):
        clocks.append(callback.__qualname__)
        return set_timer(node, delay, callback, **arguments)

    async with open_app(mode="train") as pilot:
        app, loop = pilot.app, asyncio.get_running_loop()
        call_at = loop.call_at

        def counted_call_at(when, callback, *arguments, **options):
            if getattr(callback, "__module__", "").startswith("workbench."):
                clocks.append(callback.__qualname__)
            return call_at(when, callback, *arguments, **options)

        training = Training(
            "steps",
            on_events=lambda training, batch: app.share(TrainingEvents(training, batch)),
            on_change=lambda training: None,
        )
        training.change(TrainingState.RUNNING)
        worker = Worker(None, tmp_path / "log", lambda event, moment, run: training.take(event, moment))
        app.share(TrainingStarted(training))
        await until(lambda: app.screen.source.training is training)

        def series():
            panels = app.screen.record.curves.panels
            return panels["loss"].series["batches"] if "loss" in panels else ()

        def step(number: int) -> str:
            return events.to_json(events.Step(1, number, 100, {"loss": 1.0 / number}, 50.0), "steps")

        async def until_drawn(count: int) -> None:
            await until(lambda: len(series()) and series().last == 1.0 / count)
            await until(lambda: not app.screen._frame_pending and drawn)

        drawn: list[Chart] = []
        draw = Chart._draw
        monkeypatch.setattr(Chart, "_draw", lambda chart, *size: drawn.append(chart) or draw(chart, *size))
        worker._take(step(1))
        await until_drawn(1)
        await settle(pilot)

        monkeypatch.setattr(json, "loads", counted_loads)
        monkeypatch.setattr(MessagePump, "set_timer", counted_timer)
        monkeypatch.setattr(loop, "call_at", counted_call_at)
        for number in range(2, 6):
            drawn.clear()
            line = step(number)
            worker._take(line)
            await until_drawn(number)
            assert parsed == [line]
            assert len(clocks) == len(set(clocks))
            assert set(clocks) <= {"Training.flush", "TrainScreen._frame"}
            assert "Training.flush" in clocks
            parsed.clear()
            clocks.clear()
        monkeypatch.undo()
