"""When to call the database, and how much to ask of it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from logging import getLogger

from worker.errors import StoreError, StoreUnavailable
from worker.models import Reply

_log = getLogger(__name__)

_POLL_MIN_S = 0.1
_RETRY_FLOOR_S = 0.01
_OUTAGE_MIN_S, _OUTAGE_MAX_S = 0.1, 5.0
MOST_HALVINGS = 10
_WATCH_MIN_S, _WATCH_MAX_S = 1.0, 60.0


class Pace:
    """The next claim: at once while there is more, ever less often when idle, and when woken.

    A call that failed is followed by a pause, which grows, and by calls half as large: what is too
    much for the database becomes little enough, and one that comes back is not rushed.
    """

    def __init__(self, longest_s: float) -> None:
        """Never pause longer than *longest_s* between claims; the first is due now."""
        self.next_claim = 0.0
        self.not_before = 0.0
        self._longest_s = longest_s
        self._pause_s = _POLL_MIN_S
        self._outage_s = _OUTAGE_MIN_S
        self.halvings = 0
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
        wait = self._pause_s * _jitter(0.75, 1.25)
        self._pause_s = _POLL_MIN_S if reply.work else min(self._pause_s * 2, self._longest_s)
        if reply.retry_ms is not None:
            wait = min(wait, max(reply.retry_ms / 1000, _RETRY_FLOOR_S))
        is_soon = is_full or self._is_woken
        self.next_claim = time.monotonic() + (0.0 if is_soon else min(wait, self._longest_s))

    def share(self, most: int) -> int:
        """Return how much of *most* to ask for in one call; at least one, if that much."""
        return max(most >> self.halvings, min(most, 1))

    def reduce(self) -> None:
        """Ask for half as much from now on."""
        self.halvings = min(self.halvings + 1, MOST_HALVINGS)

    def back_off(self, error: StoreError) -> None:
        """Call no more for a while, and not before the time that *error* names."""
        pause_s = max(self._outage_s * _jitter(0.5, 1.0), error.retry_after_s)
        # Not what it says: that may quote what it is about.
        fields = {"code": error.code, "status": error.status, "pause_s": round(pause_s, 1)}
        _log.warning("store_unavailable", extra={"f": fields})
        self._outage_s = min(self._outage_s * 2, _OUTAGE_MAX_S)
        self.not_before = time.monotonic() + pause_s
        self.reduce()

    def recover(self) -> None:
        """Go back, step by step, to calls of full size: there was an answer."""
        self._outage_s = _OUTAGE_MIN_S
        self.halvings = max(self.halvings - 1, 0)


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
        await asyncio.sleep(pause_s * _jitter(0.5, 1.0))


def _jitter(least: float, most: float) -> float:
    return random.uniform(least, most)  # noqa: S311 - not a secret
