"""kwb's own line chart: samples in bounded memory, drawn in braille, live.

`series` keeps the samples, `scale` and `view` say what part of them is shown, `braille` turns them into dots,
`picture` (with `header`) draws the whole on a `grid` of cells, `canvas` is the widget that shows it, and
`widget` adds the keys and the mouse. `bands` draws how far several runs spread around their mean, and `as_text` prints
such a chart for the command line. `histogram` is its sibling for the distribution of weights over epochs.
None of it imports numpy, keras or tensorflow.
"""
