"""When to ask the database: for work that may be there, and again after it was not there."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from logging import getLogger
from typing import TypeVar

from worker.errors import StoreUnavailable
from worker.models import Reply

_log = getLogger(__name__)
T = TypeVar("T")

_POLL_MIN_S = 0.1
_RETRY_FLOOR_S = 0.01
_OUTAGE_MIN_S, _OUTAGE_MAX_S = 0.1, 5.0
_WATCH_MIN_S, _WATCH_MAX_S = 1.0, 60.0


class Pace:
    """The next claim: at once while there is more, ever less often when idle, and when woken."""

    def __init__(self, longest_s: float) -> None:
        """Never pause longer than *longest_s*; the first claim is due now."""
        self.next_claim = 0.0
        self._longest_s = longest_s
        self._pause_s = _POLL_MIN_S
        self._is_woken = False

    def wake(self) -> None:
        """Claim now: there may be work."""
        self._is_woken = True
        self.next_claim, self._pause_s = 0.0, _POLL_MIN_S

    def begin(self) -> None:
        """Begin a call; a hint from here on may be about work its answer does not hold."""
        self._is_woken = False

    def end(self, reply: Reply, *, is_full: bool) -> None:
        """Decide by *reply* when the next claim is due; a full one means that there is more."""
        wait = self._pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
        self._pause_s = _POLL_MIN_S if reply.work else min(self._pause_s * 2, self._longest_s)
        if reply.retry_ms is not None:
            wait = min(wait, max(reply.retry_ms / 1000, _RETRY_FLOOR_S))
        is_soon = is_full or self._is_woken
        self.next_claim = time.monotonic() + (0.0 if is_soon else min(wait, self._longest_s))


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat *call*, which carries its call id, until the database has answered it."""
    pause_s = _OUTAGE_MIN_S
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            _log.warning("store_unavailable", extra={"f": {"code": error.code}})
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause_s = min(pause_s * 2, _OUTAGE_MAX_S)


async def keep_watching(watch: Callable[[], Awaitable[None]]) -> None:
    """Set up *watch* again whenever it ends; without it, polling finds work a little later."""
    pause_s = _WATCH_MIN_S
    while True:
        began = time.monotonic()
        try:
            await watch()
        except StoreUnavailable as error:
            _log.info("no_hints", extra={"f": {"reason": str(error)}})
        has_lasted = time.monotonic() - began > _WATCH_MAX_S
        pause_s = _WATCH_MIN_S if has_lasted else min(pause_s * 2, _WATCH_MAX_S)
        await asyncio.sleep(pause_s)
