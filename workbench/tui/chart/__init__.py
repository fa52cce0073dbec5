"""kwb's own line chart: samples in bounded memory, drawn in braille, live.

`series` keeps the samples, `scale` and `view` say what part of them is shown, `braille` turns them into dots,
`picture` (with `header`) draws the whole on a `grid` of cells, `canvas` is the widget that shows it, and
`widget` adds the keys and the mouse. `histogram` is its sibling for the distribution of weights over epochs.
None of it imports numpy, keras or tensorflow.
"""
