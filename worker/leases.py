"""Keeps leases alive from a thread of its own, which nothing the event loop does can hold up."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker.errors import AccessRefused, StoreError
from worker.models import Item, Lease, Renewal

_log = logging.getLogger(__name__)

# How often it is looked whether a renewal is due, and a failed one made again.
TICK_S = 1.0


@dataclass(slots=True)
class Held:
    """An item and the moment, by ``time.monotonic``, up to which its lease is certainly ours."""

    item: Item
    until: float


class LeaseKeeper:
    """The leases a worker holds, by item; all are renewed when a third of the first has gone by.

    Time is reckoned from before a call was made, so that the database's clock, whatever it shows,
    lets a lease run out later than we do.
    """

    def __init__(
        self,
        renew: Callable[[Sequence[Lease]], Renewal],
        told: Callable[[Renewal, Sequence[Item]], object],
    ) -> None:
        """*renew* makes the call, *told* is given each answer with its items; in the thread."""
        self._renew = renew
        self._told = told
        self.held: dict[int, Held] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._thread.start()

    def hold(self, item: Item, asked_at: float) -> None:
        """Renew the lease of *item*, which was asked for at *asked_at*, from now on."""
        self.held[item.item] = Held(item, asked_at + item.lease_ms / 1000)

    def is_ours(self, item: Item) -> bool:
        """Tell whether nobody else can have *item* by now."""
        held = self.held.get(item.item)
        return held is not None and held.item is item and time.monotonic() < held.until

    def let_go(self, lease: Lease) -> None:
        """Renew *lease* no more: its attempt was reported, handed back or lost."""
        held = self.held.get(lease.item)
        if held and held.item.lease == lease.lease:
            del self.held[lease.item]

    def close(self, patience_s: float) -> None:
        """Stop renewing; a renewal under way is waited for, up to *patience_s*."""
        self._closing.set()
        self._thread.join(patience_s)

    def _keep(self) -> None:
        while not self._closing.wait(TICK_S):
            now = time.monotonic()
            held = list(self.held.copy().values())  # copied in one step, between two threads
            if any(one.until - now < one.item.lease_ms / 1500 for one in held):
                self._renew_all(held)

    def _renew_all(self, held: Sequence[Held]) -> None:
        began, items = time.monotonic(), [one.item for one in held]
        try:
            renewal = self._renew(items)
        except AccessRefused:
            # Nor will a report be taken: what is in flight is in vain.
            renewal = Renewal(lost=tuple(one.item for one in items))
        except (StoreError, ValueError) as error:
            _log.warning("renewal_failed", extra={"f": {"reason": type(error).__name__}})
            self._closing.wait(getattr(error, "retry_after_s", 0.0))
            return
        for one in held:
            if one.item.item not in renewal.lost:
                one.until = began + one.item.lease_ms / 1000
        if not self._closing.is_set():
            self._told(renewal, items)
