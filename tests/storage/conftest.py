from __future__ import annotations

from typing import Any

import pytest

from tests.storage.models import KINDS, trained


@pytest.fixture(scope="session")
def trained_models() -> dict[str, Any]:
    """One trained model of each kind; not to be trained further."""
    return {kind: trained(kind) for kind in KINDS}
