"""Works, but imports keras when listed."""

import keras  # noqa: F401

from workbench.catalog import hookimpl

KWB_API = 1


@hookimpl
def kwb_register_layers(registry):
    registry.add("Slow", "slow_layers:Slow")
