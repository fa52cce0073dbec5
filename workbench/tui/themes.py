"""kwb's own themes. Textual's own can be chosen as well (`ansi-dark` and `ansi-light` use the terminal's colours).

`kwb-safe` and `kwb-safe-light` use the palette of Okabe and Ito, whose colours differ for people of any colour vision:
blue for good, vermilion for an error. The app shows nothing by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual.app import App
from textual.theme import Theme

from workbench.errors import WorkbenchError

DEFAULT = "kwb-dark"

THEMES = (
    Theme(
        name="kwb-dark",
        primary="#6cb6ff",
        secondary="#8ddb8c",
        accent="#f69d50",
        foreground="#d5dbe3",
        background="#12161c",
        surface="#181d25",
        panel="#222933",
        success="#6bc46d",
        warning="#daaa3f",
        error="#f47067",
        dark=True,
        variables={"footer-key-foreground": "#f69d50", "border": "#6cb6ff", "border-blurred": "#39424f"},
    ),
    Theme(
        name="kwb-light",
        primary="#0757ba",
        secondary="#1a6b2c",
        accent="#a04100",
        foreground="#1c2128",
        background="#ffffff",
        surface="#f4f6f8",
        panel="#e6eaef",
        success="#1a6b2c",
        warning="#7d5600",
        error="#b3261e",
        dark=False,
        variables={"footer-key-foreground": "#a04100", "border": "#0757ba", "border-blurred": "#b7c0cc"},
    ),
    Theme(
        name="kwb-safe",
        primary="#56b4e9",
        secondary="#cc79a7",
        accent="#f0e442",
        foreground="#e8e8e8",
        background="#101010",
        surface="#181818",
        panel="#262626",
        success="#56b4e9",
        warning="#e69f00",
        error="#ee7733",
        dark=True,
        variables={"footer-key-foreground": "#f0e442", "border": "#56b4e9", "border-blurred": "#4a4a4a"},
    ),
    Theme(
        name="kwb-safe-light",
        primary="#005a8c",
        secondary="#8a3b6b",
        accent="#8f5a00",
        foreground="#161616",
        background="#ffffff",
        surface="#f5f5f5",
        panel="#e8e8e8",
        success="#005a8c",
        warning="#8f5a00",
        error="#b34700",
        dark=False,
        variables={"footer-key-foreground": "#8f5a00", "border": "#005a8c", "border-blurred": "#b5b5b5"},
    ),
)

# Where a terminal has 256 colours (over SSH, in tmux: COLORTERM is not carried along), the nearest of them to a dark
# blue is black or navy. These are colours that such a terminal has, with true greys behind everything.
_IN_256: dict[str, dict[str, str]] = {
    "kwb-dark": {
        "primary": "#5fafff", "secondary": "#87d787", "accent": "#ffaf5f", "foreground": "#d0d0d0",
        "background": "#121212", "surface": "#1c1c1c", "panel": "#262626",
        "success": "#5fd75f", "warning": "#d7af5f", "error": "#ff8787",
        "border-blurred": "#4e4e4e",
    },
    "kwb-light": {
        "primary": "#005faf", "secondary": "#005f00", "accent": "#af5f00", "foreground": "#1c1c1c",
        "background": "#ffffff", "surface": "#eeeeee", "panel": "#e4e4e4",
        "success": "#005f00", "warning": "#875f00", "error": "#af0000",
        "border-blurred": "#bcbcbc",
    },
    "kwb-safe": {
        "primary": "#5fafd7", "secondary": "#d787af", "accent": "#ffff5f", "foreground": "#e4e4e4",
        "background": "#121212", "surface": "#1c1c1c", "panel": "#262626",
        "success": "#5fafd7", "warning": "#d7af00", "error": "#ff875f",
        "border-blurred": "#4e4e4e",
    },
    "kwb-safe-light": {
        "primary": "#005f87", "secondary": "#875f87", "accent": "#875f00", "foreground": "#121212",
        "background": "#ffffff", "surface": "#eeeeee", "panel": "#e4e4e4",
        "success": "#005f87", "warning": "#875f00", "error": "#af5f00",
        "border-blurred": "#bcbcbc",
    },
}  # fmt: skip


def set_up_themes(app: App[Any], wanted: str, otherwise: str) -> tuple[WorkbenchError, ...]:
    """Give an app kwb's themes and choose one, before anything of it is drawn.

    Args:
        app: the app.
        wanted: the theme that the settings name; "" for none.
        otherwise: the theme where they name none.

    Returns:
        What is wrong with the name in the settings.
    """
    for theme in themes_for(app.console.color_system):
        app.register_theme(theme)
    name = wanted or otherwise
    # Set before anything is parsed: a theme changed later has every style parsed again, some 20 ms.
    app.set_reactive(App.theme, name if name in app.available_themes else DEFAULT)
    app.stylesheet.set_variables(app.get_css_variables())
    if wanted in ("", app.theme):
        return ()
    return (WorkbenchError(f"there is no theme '{wanted}'.", where="settings: theme"),)


def themes_for(color_system: str | None) -> Sequence[Theme]:
    """kwb's themes, in colours that the terminal has (`256`; any other: as they are)."""
    return [_with_scrollbars(_in_256(theme) if color_system == "256" else theme) for theme in THEMES]


def _in_256(theme: Theme) -> Theme:
    colours = dict(_IN_256[theme.name])
    blurred = colours.pop("border-blurred")
    variables = {"footer-key-foreground": colours["accent"], "border": colours["primary"]}
    return replace(theme, **colours, variables=variables | {"border-blurred": blurred})  # type: ignore[arg-type]


def _with_scrollbars(theme: Theme) -> Theme:
    """Scrollbars as quiet as a border: they say where one is, no more."""
    bar, behind = theme.variables["border-blurred"], theme.surface or ""
    return replace(
        theme,
        variables=theme.variables
        | {
            "scrollbar": bar,
            "scrollbar-hover": theme.primary,
            "scrollbar-active": theme.primary,
            "scrollbar-background": behind,
            "scrollbar-background-hover": behind,
            "scrollbar-background-active": behind,
            "scrollbar-corner-color": behind,
        },
    )
