"""How a running training is shown without the terminal app: JSON lines, plain lines, or a progress bar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from workbench import events


class Reporter(Protocol):
    """Takes events and shows them."""

    def __enter__(self) -> Reporter: ...
    def __exit__(self, *_: object) -> None: ...
    def take(self, event: events.Event, line: str) -> None:
        """Show one event; `line` is it as a line of the stream."""

    def say(self, text: str) -> None:
        """Show words that are no event."""


def for_stream(stream: TextIO) -> Reporter:
    """A progress bar where `stream` is a terminal, plain lines elsewhere (a log file, CI)."""
    console = Console(file=stream, highlight=False)
    return OnTerminal(console) if console.is_terminal else PlainLines(console)


class JsonLines:
    """The event stream itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def take(self, event: events.Event, line: str) -> None:
        self._stream.write(f"{line}\n")

    def say(self, text: str) -> None:
        """Nothing: only events belong in the stream."""


class PlainLines:
    """One line an epoch, and a summary."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        self.print(Text(text, style="dim"))

    def print(self, what: Any) -> None:
        """Print on the console. Text from elsewhere comes as `Text`, so that it is never read as markup."""
        self.console.print(what, soft_wrap=isinstance(what, Text))

    def take(self, event: events.Event, line: str) -> None:
        match event:
            case events.RunStarted():
                self.say(f"run {event.folder}")
            case events.Assembled():
                self.print(_model_table(event))
            case events.EngineChosen():
                self.say(
                    f"engine {event.engine}: {event.reason}" if event.reason else f"engine {event.engine}"
                )
            case events.Epoch():
                self.print(Text(_epoch_line(event)))
            case events.Message():
                style = {"warning": "yellow", "error": "red"}.get(event.level, "dim")
                prefix = "" if event.level == "info" else f"{event.level}: "
                self.print(Text(f"{prefix}{event.text}", style=style))
            case events.Saved():
                self.print(Text(f"saved {event.path}  (read back and verified)"))
            case events.Finished():
                self.print(Text(_finished_line(event), style="bold"))
                if event.evaluation:
                    self.print(_evaluation_table(event.evaluation))


class OnTerminal(PlainLines):
    """A bar for the epochs, the current numbers beside it; lines only for what stays worth reading."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Reporter:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def take(self, event: events.Event, line: str) -> None:
        match event:
            case events.Step():
                task = self._task if self._task is not None else self._begin(event.epoch, 0)
                done = event.epoch - 1 + event.step / max(event.steps, 1)
                speed = f"{event.steps_per_second:,.0f} steps/s"
                self._progress.update(task, completed=done, numbers=f"{_numbers(event.logs)}  {speed}")
            case events.Epoch():
                task = self._task if self._task is not None else self._begin(event.epoch, event.epochs)
                self._progress.update(
                    task,
                    completed=event.epoch,
                    total=event.epochs,
                    description=f"epoch {event.epoch}/{event.epochs}",
                    numbers=_numbers(event.logs),
                )
                if event.epoch == event.epochs or event.epoch % max(1, event.epochs // 10) == 0:
                    super().take(event, line)
            case events.Finished():
                self._progress.stop()
                super().take(event, line)
            case _:
                super().take(event, line)

    def _begin(self, epoch: int, epochs: int) -> TaskID:
        self._task = self._progress.add_task(f"epoch {epoch}", total=epochs or None, numbers="")
        return self._task


def _model_table(event: events.Assembled) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, justify in (("layer", "left"), ("class", "left"), ("plugin", "left"), ("output", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("parameters", justify="right")
    for row in event.layers:
        depth = str(row["path"]).count("/")
        name = "  " * depth + str(row["path"]).rpartition("/")[2]
        cells = (
            name,
            str(row["class"]),
            str(row["plugin"]),
            _shape(row["output_shape"]),
            f"{row['parameters']:,}",
        )
        table.add_row(*map(Text, cells))
    fixed = event.parameters - event.trainable_parameters
    total = f"{event.parameters:,}" + (f" ({fixed:,} fixed)" if fixed else "")
    table.add_row("", "", "", Text("in all", style="dim"), Text(total))
    return table


def _shape(shape: Any) -> str:
    if not shape:
        return ""
    if isinstance(shape[0], list | tuple):
        return ", ".join(map(_shape, shape))
    return json.dumps(list(shape)[1:])


def _numbers(logs: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in logs.items())


def _epoch_line(event: events.Epoch) -> str:
    width = len(str(event.epochs))
    return f"epoch {event.epoch:>{width}}/{event.epochs}  {_numbers(event.logs)}  ({event.seconds:.2f} s)"


def _finished_line(event: events.Finished) -> str:
    return f"{event.status} in {event.seconds:.1f} s"


def _evaluation_table(evaluation: Mapping[str, float]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("on the test part")
    table.add_column("", justify="right")
    for name, value in evaluation.items():
        table.add_row(Text(name), Text(f"{value:.5g}"))
    return table
