"""Monitors: measure what happens inside a model while it trains, and report it once per epoch.

    losses      the main loss, and each term that layers add to it
    metrics     the metrics that layers own
    gradients   the norm of the gradient, in all and by layer
    updates     how far a step moves the weights of a layer, against how large they are
    dead        the share of a layer's units whose output was zero for every row of the epoch
    histograms  how the weights are spread at the end of the epoch; not of every one where epochs are very short
    nan         the first place where a number was not finite

`Monitors` is the whole interface: its `wrap_step` goes to the engine, its `callback` among the callbacks. What is
computed is part of the compiled step and kept in variables of its own: the training's numbers are not touched, the
model owns nothing of it, and nothing of it is saved. `losses` and `dead` take every step. `gradients`, `updates` and
`nan` take a sample of the steps (every 64th, or more often where an epoch is short), and `nan` every step whose loss
is not finite.
"""

from workbench.training.monitors.monitors import Monitors

__all__ = ["Monitors"]
