"""Waiting in tests: for the thing itself, however long a slow machine takes for it."""

import asyncio
import time
from collections.abc import Callable

HANG_S = 240.0
"""Longer than anything takes where it takes ten times as long as usual: it will never come."""


def _say_nothing() -> str:
    return "it never came true"


def wait_until(is_so: Callable[[], object], told: Callable[[], object] = _say_nothing) -> None:
    """Wait until *is_so*; a hang fails with what *told* returns."""
    deadline = time.monotonic() + HANG_S
    while not is_so():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


async def soon(is_so: Callable[[], object], told: Callable[[], object] = _say_nothing) -> None:
    """Wait like ``wait_until`` while the event loop goes on."""
    deadline = time.monotonic() + HANG_S
    while not is_so():
        assert time.monotonic() < deadline, told()
        await asyncio.sleep(0.005)
