"""What TensorFlow prints while it loads."""

from __future__ import annotations

import builtins
import os
from typing import Any

import pytest

from workbench.process import import_keras


@pytest.mark.parametrize(("fault", "shown"), [(KeyboardInterrupt, ""), (ImportError, "noise\n")])
def test_it_is_shown_where_loading_fails_and_not_at_ctrl_c(
    fault: type[BaseException],
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    found = builtins.__import__

    def loading(name: str, *arguments: Any) -> Any:
        if name != "keras":
            return found(name, *arguments)
        os.write(2, b"noise\n")
        raise fault

    monkeypatch.setattr(builtins, "__import__", loading)
    with pytest.raises(fault):
        import_keras()
    assert capfd.readouterr().err == shown
