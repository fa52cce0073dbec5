"""StatusPanel: the state of a training as text where numbers are not enough, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.errors import near
from workbench.events import loss_title
from workbench.tui.views import formatting
from workbench.tui.views.marks import DONE, FAILED, WARNING
from workbench.tui.views.training_view import Stage, TrainingView

Piece = Content | str | tuple[str, str]

_WAITING = {
    Stage.WARMING: "The training process is starting TensorFlow; this takes a few seconds, once.",
    Stage.ASSEMBLING: "Reading the data and assembling the model.",
    Stage.MEASURING: "Compiling the training step; the fastest engine is chosen on real steps.",
}


def described(view: TrainingView, *, recipe: str = "", mine: bool = True, folder: str = "") -> Content | None:
    """The words for a view; None while the panels say it all.

    Args:
        recipe: the name of the open recipe, that could be trained.
        mine: whether this app trains it, so that its keys steer it.
        folder: where the run is.
    """
    if view.stage is Stage.NOTHING:
        return _nothing(recipe)
    if view.stage is Stage.ASSEMBLING and not view.folder and view.messages:
        return Content.assemble(f"{view.stage.glyph} ", view.messages[-1].text)  # it waits for machines
    if view.stage in _WAITING:
        return Content.assemble(f"{view.stage.glyph} ", _WAITING[view.stage])
    if view.stage is Stage.PAUSED:
        how: list[Piece] = (
            [(" space", "bold"), " goes on, ", ("x", "bold"), " stops and saves."] if mine else []
        )
        return Content.assemble(
            (f"{view.stage.glyph} Paused", "bold $text-warning"), f" in {view.place}.", *how
        )
    if view.stage is Stage.STOPPING:
        return Content.assemble(
            (f"{view.stage.glyph} Stopping", "bold $text-warning"),
            " after this batch; then everything is saved.",
        )
    if view.stage is Stage.FINISHED:
        return _finished(view, folder)
    if view.stage in (Stage.FAILED, Stage.LOST):
        return _ended_badly(view, mine=mine, folder=folder)
    return None


def _nothing(recipe: str) -> Content:
    lines: list[Piece] = [("Nothing is being trained.\n\n", "bold")]
    if recipe:
        lines += ["Press ", ("t", "bold reverse"), f" to train {recipe}.\n"]
    else:
        lines += ["Choose a recipe first: ", ("1", "bold reverse"), " shows those that are there.\n"]
    lines += ["Runs of before, and those running elsewhere: ", ("5", "bold reverse"), "."]
    return Content.assemble(*lines)


def _finished(view: TrainingView, folder: str) -> Content:
    how = {"stopped": "Stopped", "interrupted": "Interrupted"}.get(view.status, "Done")
    head: Piece = (f"{DONE} {how}", "bold $text-success")
    if view.no_better:
        head = (f"{WARNING} Ended, but nothing was learned", "bold $text-warning")
    lines: list[Piece] = [
        head,
        f" after {formatting.counted(view.done, 'epoch')} in {formatting.duration(view.seconds)}.",
    ]
    if view.done < view.epochs and view.status == "done":
        lines.append(f" {view.reason or f'A callback ended it before epoch {view.epochs}'}.")
    if view.no_better:
        lines.append(f"\nNo better than a constant guess: {view.no_better}.")
        if view.likely_reason:
            lines += [("\nlikely reason  ", "dim"), f"{view.likely_reason}."]
    elif view.evaluation:
        scores = {loss_title(name, view.scaled_targets): value for name, value in view.evaluation.items()}
        lines += ["  On the test part: ", (formatting.logged(scores), "bold"), "."]
    if view.compared and not view.no_better:
        lines.append(f"\n{view.compared}.")
    lines.append("\n")
    if view.saved:
        inside = [saved for saved in view.saved if Path(saved.path).parent == Path(folder)]
        places = [saved.path for saved in view.saved if saved not in inside]
        if inside:
            places.append(f"{near(folder)}/")
        lines += [("saved ", "dim"), formatting.listed(places), ("  read back and verified", "dim")]
    elif folder:
        lines += [("run ", "dim"), near(folder)]
    if replaced := [saved for saved in view.saved if saved.replaced]:
        lines += [
            ("\nthe one before is ", "dim"),
            formatting.listed([near(saved.replaced) for saved in replaced]),
        ]
    if view.left:
        lines += [
            ("\nnot replaced  ", "dim"), formatting.listed(view.left), (" (see Output)  ", "dim"),
            ("k", "bold reverse"), " writes this run's model there all the same",
        ]  # fmt: skip
    return Content.assemble(*lines).rstrip()


def _ended_badly(view: TrainingView, *, mine: bool, folder: str) -> Content:
    error = view.error
    lost = view.stage is Stage.LOST
    head = "The training was cut off" if lost else "Training failed"
    if view.place:
        head += f" in {view.place}" if view.epoch else ""
    lines: list[Piece] = [(f"{FAILED} {head}.\n", "bold $text-error")]
    if error is not None:
        lines.append(f"{error.what}\n")
        if error.origin is not None:
            first, *source = error.origin.lines
            lines += [("code   ", "dim"), (f"{first}\n", "bold"), *(f"       {line}\n" for line in source)]
        if error.where:
            lines += [("where  ", "dim"), f"{error.where}\n"]
        if error.hint:
            lines += [("try    ", "dim"), f"{error.hint}\n"]
    if folder and (view.done or view.checkpoint):
        lines += [("kept   ", "dim"), f"{view.kept}, in {near(folder)}\n"]
    lines += _ways_out(view, mine=mine)
    if error is not None and error.log.strip():
        lines += [("\nthe last lines of its log\n", "dim"), error.log.rstrip()]
    return Content.assemble(*lines).rstrip()


def _ways_out(view: TrainingView, *, mine: bool) -> Sequence[Piece]:
    keys: list[Piece] = [("keys   ", "dim")]
    if view.checkpoint is not None:
        keys += [("u", "bold reverse"), " resume from the checkpoint   "]
    if mine:
        keys += [("t", "bold reverse"), " train from the start   "]
    if mine:
        keys += [("2", "bold reverse"), " the recipe   "]
    traced = view.error is not None and view.error.origin is not None
    keys += [("o", "bold reverse"), " the whole traceback\n" if traced else " messages and output\n"]
    return keys


class StatusPanel(VerticalScroll, can_focus=False):
    """Shows the text; uses no space if there is none."""

    DEFAULT_CSS = """
    StatusPanel {
        height: auto; max-height: 40%; padding: 0 1; margin: 0; scrollbar-size-vertical: 1;
        border-left: thick $primary;
        &.-warning { border-left: thick $warning; }
        &.-good { border-left: thick $success; }
        &.-bad { border-left: thick $error; max-height: 60%; }
        &.-alone { height: 1fr; max-height: 100%; border-left: none; align: center middle; }
        &.-alone > Static { width: auto; }
        & > Static { width: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said: Content | None = None

    def compose(self):  # type: ignore[no-untyped-def]
        yield Static(markup=False)

    def say(self, content: Content | None, stage: Stage) -> None:
        """Show the words for a stage."""
        if content == self._said and content is not None:
            return
        self._said = content
        self.display = content is not None
        self.set_class(stage is Stage.NOTHING, "-alone")
        self.set_class(stage is Stage.FINISHED, "-good")
        self.set_class(stage in (Stage.FAILED, Stage.LOST), "-bad")
        self.set_class(stage in (Stage.PAUSED, Stage.STOPPING), "-warning")
        if content is not None:
            self.query_one(Static).update(content)

    @property
    def text(self) -> str:
        """The message as plain text."""
        return self._said.plain if self._said is not None else ""
