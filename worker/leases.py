"""Keeps leases alive from a thread of its own, which nothing the event loop does can hold up."""

import logging
import threading
from collections.abc import Callable, Sequence

from worker.errors import AccessRefused, StoreError
from worker.models import Item, Lease, Renewal

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """The leases a worker holds; all are renewed whenever a third of the shortest has gone by."""

    def __init__(
        self, renew: Callable[[Sequence[Lease]], Renewal], told: Callable[[Renewal], object]
    ) -> None:
        """*renew* makes the call, *told* is given what it says; both run in the thread."""
        self._renew = renew
        self._told = told
        self.held: dict[str, Item] = {}
        self._is_closed = False
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self._thread.start()

    def hold(self, item: Item) -> None:
        """Renew the lease of *item* from now on."""
        self.held[item.lease] = item
        if len(self.held) == 1:  # else the thread looks in time for the others
            self._changed.set()

    def let_go(self, lease: str) -> None:
        """Renew *lease* no more: its attempt was reported, handed back or lost."""
        self.held.pop(lease, None)

    def close(self) -> None:
        """Stop renewing; a renewal under way is waited for."""
        self._is_closed = True
        self._changed.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._is_closed:
            shortest_ms = min((one.lease_ms for one in self._items()), default=None)
            if self._changed.wait(shortest_ms and shortest_ms / 3000):
                self._changed.clear()
            elif items := self._items():
                self._renew_all(items)

    def _items(self) -> list[Item]:
        return list(self.held.copy().values())  # a copy is made in one step, between two threads

    def _renew_all(self, items: Sequence[Item]) -> None:
        try:
            renewal = self._renew(items)
        except AccessRefused:
            # Nor will a report be taken: what is in flight is in vain.
            renewal = Renewal(lost=tuple(one.item for one in items))
        except (StoreError, ValueError) as error:
            _log.warning("renewal_failed", extra={"f": {"reason": type(error).__name__}})
            return
        if renewal.cancelled or renewal.lost:
            self._told(renewal)
