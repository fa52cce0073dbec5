"""TrainingRecord: everything the panels show of one training, fed with its events."""

from __future__ import annotations

from workbench import events
from workbench.tui.views.curves import Curves
from workbench.tui.views.distributions import Distributions
from workbench.tui.views.epoch_rows import EpochRows
from workbench.tui.views.renamed_layers import renaming
from workbench.tui.views.training_view import TrainingView


class TrainingRecord:
    """The view of a training with its curves, epochs and histograms. Adding an event costs a few microseconds.

    Attributes:
        revision: counts what changed, so that a panel knows whether it is behind.
    """

    def __init__(self, view: TrainingView | None = None) -> None:
        self.view = view or TrainingView()
        self.curves = Curves()
        self.epochs = EpochRows()
        self.distributions = Distributions()
        self.revision = 0

    def take(self, event: events.Event, moment: float) -> None:
        self.revision += 1
        if isinstance(event, events.Assembled) and (rename := renaming(self.view.layers, event.layers)):
            self.curves.rename_layers(rename)
            self.distributions.rename_layers(rename)
        self.curves.take(event)
        if isinstance(event, events.Epoch):
            self.epochs.take(event)
        elif isinstance(event, events.Internals):
            self.distributions.take(float(event.epoch), event.histograms)
        self.view = self.view.take(event, moment)

    def become(self, view: TrainingView) -> None:
        """Take another view: what is known of a training, and not from its events."""
        if view is not self.view:
            self.view = view
            self.revision += 1
