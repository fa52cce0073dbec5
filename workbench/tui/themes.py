"""kwb's own themes. Textual's own can be chosen as well (`ansi-dark` and `ansi-light` use the terminal's colours).

`kwb-safe` and `kwb-safe-light` use the palette of Okabe and Ito, which people of any colour vision tell apart: blue
for good, vermilion for a fault. Nothing in the app is said by colour alone.
"""

from __future__ import annotations

from textual.theme import Theme

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
