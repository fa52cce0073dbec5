"""Tests that are coroutines, and waiting in them. A conftest imports `pytest_pyfunc_call` to have them run."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


async def until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """Wait until a condition holds and give its value; the test fails if it does not hold in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what or inspect.getsource(condition).strip()}")
        await asyncio.sleep(0.02)
    return found
