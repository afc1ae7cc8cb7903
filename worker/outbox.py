"""Reports on their way to the database: how many travel together, and how long they wait for it."""

import time
from collections import deque
from typing import NamedTuple

from worker.models import Lease, Report

BATCH_REPORTS = 100
BATCH_BYTES = 4 * 1024 * 1024
BATCH_AGE_S = 0.05


class Outgoing(NamedTuple):
    """A report as it will be sent; the last resort stands in for one that was not taken."""

    lease: Lease
    report: bytes
    is_last_resort: bool = False


class Outbox(deque[Outgoing]):
    """What was seen and not yet told, oldest first."""

    _since = 0.0

    @property
    def due_at(self) -> float:
        """The moment, by ``time.monotonic``, when the oldest report has waited long enough."""
        return self._since + BATCH_AGE_S

    def add(self, lease: Lease, report: Report) -> None:
        """Put *report* in line."""
        if not self:
            self._since = time.monotonic()
        self.append(Outgoing(lease, report.to_json()))

    def is_due(self) -> bool:
        """Tell whether waiting for company is over: enough of them, in number, bytes or age."""
        return (
            len(self) >= BATCH_REPORTS
            or time.monotonic() >= self.due_at
            or sum(len(one.report) for one in self) >= BATCH_BYTES
        )

    def take(self) -> list[Outgoing]:
        """Take out the next batch; one report always fits."""
        batch = [self.popleft()]
        room = BATCH_BYTES - len(batch[0].report)
        while self and len(batch) < BATCH_REPORTS and len(self[0].report) <= room:
            room -= len(self[0].report)
            batch.append(self.popleft())
        self._since = time.monotonic()
        return batch
