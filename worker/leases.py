"""Keeps leases alive from a thread of its own, which nothing the event loop does can hold up."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from worker.errors import StoreError
from worker.models import Item, Lease, Renewal

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """The leases a worker holds; each is renewed when a third of its time has gone by."""

    def __init__(
        self,
        renew: Callable[[Sequence[Lease]], Renewal],
        on_renewal: Callable[[Renewal], object],
    ) -> None:
        """*renew* makes the call; *on_renewal* is given what it says. Both run in the thread."""
        self._renew = renew
        self._on_renewal = on_renewal
        self._due: dict[str, tuple[float, Item]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._thread.start()

    def __contains__(self, lease: str) -> bool:
        """Tell whether *lease* is held."""
        return lease in self._due

    def hold(self, item: Item) -> None:
        """Renew the lease of *item* from now on."""
        with self._changed:
            self._due[item.lease] = (time.monotonic() + item.lease_ms / 3000, item)
            # The thread sleeps until the earliest renewal it knows of.
            if len(self._due) == 1:
                self._changed.notify()

    def let_go(self, lease: str) -> None:
        """Renew *lease* no more: its attempt was reported, handed back or lost."""
        with self._changed:
            self._due.pop(lease, None)

    def close(self) -> None:
        """Stop renewing; a renewal under way is waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _keep(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                if not self._due or (pause := min(d for d, _ in self._due.values()) - now) > 0:
                    self._changed.wait(pause if self._due else None)
                    continue
                # One call renews them all: those not due yet are the next calls saved.
                items = [item for _, item in self._due.values()]
            try:
                renewal = self._renew(items)
            except StoreError as error:
                _log.warning("renewal_failed", extra={"f": {"code": getattr(error, "code", "")}})
                renewal = Renewal()
            with self._changed:
                now = time.monotonic()
                for item in items:
                    if item.lease in self._due:
                        self._due[item.lease] = (now + item.lease_ms / 3000, item)
            if renewal.cancelled or renewal.lost:
                self._on_renewal(renewal)
