"""The catalog of layers, models, data and all else that plugins offer.

Light on purpose: nothing here imports keras. Only `catalog.resolve` does, when a class is really needed.
"""

from workbench.catalog.entries import Entry, Kind
from workbench.catalog.hookspecs import API_VERSION, GROUP, hookimpl

__all__ = ["API_VERSION", "GROUP", "Entry", "Kind", "hookimpl"]
