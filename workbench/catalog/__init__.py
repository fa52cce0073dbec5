"""What there is: layers, models, data and the rest, found through plugins.

Light on purpose: nothing here imports keras. Only `catalog.resolve` does, when a class is really needed.
"""

from workbench.catalog.entries import Entry, Kind
from workbench.catalog.hookspecs import API_VERSION, GROUP, hookimpl

__all__ = ["API_VERSION", "GROUP", "Entry", "Kind", "hookimpl"]
