"""Type with a list of suggestions: the list stays open, matches come first, Tab completes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import Dialog


@dataclass(frozen=True)
class Pickable:
    """A choice, and a few words about it."""

    text: str
    about: str = ""


def matching(options: Iterable[Pickable], typed: str) -> list[Pickable]:
    """The options that hold what is typed: first those that begin with it. All of them where it is one of them."""
    options = list(options)
    wanted = typed.casefold()
    if not wanted or any(option.text.casefold() == wanted for option in options):
        return options
    begin = [option for option in options if option.text.casefold().startswith(wanted)]
    return begin + [option for option in options if wanted in option.text.casefold() and option not in begin]


class PickInput(Vertical):
    """A line to type in, above the list of suggestions.

    Args:
        value: the text to begin with.
        options: what can be picked.
        several: whether the line holds several, separated by commas; the last of them is completed.
        source: gives more options for a text, such as the files of a folder that was typed. It reads the disk, so it
            is called in a thread.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, id="pick.down", tooltip="The next in the list"),
        Binding("up", "move(-1)", show=False, id="pick.up", tooltip="The one before in the list"),
        Binding("tab", "complete", "Take over", show=False, id="pick.complete", tooltip="Take over what is marked"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    PickInput {
        height: auto;
        OptionList {
            height: auto; max-height: 10; border: none; background: $surface; padding: 0; margin-top: 1;
            text-wrap: nowrap; text-overflow: ellipsis;
        }
        OptionList > .option-list--option-highlighted { text-style: bold; }
    }
    """

    class Changed(Message):
        """The line has another text."""

        def __init__(self, value: str) -> None:
            super().__init__()
            self.value = value

    class Submitted(Message):
        """Enter was pressed, and there was nothing to complete."""

        def __init__(self, value: str) -> None:
            super().__init__()
            self.value = value

    def __init__(
        self,
        value: str = "",
        options: Sequence[Pickable] = (),
        *,
        several: bool = False,
        placeholder: str = "",
        source: Callable[[str], Sequence[Pickable]] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._value = value
        self._options = tuple(options)
        self._more: tuple[Pickable, ...] = ()
        self._several = several
        self._placeholder = placeholder
        self._source = source
        self._shown: list[Pickable] = []

    def compose(self) -> ComposeResult:
        yield Input(self._value, placeholder=self._placeholder, compact=True)
        listing = OptionList(compact=True)
        listing.can_focus = False  # the line has the keys
        yield listing

    def on_mount(self) -> None:
        self._list()
        self._look()

    def offer(self, options: Sequence[Pickable], value: str) -> None:
        """Begin again with other options and another text."""
        self._options = tuple(options)
        self.query_one(Input).value = value
        self._list()

    @property
    def value(self) -> str:
        return self.query_one(Input).value

    @property
    def _typed(self) -> str:
        """The part of the line that is completed."""
        return self.value.rpartition(",")[2].strip() if self._several else self.value.strip()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list()
        self._look()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        known = {option.text for option in (*self._options, *self._more)}
        if self._several and self._typed and self._typed not in known and self._marked is not None:
            self._take(self._marked)
            return
        self.post_message(self.Submitted(event.value))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(self._shown[event.option_index].text)
        self.query_one(Input).focus()

    def _list(self) -> None:
        """The options, matches of the typed text first; no option is removed while the list is open."""
        typed = self._typed
        options = [*self._options, *self._more]
        self._shown = matching(options, typed)
        if self._several and not self._shown:  # a slip: the nearest first, and the others stay in sight
            near = get_close_matches(typed.casefold(), [option.text.casefold() for option in options], n=3)
            self._shown = sorted(options, key=lambda option: option.text.casefold() not in near)
        listing = self.query_one(OptionList)
        width = max((cell_len(printable(option.text)) for option in self._shown), default=0)
        listing.set_options(
            Option(
                Content.assemble(
                    _padded(option.text, min(width, 40)), (f"  {printable(option.about)}", "dim")
                )
            )
            for option in self._shown
        )
        exact = [at for at, option in enumerate(self._shown) if option.text == typed]
        listing.highlighted = exact[0] if exact else 0 if typed and self._shown else None

    @work(exclusive=True)
    async def _look(self) -> None:
        if self._source is None:
            return
        more = tuple(await asyncio.to_thread(self._source, self._typed))
        if more != self._more:
            self._more = more
            self._list()

    @property
    def _marked(self) -> str | None:
        at = self.query_one(OptionList).highlighted
        return self._shown[at].text if at is not None and at < len(self._shown) else None

    @property
    def marked(self) -> str | None:
        """The option that the list marks."""
        return self._marked

    def _take(self, text: str) -> None:
        line = self.query_one(Input)
        before = line.value.rpartition(",")[0] if self._several else ""
        line.value = f"{before}, {text}" if before else text
        line.cursor_position = len(line.value)

    def action_move(self, by: int) -> None:
        """Mark the next or the one before."""
        listing = self.query_one(OptionList)
        if listing.highlighted is None:
            listing.highlighted = 0 if self._shown else None
        elif by > 0:
            listing.action_cursor_down()
        else:
            listing.action_cursor_up()

    def action_complete(self) -> None:
        """Take over what the list marks; where there is nothing to take over, Tab goes on as everywhere,
        but stays in a line that holds several."""
        if self._marked is None or self._marked == self._typed:
            if self._several:  # the next comes after a comma, not in what is beside the line
                return
            raise SkipAction
        self._take(self._marked)


class PickDialog(Dialog[str | None]):
    """Asks for a line of text with a list below it; the result is the text, or None.

    Args:
        title: what is asked for.
        value, options, placeholder, source: see `PickInput`.
        text: more about it.
        check: from a text to what is wrong with it, empty if nothing.
    """

    def __init__(
        self,
        title: str,
        value: str = "",
        options: Sequence[Pickable] = (),
        *,
        text: str = "",
        placeholder: str = "",
        check: Callable[[str], str] = lambda text: "",
        source: Callable[[str], Sequence[Pickable]] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._check = check
        self._pick = PickInput(value, options, placeholder=placeholder, source=source)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._title, classes="dialog-title", markup=False)
            if self._text:
                yield Static(self._text, classes="dialog-text", markup=False)
            yield self._pick
            yield Static("", classes="dialog-error", markup=False)

    def on_mount(self) -> None:
        self._pick.query_one(Input).focus()

    @on(PickInput.Changed)
    def _changed(self, event: PickInput.Changed) -> None:
        wrong = self._check(event.value) if event.value.strip() else ""
        self.query_one(".dialog-error", Static).update(f"{FAILED} {wrong}" if wrong else "")

    @on(PickInput.Submitted)
    def _submitted(self, event: PickInput.Submitted) -> None:
        """The marked option if the text is its beginning; otherwise the text as it is."""
        value = event.value
        if (marked := self._pick.marked) is not None and not self._check(marked):
            value = marked
        wrong = self._check(value)
        if wrong:
            self.query_one(".dialog-error", Static).update(f"{FAILED} {wrong}")
        else:
            self.dismiss(value)


def _padded(text: str, width: int) -> str:
    shown = printable(text)
    return shown + " " * (width - cell_len(shown))
