"""Show a running training without the app: as JSON lines, plain lines, or a progress bar."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from workbench import events
from workbench.devices.run_devices import devices_text, unused_notes
from workbench.escaping import escape, escape_line
from workbench.sentence import short_path

NO_LIMIT = 10_000  # columns


class Reporter(Protocol):
    """Shows events."""

    def __enter__(self) -> Reporter: ...
    def __exit__(self, *_: object) -> None: ...
    def take(self, event: events.Event, line: str) -> None:
        """Show one event; `line` is it as a line of the stream."""

    def say(self, text: str) -> None:
        """Show words that are no event."""


class Lasting:
    """A stream whose other end may go away, as the terminal of a job which was disowned, or `head`: what is written
    then is lost, and the training goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _reader_may_be_gone():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with _reader_may_be_gone():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _reader_may_be_gone() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EPIPE):
            raise


class EscapingConsole(Console):
    """A console that escapes control characters and invisible characters in all that is printed."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escape(segment.text), segment.style)


def for_stream(stream: TextIO) -> Reporter:
    """A progress bar where `stream` is a terminal, plain lines elsewhere (a log file, CI)."""
    console = EscapingConsole(file=cast("TextIO", Lasting(stream)), highlight=False)
    if console.is_terminal:
        return OnTerminal(console)
    console.width = NO_LIMIT  # a file has no edge at which a table's cells would have to be cut
    return PlainLines(console)


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
        self.print(_text(text, "dim"))

    def print(self, what: Any) -> None:
        """Print on the console. Text from elsewhere comes as `Text`, so that it is never read as markup."""
        self.console.print(what, soft_wrap=isinstance(what, Text))

    def print_epoch(self, event: events.Epoch) -> None:
        """One line for an epoch, of any length: a reader of a log file wants all of it."""
        self.print(_text(_epoch_line(event)))

    def take(self, event: events.Event, line: str) -> None:
        match event:
            case events.RunStarted():
                self.say(f"run {event.folder}")
                if event.resumed_from:
                    self.say(f"resumed from {event.resumed_from}")
                if devices := devices_text(event.environment):
                    self.say(devices)
                for level, text in unused_notes(event.environment):
                    self._print_message(level, text)
            case events.Assembled():
                self._scaled = event.scaled_targets
                self.print(_model_table(event))
            case events.EngineChosen():
                self.say(
                    f"engine {event.engine}: {event.reason}" if event.reason else f"engine {event.engine}"
                )
            case events.Epoch():
                self.print_epoch(event)
            case events.Message():
                self._print_message(event.level, event.text)
            case events.Processes():
                self._see_processes(event)
            case events.Saved():
                self.print(_text(f"saved {event.path}  (read back and verified)"))
            case events.Finished():
                self.print(_text(_finished_line(event), "bold"))
                if self._processes is not None:
                    self.say(_processes_line(self._processes))
                if event.evaluation:
                    self.print(_evaluation_table(event.evaluation, self._scaled, event.baselines))
                if event.compared and not event.no_better:
                    self.print(_text(event.compared))
                if event.likely_reason:
                    self.print(_text(f"likely reason: {event.likely_reason}", "yellow"))

    def _print_message(self, level: str, text: str) -> None:
        style = {"warning": "yellow", "error": "red"}.get(level, "dim")
        prefix = "" if level == "info" else f"{level}: "
        self.print(Text(escape(f"{prefix}{text}"), style=style))

    def _see_processes(self, event: events.Processes) -> None:
        """Say only what is new; how they did is said at the end."""
        before = self._processes.straggler if self._processes is not None else 0
        self._processes = event
        if event.straggler and event.straggler != before:
            which = f"process {event.straggler} of {event.count}"
            self._print_message("warning", f"{which} is slower than the others, which wait for it")

    _scaled: Sequence[str] = ()
    _processes: events.Processes | None = None


class OnTerminal(PlainLines):
    """A progress bar for the epochs with the current numbers; separate lines for what is worth keeping."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=16),
            TextColumn(
                "{task.fields[numbers]}",
                markup=False,  # names of metrics and files stand in it
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
        )
        self._task: TaskID | None = None
        self._shown_epochs = 0

    def __enter__(self) -> Reporter:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def print_epoch(self, event: events.Epoch) -> None:
        """About ten lines for a whole run, each cut to the terminal's width."""
        every = max(1, event.epochs // 10)
        if event.epoch == event.epochs or event.epoch % every == 0:
            self.console.print(_text(_epoch_line(event)), no_wrap=True, overflow="ellipsis")
            self._shown_epochs = event.epoch

    def take(self, event: events.Event, line: str) -> None:
        match event:
            case events.RunStarted(recipe=recipe):
                epochs = int(recipe.get("train", {}).get("epochs", 0)) or None
                self._task = self._progress.add_task("reading data", total=epochs, numbers="")
            case events.Step():
                done = event.epoch - 1 + event.step / max(event.steps, 1)
                self._update(done, f"epoch {event.epoch}", self._current(event))
            case events.Epoch():
                self._last = event
                self._update(event.epoch, f"epoch {event.epoch}/{event.epochs}", self._current(event))
            case events.Saved():
                self._update(None, "saving", event.path)
            case events.Finished():
                self._progress.stop()
                if self._last is not None and self._last.epoch != self._shown_epochs:
                    self.console.print(_text(_epoch_line(self._last)), no_wrap=True, overflow="ellipsis")
        super().take(event, line)

    _last: events.Epoch | None = None

    def _current(self, event: events.Step | events.Epoch) -> str:
        """What fits of it is shown: first what every training has."""
        found = self._processes
        if found is None:
            return f"{event.steps_per_second:,.0f} steps/s  {_numbers(event.logs)}"
        share = f"{100 * found.adding_up:.0f} % adding up"
        speed = f"{found.rows_per_second:,.0f} rows/s"
        return f"{speed}  {_numbers(event.logs)}  {found.count} processes, {share}"

    def _update(self, completed: float | None, description: str, numbers: str) -> None:
        if self._task is not None:
            shown = escape_line(numbers)
            self._progress.update(self._task, completed=completed, description=description, numbers=shown)


def _text(line: str, style: str = "") -> Text:
    """One line, never read as markup."""
    return Text(escape_line(line), style=style)


def _model_table(event: events.Assembled) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, justify in (("layer", "left"), ("class", "left"), ("plugin", "left"), ("output", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("parameters", justify="right")
    for row in event.layers:
        path = str(row["path"])
        depth = sum(path.startswith(f"{other['path']}/") for other in event.layers)
        name = "  " * depth + short_path(path)
        cells = (
            name,
            str(row["class"]),
            str(row["plugin"]),
            _shape(row["output_shape"]),
            f"{row['parameters']:,}",
        )
        table.add_row(*map(_text, cells))
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
    """The loss first, then those of outputs: they are what every model has."""
    ordered = sorted(logs, key=lambda name: (name not in ("loss", "val_loss"), not name.endswith("loss")))
    return "  ".join(f"{name} {_number(logs[name], 4)}" for name in ordered)


def _number(value: float, digits: int) -> str:
    """A number as people write it: 93,960 rather than 9.396e+04."""
    return f"{value:,.0f}" if 10.0**digits <= abs(value) < 1e12 else f"{value:.{digits}g}"


def _epoch_line(event: events.Epoch) -> str:
    width = len(str(event.epochs))
    return f"epoch {event.epoch:>{width}}/{event.epochs}  {_numbers(event.logs)}  ({event.seconds:.2f} s)"


def _finished_line(event: events.Finished) -> str:
    reason = f" ({event.reason})" if event.reason else ""
    if event.no_better:
        return f"ended in {event.seconds:.1f} s{reason}, but nothing was learned: {event.no_better}"
    return f"{event.status} in {event.seconds:.1f} s{reason}"


def _processes_line(event: events.Processes) -> str:
    """How several processes did, in the end."""
    gigabytes = event.memory_of_all / 1e9
    parts = [
        f"{event.count} processes: {event.rows_per_second:,.0f} rows/s",
        f"{100 * event.adding_up:.0f} % of the time for adding up gradients",
        *([f"{event.speed_up:.2g} times as fast as one such process"] if event.speed_up else []),
        *([f"process {event.straggler} was slower than the others"] if event.straggler else []),
        f"{gigabytes:.1f} GB of memory in all",
    ]
    return ", ".join(parts)


def _evaluation_table(
    evaluation: Mapping[str, float], scaled: Sequence[str], baselines: Mapping[str, Any]
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("on the test part")
    table.add_column("", justify="right")
    beside = {
        which: found
        for which in ("guess", "linear")
        if (found := {name: events.baseline_value(baselines, name, which) for name in evaluation})
        and any(value is not None for value in found.values())
    }
    records = [record for record in baselines.values() if isinstance(record, Mapping)]
    naive = any("naive" in record for record in records)  # the best guess may be the last value
    titles = {"guess": "the best guess" if naive else "a constant guess", "linear": "a linear model"}
    for which in beside:
        table.add_column(titles[which], justify="right")
    for name, value in evaluation.items():
        values = [value, *(found[name] for found in beside.values())]
        shown = (Text("" if each is None else _number(each, 5)) for each in values)
        table.add_row(_text(events.loss_title(name, scaled)), *shown)
    return table
