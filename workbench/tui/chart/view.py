"""The range of x that is shown: all of it, the latest part, or a fixed window."""

from __future__ import annotations

from dataclasses import dataclass, replace

Window = tuple[float, float]


@dataclass(frozen=True)
class View:
    """The default follows everything. `span` follows only the latest stretch; `held` stays where it is."""

    span: float | None = None
    held: Window | None = None

    @property
    def follows(self) -> bool:
        return self.held is None

    def window(self, extent: Window) -> Window:
        """The x range to draw, given the x range of the data. Left < right, also for a single point."""
        left, right = extent
        if self.held is not None:
            left, right = self.held
        elif self.span is not None:
            left = max(left, right - self.span)
        least = max(abs(left), abs(right)) * 1e-12
        if right - left <= least:
            air = max(0.5, least)
            return left - air, right + air
        return left, right

    def hold(self, extent: Window) -> View:
        """The same window, standing still while samples come."""
        return replace(self, held=self.window(extent))

    def follow(self) -> View:
        """As wide as before, with the right edge at the latest sample."""
        return replace(self, held=None)

    def zoom(self, extent: Window, factor: float, anchor: float | None = None) -> View:
        """A window narrower by `factor` (wider where factor < 1), with `anchor` where it was on the screen.

        While following, the anchor is the latest sample. Zoomed out to everything, everything is shown.
        """
        left, right = self.window(extent)
        whole = max(extent[1] - extent[0], 0.0)
        width = max((right - left) / factor, whole * 1e-7, abs(right) * 1e-11)
        if self.held is None:
            return View(span=width if width < whole else None)
        if width >= whole:
            return View(held=self._inside(extent, whole or width, extent[0]))
        anchor = (left + right) / 2 if anchor is None else min(max(anchor, left), right)
        share = (anchor - left) / (right - left)
        return View(span=width, held=self._inside(extent, width, anchor - share * width))

    def pan(self, extent: Window, distance: float) -> View:
        """The window moved along x by `distance`, held there, and kept over the data."""
        left, right = self.window(extent)
        return replace(self, held=self._inside(extent, right - left, left + distance))

    @staticmethod
    def _inside(extent: Window, width: float, left: float) -> Window:
        left = max(min(left, extent[1] - width), extent[0])
        return left, left + width
