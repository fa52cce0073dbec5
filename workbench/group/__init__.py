"""Several processes that train one model together: start them, watch over them, and begin again where one is lost.

What they do is in `workbench.training.group`.
"""
