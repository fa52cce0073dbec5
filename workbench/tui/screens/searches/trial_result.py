"""The result of a layer trial, as `kwb trial` prints it: a table, a chart with bands, and plain words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer, Vertical
from textual.widgets import Label, Static

from workbench.search.layer_trial import is_layer_trial, names_of_rivals
from workbench.search.matching import kept_sizes
from workbench.search.state import SearchState
from workbench.search.trial_report import chart_lines, compare_layers, layer_lines, sizes_in_words, verdict
from workbench.tui.chart.as_text import bands_as_text
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.widgets.dialogs import Dialog

LOOK_EVERY = 2.0  # seconds: trainings that end while the result is shown belong to it
_NARROWEST = 40


@dataclass(frozen=True)
class TrialResult:
    """The lines of a result: the table and the chart, which are as wide as they are, and sentences."""

    pictures: Sequence[str]
    words: Sequence[str]


def compares_layers(search: SearchSummary | None) -> bool:
    """True of a layer trial."""
    return search is not None and search.base is not None and is_layer_trial(search.base)


def result_of(search: SearchSummary, width: int) -> TrialResult:
    """The result as far as it has come. Reads the runs, so it is called in a thread."""
    base, sizes = search.base, kept_sizes(search.folder)
    assert base is not None
    state = SearchState(trials=list(search.trials))
    chart = partial(bands_as_text, width=max(width, _NARROWEST))
    pictures = [*layer_lines(base, state, sizes), *chart_lines(base, state, chart)]
    words = verdict(base, state, compare_layers(base, state))
    return TrialResult(pictures, [*([sizes_in_words(sizes)] if sizes is not None else []), *words])


def title_of(search: SearchSummary) -> str:
    """`Gate against Dense at model.sequential[0] of custom-stack`."""
    base = search.base
    assert base is not None
    first, second = names_of_rivals(base)
    return f"{first} against {second} at {next(iter(base.over))} of {base.document.recipe.name}"


class TrialResultDialog(Dialog[None]):
    """Shows a result, which grows while trainings go on. `y` copies it.

    Args:
        search: gives what is known of the trial now; None where it is gone.
    """

    DEFAULT_CSS = """
    TrialResultDialog {
        & > Vertical { width: 100; max-width: 100%; height: 95%; max-height: 100%; padding: 0 1; }
        #result { height: 1fr; margin-top: 1; }
        #pictures { width: auto; text-wrap: nowrap; }
        #words { width: 100%; height: auto; max-height: 40%; margin-top: 1; }
    }
    TrialResultDialog.-short > Vertical { height: 100%; }
    TrialResultDialog.-short #result { margin-top: 0; }
    TrialResultDialog.-short #words { margin-top: 0; }
    """
    BINDING_GROUP_TITLE = "Result"
    HELP = (
        "What a layer trial has shown so far: both layers with the same data, epochs and seeds. The interval is that "
        "of the mean difference (Student's t), p that of an exact paired test."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,r", "leave", "Close", id="trial-result.close", tooltip="Close the result"),
    ]

    def __init__(self, search: Callable[[], SearchSummary | None]) -> None:
        super().__init__()
        self._search = search
        self._shown = TrialResult((), ())

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("", classes="dialog-title", markup=False)
            with ScrollableContainer(id="result"):
                yield Static("Reading the runs ...", id="pictures", markup=False)
            yield Static(id="words", markup=False)

    def on_mount(self) -> None:
        self.query_one("#result").focus()
        self.set_interval(LOOK_EVERY, self._look)

    def on_resize(self) -> None:
        self._look()

    @work(exclusive=True)
    async def _look(self) -> None:
        if (search := self._search()) is None or not compares_layers(search):
            return
        width = self.query_one("#result").size.width - 2
        found = await asyncio.to_thread(result_of, search, width)
        if found != self._shown:
            self._shown = found
            self.query_one(Label).update(title_of(search))
            self.query_one("#pictures", Static).update("\n".join(found.pictures))
            self.query_one("#words", Static).update("\n".join(found.words))

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return "\n".join([*self._shown.pictures, "", *self._shown.words])
