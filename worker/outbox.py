"""Reports on their way to the database: how many travel together, how long they wait, how many."""

import time
from collections import deque
from typing import NamedTuple

from worker.models import Lease, Report

BATCH_REPORTS = 100
BATCH_BYTES = 4 * 1024 * 1024
BATCH_AGE_S = 0.05
# Beyond these nothing more is started; what is in flight then still finds room.
MOST_REPORTS = 1000
MOST_BYTES = 32 * 1024 * 1024


class Outgoing(NamedTuple):
    """A report as it will be sent; the last resort stands in for one that was not taken."""

    lease: Lease
    report: bytes
    is_last_resort: bool = False


class Outbox(deque[Outgoing]):
    """What was seen and not yet told, oldest first; a report stays until it was answered."""

    _since = 0.0
    _size = 0

    @property
    def due_at(self) -> float:
        """The moment, by ``time.monotonic``, when waiting for company is over."""
        is_enough = len(self) >= BATCH_REPORTS or self._size >= BATCH_BYTES
        return 0.0 if is_enough else self._since + BATCH_AGE_S

    @property
    def is_full(self) -> bool:
        """Whether there is so much in it that no attempt should begin."""
        return len(self) >= MOST_REPORTS or self._size >= MOST_BYTES

    def add(self, lease: Lease, report: Report) -> None:
        """Put *report* in line."""
        if not self:
            self._since = time.monotonic()
        self.append(Outgoing(lease, report.to_json()))
        self._size += len(self[-1].report)

    def batch(self, most: int = BATCH_REPORTS) -> list[Outgoing]:
        """Return what to send next, *most* at most; one report always fits."""
        batch: list[Outgoing] = []
        room = BATCH_BYTES
        for one in self:
            room -= len(one.report)
            if batch and (room < 0 or len(batch) >= most):
                break
            batch.append(one)
        return batch

    def remove_first(self, count: int) -> None:
        """Forget *count* reports, which were answered."""
        for _ in range(count):
            self._size -= len(self.popleft().report)
        self._since = time.monotonic()

    def replace_first(self, report: Report) -> None:
        """Put *report* in the place of the oldest, as its last resort."""
        first = self.popleft()
        self.appendleft(Outgoing(first.lease, report.to_json(), is_last_resort=True))
        self._size += len(self[0].report) - len(first.report)
