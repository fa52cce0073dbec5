"""The marks that stand beside words for how something is, so that colour is never the only signal."""

from __future__ import annotations

NOTICES = {"information": "✓", "warning": "▲", "error": "✗"}
