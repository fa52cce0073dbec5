"""Ask for a layer trial: which layer to compare with the one of a recipe's line, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Button, Input, Label, Static

from workbench.search.matching import MATCHES
from workbench.search.paired import least_pairs
from workbench.tui.forms.field_row import FieldRow
from workbench.tui.forms.fields import UNSET, Field
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import Dialog
from workbench.tui.widgets.pick import Pickable, PickInput

_SEEDS = 10  # as `kwb trial` has them


@dataclass(frozen=True)
class LayerTrialOrder:
    """What was chosen.

    Attributes:
        layer: the one that is tried, as one writes it in a recipe.
        name: of the trial, below the folder of searches.
    """

    layer: str
    seeds: int
    match: str
    vary: str
    name: str


class LayerTrialDialog(Dialog[LayerTrialOrder | None]):
    """Asks which layer is compared with that of a place, how their sizes are matched, and with how many seeds.

    Args:
        place: the key of the recipe, and the recipe's name.
        own: the layer that stands there, in words.
        layers: that can be chosen.
        check: from a layer as one writes it to what is wrong with it, empty if nothing.
        name_of: from a layer as one writes it to a name for the trial.
        taken: names that are those of other searches.
    """

    DEFAULT_CSS = """
    LayerTrialDialog {
        & > Vertical { width: 84; }
        & > Vertical > VerticalScroll { height: auto; max-height: 100%; margin-top: 0; }
        OptionList { max-height: 7; margin-top: 0; }
        Input { margin-top: 0; }
        #how { height: auto; margin-top: 1; }
        .dialog-buttons { margin-top: 1; }
    }
    LayerTrialDialog.-short > Vertical { max-height: 100%; padding: 0 1; }
    LayerTrialDialog.-short OptionList { max-height: 4; }
    """
    BINDING_GROUP_TITLE = "Layer trial"
    HELP = (
        "A fair trial of a layer (kwb trial): the recipe is trained with each of two layers at one place, with the "
        "same data, epochs and seeds. The layer of the recipe stays as it is; the other one is made as large."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "begin", "Begin", id="layer-trial.begin", tooltip="Train both layers, in a process of its own"),
    ]  # fmt: skip

    def __init__(
        self,
        place: str,
        own: str,
        layers: Sequence[Pickable],
        *,
        check: Callable[[str], str],
        name_of: Callable[[str], str],
        taken: Callable[[str], bool],
    ) -> None:
        super().__init__()
        self._place = place
        self._own = own
        self._check = check
        self._name_of = name_of
        self._taken = taken
        self._pick = PickInput("", layers, placeholder="a layer, or {use: Dense, activation: relu}")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(f"Which layer is better at {self._place}?", classes="dialog-title", markup=False)
            with VerticalScroll(can_focus=False):
                yield Static(
                    f"{self._own} stays as it is. The other one:", classes="dialog-text", markup=False
                )
                yield self._pick
                with Vertical(id="how"):
                    yield from (FieldRow(field, UNSET) for field in _FIELDS)
                    yield FieldRow(Field("name", "text", check=self._wrong_name, label="name of the trial"))
            yield Static("", classes="dialog-error", markup=False)
            with Vertical(classes="dialog-buttons"):
                yield Button("Begin", id="begin", variant="primary", compact=True)

    def on_mount(self) -> None:
        self._pick.query_one(Input).focus()
        self._row("vary").query_one(Input).placeholder = "units, filters or what else is its size"
        self._show_name()

    def _wrong_name(self, name: object) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", str(name)):
            return "letters, digits, '_', '.' and '-' only"
        return f"there is a search '{name}' already" if self._taken(str(name)) else ""

    # ------------------------------------------------------------------ what is typed

    @property
    def _layer(self) -> str:
        """What is typed, or the marked layer whose beginning it is."""
        typed, marked = self._pick.value.strip(), self._pick.marked
        return marked if typed and marked is not None and self._check(typed) else typed

    @on(PickInput.Changed)
    def _changed(self) -> None:
        wrong = self._check(self._layer) if self._layer else ""
        self._show_error(wrong)
        self._show_name()

    def _show_error(self, error: str) -> None:
        self.query_one(".dialog-error", Static).update(f"{FAILED} {error}" if error else "")

    def _show_name(self) -> None:
        """What the trial is called where nothing is written."""
        self._row("name").query_one(Input).placeholder = self._free_name()

    def _free_name(self) -> str:
        layer = self._layer
        if not layer or self._check(layer):
            return "by the layers"
        stem = self._name_of(layer)
        names = (stem, *(f"{stem}-{number}" for number in range(2, 10_000)))
        return next(name for name in names if not self._taken(name))

    def _row(self, name: str) -> FieldRow:
        return next(row for row in self.query(FieldRow) if row.field.name == name)

    # ------------------------------------------------------------------ the end

    @on(PickInput.Submitted)
    @on(Input.Submitted)
    @on(Button.Pressed)
    def _submitted(self) -> None:
        self.action_begin()

    def action_begin(self) -> None:
        """Give what was chosen, where nothing is wrong with it."""
        layer = self._layer
        if wrong := self._check(layer) if layer else "choose a layer":
            self._show_error(wrong)
            self._pick.query_one(Input).focus()
            return
        for row in self.query(FieldRow):
            if row.wrong:
                row.editor.focus()
                return
        values = {
            row.field.name: row.field.default if row.value is UNSET else row.value
            for row in self.query(FieldRow)
        }
        name = values["name"] or self._free_name()
        self.dismiss(
            LayerTrialOrder(layer, values["seeds"], values["match"], values["vary"] or "", str(name))
        )


_FIELDS = (
    Field("match", "choice", default="parameters", choices=MATCHES, label="same size by"),
    Field("vary", "text", default="", label="by changing"),
    Field("seeds", "integer", default=_SEEDS, bounds=((">=", 2),), label=f"seeds ({least_pairs()} or more)"),
)
