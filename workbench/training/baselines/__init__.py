"""What a constant guess and a linear model reach by a training's own loss and metrics.

    guesses   the constant predictions: the mean, the median, the commonest class, the classes' shares
    linear    a linear or logistic model of the prepared inputs
    scoring   predictions that do not come from the model, scored as its own are
    beside    all of it, beside the training: in a thread, of so many rows, for so long
    verdict   whether the model is better, in words
    reasons   why it is likely not, from what the run shows

`Beside` is for the session: what it finds is a `Baseline` by name of the log.
"""

from workbench.training.baselines.beside import Beside

__all__ = ["Beside"]
