"""Is written for a plugin interface that does not exist yet."""

from workbench.catalog import hookimpl

KWB_API = 99


@hookimpl
def kwb_register_layers(registry):
    registry.add("FromTheFuture", "version_plugin:FromTheFuture")
