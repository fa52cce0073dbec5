"""Raises in a hook, after it has offered something."""

from workbench.catalog import hookimpl

KWB_API = 1


@hookimpl
def kwb_register_layers(registry):
    registry.add("HalfOffered", "raises_plugin:HalfOffered")
    raise ZeroDivisionError("counting my layers failed")
