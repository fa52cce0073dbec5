"""JumpList: a list whose cursor goes to what is typed."""

from __future__ import annotations

from textual import events
from textual.widgets import OptionList

from workbench.tui.views.fitting import printable


class JumpList(OptionList):
    """Letters go to the first option that begins with them, else that has them in it. Any other key begins again."""

    typed = ""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if event.character is None or not self.check_consume_key(event.key, event.character):
            self.typed = ""
            return
        event.stop()
        event.prevent_default()
        typed = f"{self.typed}{event.character}".casefold()
        texts = [
            (at, printable(str(option.prompt)).casefold())
            for at, option in enumerate(self.options)
            if not option.disabled
        ]
        found = [at for at, text in texts if text.startswith(typed)] or [
            at for at, text in texts if typed in text
        ]
        if found:  # a letter that stands nowhere is as if it was not typed
            self.typed, self.highlighted = typed, found[0]
