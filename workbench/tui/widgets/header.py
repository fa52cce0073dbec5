"""The line on top of every screen: the modes, the open recipe, the state of the worker and the training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual import events
from textual.content import Content
from textual.widget import Widget

from workbench.tui.context import kwb
from workbench.tui.views import marks
from workbench.tui.views.fitting import fit, printable

MODE_NAMES = {
    "recipes": "Recipes",
    "assemble": "Assemble",
    "data": "Data",
    "train": "Train",
    "runs": "Runs",
    "saved": "Saved",
    "searches": "Searches",
    "check": "Check",
}
_ONCE_USED = ("check",)  # they take the room of the recipe's name only when they have something to show
_SHORTENED = ("check", "searches")  # in this order they lose their labels to the recipe's name
_TRAINING = {"running": "training", "finished": "trained"}  # what is said instead of the state's own word


_LAYOUTS = (
    # with `kwb`, blanks between modes, whether the recipe's name must have room, modes without a label
    (True, 2, True, 0),
    (True, 1, True, 0),
    (False, 1, True, 0),
    (False, 1, True, 1),
    (False, 1, False, 0),
    (None, 1, False, 0),
)
_LEAST_NAME = 8  # cells; less of a recipe's name says nothing
_MOST_NAME = 20  # cells of the name of another recipe that is trained

Piece = tuple[str, str]
Stop = tuple[int, int, str]


class KwbHeader(Widget):
    """One line; the app refreshes it when something that it shows changes. A click on a mode goes there."""

    DEFAULT_CSS = """
    KwbHeader {
        dock: top;
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def render(self) -> Content:
        width, mode = self.size.width, kwb(self).current_mode
        least = min(text.cell_length for text in self._right(width))
        # A part of the recipe's name says more than the program's, and than the labels of the last modes.
        name = _LEAST_NAME + 4 if kwb(self).editor is not None else 0
        for named, air, wanted, without in _LAYOUTS:
            left, self._stops = _left(mode, named, air, self._listed(mode, without))
            if left.cell_length + least + (name if wanted else 0) <= width:
                break
        room = width - left.cell_length
        right = next((text for text in self._right(room) if text.cell_length <= room), Content(""))
        return Content.assemble(left, " " * (room - right.cell_length), right)

    def _listed(self, mode: str, without: int) -> Mapping[str, tuple[int, str]]:
        """The modes that are listed: by name, each with its number and its label.

        Args:
            mode: the one shown.
            without: how many modes have no label. The one shown always has it.
        """
        used = kwb(self).check_target is not None
        short = [name for name in _SHORTENED if name != mode and (used or name not in _ONCE_USED)][:without]
        return {
            name: (number, "" if name in short else label)
            for number, (name, label) in enumerate(MODE_NAMES.items(), 1)
            if name not in _ONCE_USED or name == mode or used
        }

    def _right(self, room: int) -> Iterable[Content]:
        """The texts for the right side, the longest first; the shortest has only what is most needed."""
        app = kwb(self)
        training = self._training()
        state = app.worker_state
        style = "$text-error" if state == "dead" else "dim"
        opening = f"opening {printable(str(app.recipe_to_open))}" if app.recipe_to_open is not None else ""
        text = ", ".join(filter(None, (opening, printable(app.plugins.status_text)))) or f"worker {state}"
        mark, worker = (marks.WORKERS[state], style), (f"{marks.WORKERS[state]} {text}", style)
        more = f"+{app.queue_length}" if app.queue_length else ""
        short = (training[0].partition(" ")[0] + more, training[1]) if training else None
        if app.editor is not None:
            name, star = printable(app.editor.name), " *" if app.editor.dirty else ""
            yield _spaced(training, (f"{name}{star}", "bold"), worker)
            yield _spaced(training, (f"{name}{star}", "bold"), mark)
            left = room - _spaced(training, mark).cell_length - 2 - len(star)
            if left >= _LEAST_NAME:
                yield _spaced(training, (fit(name, left) + star, "bold"), mark)
            if star:
                yield _spaced(training, ("*", "bold"), mark)
        yield _spaced(training, worker)
        yield _spaced(training, mark)
        yield _spaced(short, mark)

    def _training(self) -> Piece | None:
        """The state of the training, and how many others run or wait (`+2`). Of another recipe than the open one it has
        the name, and only while it runs."""
        app, training = kwb(self), kwb(self).training
        more = app.queue_length
        # A run that goes on has the name in its recipe, whatever the recipe's file is called.
        own = (app.editor.name, app.editor.run_name) if app.editor is not None else ()
        other = training is not None and bool(own) and training.name not in own
        if training is None or (other and not training.state.live):
            return (f"{marks.OFF} {more} waiting", "dim") if more else None
        if training.no_better:
            words, style = f"{marks.WARNING} {marks.NOT_LEARNED}", "$text-warning"
        else:
            state = training.state
            name = f" {fit(printable(training.name), _MOST_NAME)}" if other else ""
            words = f"{marks.TRAININGS[state]} {_TRAINING.get(state, state)}{name}"
            style = "$text-error" if state == "failed" else "$text-success"
        return words + (f" +{more}" if more else ""), style

    def on_click(self, event: events.Click) -> None:
        for start, stop, mode in self._stops:
            if start <= event.x < stop:
                kwb(self).go(mode)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say in words what is under the pointer: where there is little room, a mark stands for it."""
        under = next((mode for start, stop, mode in self._stops if start <= event.x < stop), None)
        self.tooltip = f"Go to {MODE_NAMES[under]}" if under else self._in_words()

    def _in_words(self) -> str:
        app = kwb(self)
        lines = [f"Worker (the process that holds Keras): {app.worker_state}"]
        if app.editor is not None:
            lines.insert(
                0, f"Recipe: {printable(app.editor.name)}{', not saved' if app.editor.dirty else ''}"
            )
        if app.queue_length:
            lines.insert(0, f"Queue: {app.queue_length} more are trained or wait (Q shows them)")
        if app.training is not None:
            lines.insert(0, f"Training: {printable(app.training.name)}, {app.training.state}")
        return "\n".join(lines)


def _left(
    mode: str, named: bool | None, air: int, listed: Mapping[str, tuple[int, str]]
) -> tuple[Content, list[Stop]]:
    """The modes, and where each can be clicked.

    Args:
        mode: the one shown.
        named: with `kwb` before them; None: only their numbers.
        air: blanks between two modes.
        listed: the modes, each with its number and its label.
    """
    parts: list[Piece] = [(" kwb ", "bold $primary")] if named or named is None else []
    stops: list[Stop] = []
    at = 5 if parts else 0
    for name, (number, label) in listed.items():
        here = name == mode
        # With one blank between two, the mode that is shown covers the blanks on both sides of it.
        text = f"{number} {label}" if label and (named is not None or here) else f"{number}"
        before = " " if air == 2 or number == 1 else ""
        text = f"{before}{text} "
        if here and not before:
            last, style = parts[-1]
            parts[-1] = last[:-1], style
            text = f" {text}"
            at -= 1
        parts.append((text, "reverse bold" if here else "dim"))
        stops.append((at, at + len(text), name))
        at += len(text)
    return Content.assemble(*parts), stops


def _spaced(*pieces: Piece | None) -> Content:
    """Pieces with two blanks between them, and one at either end."""
    shown = [piece for piece in pieces if piece is not None]
    return Content.assemble(" ", *(part for piece in shown for part in (piece, "  "))).rstrip() + " "
