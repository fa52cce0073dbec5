"""Find which of a recipe's layers an error of a call came from, however deep the layer is inside another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from workbench.assembly.errors import call_error
from workbench.errors import RecipeError
from workbench.keras_private import around_calls


@dataclass(frozen=True)
class _Site:
    """A layer that the recipe made: what to call it, and its key."""

    layer: Any  # held, so that no other object gets its id()
    label: str
    where: str
    hint: Callable[[], str]


@dataclass(frozen=True)
class _Failed:
    layer: Any
    shapes: Any


class CallSites:
    """The layers that were made for a recipe, each with its key."""

    def __init__(self) -> None:
        self._sites: dict[int, _Site] = {}
        self._failed: _Failed | None = None
        self._watching = False

    def enter(self, layer: Any, label: str, where: str, hint: Callable[[], str] = lambda: "") -> None:
        """Note where a layer is from; the first place counts for one that is shared.

        Args:
            hint: what may be meant where the layer's own code calls something that cannot be called.
        """
        self._sites.setdefault(id(layer), _Site(layer, label, where, hint))

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Note the innermost of the recipe's layers whose call fails."""
        if self._watching:
            yield
            return
        self._watching, self._failed = True, None
        try:
            with around_calls(self._noting):
                yield
        finally:
            self._watching = False

    def _noting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                result = original(layer, *args, **kwargs)
            except Exception:
                if self._failed is None and id(layer) in self._sites:
                    self._failed = _Failed(layer, _shapes(args, kwargs))
                raise
            self._failed = None  # what failed inside was caught there
            return result

        return call

    def error(self, layer: Any, label: str, shapes: Any, error: BaseException, where: str) -> RecipeError:
        """The error of a call that was watched.

        Args:
            layer: what was called; None for something that is not a layer.
            label, shapes, where: its name, what it was called with, and its key.
        """
        found = self.inner_error(layer, error) or call_error(label, shapes, error, where)
        return self._with_hint(found, layer, error)

    def inner_error(self, layer: Any, error: BaseException) -> RecipeError | None:
        """The error of a layer of the recipe inside another one; None where the error is not from such a layer."""
        failed, self._failed = self._failed, None
        if failed is None or failed.layer is layer:
            return None
        site = self._sites[id(failed.layer)]
        return self._with_hint(call_error(site.label, failed.shapes, error, site.where), failed.layer, error)

    def _with_hint(self, found: RecipeError, layer: Any, error: BaseException) -> RecipeError:
        site = self._sites.get(id(layer))
        if site is not None and isinstance(error, TypeError) and "not callable" in str(error):
            found.hint = found.hint or site.hint()
        return found


def _shapes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    shapes = [tensor.shape for tensor in keras.tree.flatten([args, kwargs]) if hasattr(tensor, "shape")]
    return shapes[0] if len(shapes) == 1 else shapes
