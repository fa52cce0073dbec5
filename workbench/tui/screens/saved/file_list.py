"""FileList: the saved files, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.cells import set_cell_size
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.tui.screens.saved.listing import SavedFile, short_name
from workbench.tui.views.fitting import middle_cut, printable
from workbench.tui.views.formatting import amount

_SIZE = 7
_ROOMY = 36


class FileList(OptionList):
    """The model files in `saved/` and below, the newest first. Enter goes to the layers and weights."""

    BINDING_GROUP_TITLE = "Files"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, compact=True)
        self._files: Sequence[SavedFile] = ()
        self._working_directory = Path()
        self._drawn: list[tuple[str, str]] = []

    def show(self, files: Sequence[SavedFile], working_directory: Path, wanted: str) -> None:
        """Show files with the cursor on the wanted path, or where it was."""
        self._files, self._working_directory = files, working_directory
        self._fill(wanted)

    def _fill(self, wanted: str = "") -> None:
        lines = [self._line(file) for file in self._files]
        paths = [str(file.path) for file in self._files]
        before, self._drawn = self._drawn, list(zip(paths, (line.plain for line in lines), strict=True))
        if [path for path, _ in before] == paths:
            for at, line in enumerate(lines):
                if self._drawn[at] != before[at]:
                    self.replace_option_prompt_at_index(at, line)
            return
        was = self.highlighted or 0
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(Option(line, id=path) for path, line in zip(paths, lines, strict=True))
            if paths:
                self.highlighted = paths.index(wanted) if wanted in paths else min(was, len(paths) - 1)

    def _line(self, file: SavedFile) -> Content:
        """The name, and the size where there is room: it is shown beside the list too."""
        room = max(self.size.width - 2, 12)
        width = room - _SIZE - 1 if room >= _ROOMY else room
        name = middle_cut(printable(short_name(file.path, self._working_directory)), width)
        if width == room:
            return Content(name)
        return Content.assemble(set_cell_size(name, width) + " ", (f"{amount(file.size):>{_SIZE}}", "dim"))

    def on_resize(self) -> None:
        self._fill()

    @property
    def chosen(self) -> SavedFile | None:
        """The file under the cursor."""
        at = self.highlighted
        return self._files[at] if at is not None and at < len(self._files) else None

    def copy_text(self) -> str | None:
        """The text that `y` copies: the path."""
        return str(self.chosen.path) if self.chosen else None
