"""Keeps leases alive from a thread of its own, which nothing the event loop does can hold up."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from worker.errors import StoreError
from worker.models import Item, Lease, Renewal

_log = logging.getLogger(__name__)
_NEVER = float("inf")


class LeaseKeeper:
    """The leases a worker holds; all are renewed when a third of the time of one has gone by."""

    def __init__(
        self, renew: Callable[[Sequence[Lease]], Renewal], told: Callable[[Renewal], object]
    ) -> None:
        """*renew* makes the call, *told* is given what it says; both run in the thread."""
        self._renew = renew
        self._told = told
        self.held: dict[str, Item] = {}
        self._due = _NEVER
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._thread.start()

    def hold(self, item: Item) -> None:
        """Renew the lease of *item* from now on."""
        with self._changed:
            self.held[item.lease] = item
            due = time.monotonic() + item.lease_ms / 3000
            if due < self._due:  # else the thread already knows when to look again
                self._due = due
                self._changed.notify()

    def let_go(self, lease: str) -> None:
        """Renew *lease* no more: its attempt was reported, handed back or lost."""
        with self._changed:
            self.held.pop(lease, None)

    def close(self) -> None:
        """Stop renewing; a renewal under way is waited for."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _keep(self) -> None:
        while True:
            with self._changed:
                while not self._is_closed and (pause_s := self._due - time.monotonic()) > 0:
                    self._changed.wait(min(pause_s, threading.TIMEOUT_MAX))
                if self._is_closed:
                    return
                # One call renews them all: those not due yet are the next calls saved.
                items, self._due = [*self.held.values()], _NEVER
            renewal = Renewal()
            try:
                renewal = self._renew(items) if items else renewal
            except (StoreError, ValueError) as error:
                _log.warning("renewal_failed", extra={"f": {"reason": type(error).__name__}})
            with self._changed:
                for item in items:
                    if item.lease in self.held:
                        self.hold(item)
            if renewal.cancelled or renewal.lost:
                self._told(renewal)
