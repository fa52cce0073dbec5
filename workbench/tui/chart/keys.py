"""The keys of a chart, each with an id to remap it by.

None of them is a control or alt chord: those belong to terminals and multiplexers.
"""

from textual.binding import Binding, BindingType

BINDINGS: list[BindingType] = [
    Binding("left", "move_cursor(-1)", "Cursor left", id="chart.cursor-left", show=False,
            tooltip="Move the cursor to the sample before"),
    Binding("right", "move_cursor(1)", "Cursor right", id="chart.cursor-right", show=False,
            tooltip="Move the cursor to the next sample"),
    Binding("left_square_bracket", "move_to_mark(-1)", "Previous mark", id="chart.mark-previous",
            show=False, tooltip="Move the cursor to the event mark before"),
    Binding("right_square_bracket", "move_to_mark(1)", "Next mark", id="chart.mark-next", show=False,
            tooltip="Move the cursor to the next event mark"),
    Binding("escape", "clear_cursor", "Cursor off", id="chart.cursor-off", show=False,
            tooltip="Put the cursor away"),
    Binding("h,shift+left", "pan(-1)", "Pan left", id="chart.pan-left", show=False,
            tooltip="Move the window towards the start"),
    Binding("l,shift+right", "pan(1)", "Pan right", id="chart.pan-right", show=False,
            tooltip="Move the window towards the latest sample"),
    Binding("g", "toggle_log", "Log", id="chart.log", tooltip="Logarithmic or linear y axis"),
    Binding("G", "toggle_log_all", "Log, all", id="chart.log-all", show=False,
            tooltip="Logarithmic or linear y axis in all charts"),
    Binding("v", "toggle_clip", "Outliers", id="chart.clip",
            tooltip="Leave outliers out of the y axis: it shows all but the highest and lowest 2 % of the values"),
    Binding("V", "toggle_clip_all", "Outliers, all", id="chart.clip-all", show=False,
            tooltip="Leave outliers out of the y axis in all charts"),
    Binding("s", "cycle_smoothing", "Smooth", id="chart.smooth",
            tooltip="Smooth by a moving average: off, 0.6, 0.9, 0.99; the raw curve stays visible"),
    Binding("f", "toggle_follow", "Follow", id="chart.follow",
            tooltip="Follow the latest sample, or freeze the window"),
    Binding("plus,equals_sign", "zoom(2)", "Zoom in", id="chart.zoom-in", key_display="+",
            tooltip="Show half as much of x, around the cursor"),
    Binding("minus", "zoom(0.5)", "Zoom out", id="chart.zoom-out", key_display="-",
            tooltip="Show twice as much of x"),
    Binding("0,home", "reset", "All", id="chart.reset", key_display="0",
            tooltip="Show everything and follow the latest sample"),
]  # fmt: skip
