"""How a chart looks: the component class of each style code, and the style sheet.

The series have Okabe and Ito's colours, which differ for any kind of colour vision; darker on light themes.
"""

from workbench.tui.chart.model import (
    AXIS,
    COLOURS,
    EMPTY,
    GRID_LINE,
    LABEL,
    MARK,
    NAME,
    NOTICE,
    PLAIN,
    POINTER,
    RAW,
    SERIES,
    TITLE,
    VALUE,
)

COMPONENTS = {
    PLAIN: "chart--plot",
    TITLE: "chart--title",
    NAME: "chart--name",
    VALUE: "chart--value",
    AXIS: "chart--axis",
    LABEL: "chart--label",
    GRID_LINE: "chart--grid",
    MARK: "chart--mark",
    NOTICE: "chart--notice",
    EMPTY: "chart--empty",
    POINTER: "chart--pointer",
    **{SERIES + i: f"chart--series-{i + 1}" for i in range(COLOURS)},
    **{RAW + i: f"chart--series-{i + 1}" for i in range(COLOURS)},
}

CSS = """
ChartCanvas {
    height: 1fr; min-height: 1; width: 1fr;
    & > .chart--plot { color: $foreground; }
    & > .chart--title { text-style: bold; }
    &:focus > .chart--title { text-style: bold reverse; }
    & > .chart--name { color: $foreground; }
    & > .chart--value { color: $foreground; text-style: bold; }
    & > .chart--axis { color: $foreground 45%; }
    & > .chart--label { color: $foreground 70%; }
    & > .chart--grid { color: $foreground 25%; }
    & > .chart--mark { color: $foreground 80%; }
    & > .chart--notice { color: $foreground 70%; text-style: italic; }
    & > .chart--empty { color: $foreground 60%; text-style: italic; }
    & > .chart--pointer { color: $foreground; }
    & > .chart--cursor { background: $foreground 16%; }
    & > .chart--raw { text-style: dim; }
    & > .chart--series-1 { color: #56B4E9; }
    & > .chart--series-2 { color: #E69F00; }
    & > .chart--series-3 { color: #009E73; }
    & > .chart--series-4 { color: #CC79A7; }
    & > .chart--series-5 { color: #F0E442; }
    & > .chart--series-6 { color: #D55E00; }
    & > .chart--series-7 { color: #3E8EDE; }
    & > .chart--series-8 { color: #A0A0A0; }
    &:light > .chart--cursor { background: $foreground 10%; }
    &:light > .chart--series-1 { color: #0072B2; }
    &:light > .chart--series-2 { color: #9A5B00; }
    &:light > .chart--series-3 { color: #007A59; }
    &:light > .chart--series-4 { color: #AA4A80; }
    &:light > .chart--series-5 { color: #746A00; }
    &:light > .chart--series-6 { color: #B84700; }
    &:light > .chart--series-7 { color: #2A6F9E; }
    &:light > .chart--series-8 { color: #666666; }
    &:ansi > .chart--axis { color: ansi_default; text-style: dim; }
    &:ansi > .chart--grid { color: ansi_default; text-style: dim; }
    &:ansi > .chart--label { color: ansi_default; }
    &:ansi > .chart--mark { color: ansi_default; }
    &:ansi > .chart--notice { color: ansi_default; }
    &:ansi > .chart--empty { color: ansi_default; }
    &:ansi > .chart--cursor { text-style: reverse; background: ansi_default; }
    &:ansi > .chart--series-1 { color: ansi_blue; }
    &:ansi > .chart--series-2 { color: ansi_yellow; }
    &:ansi > .chart--series-3 { color: ansi_green; }
    &:ansi > .chart--series-4 { color: ansi_magenta; }
    &:ansi > .chart--series-5 { color: ansi_cyan; }
    &:ansi > .chart--series-6 { color: ansi_red; }
    &:ansi > .chart--series-7 { color: ansi_bright_blue; }
    &:ansi > .chart--series-8 { color: ansi_default; }
}
"""
