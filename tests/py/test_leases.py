"""Leases are renewed from a thread of their own."""

import threading
import time
from collections.abc import Sequence

from fakes import work_item
from support_wait import wait_until

from worker.errors import AccessRefused, StoreUnavailable
from worker.leases import LeaseKeeper
from worker.models import Item, Lease, Renewal


def leased(number: int, lease_ms: int) -> Item:
    """Return an item that is held for *lease_ms*."""
    return Item.model_validate(work_item(number) | {"lease_ms": lease_ms})


def test_leases_are_renewed_together_at_a_third_of_their_time() -> None:
    """In one call, again and again, from another thread."""
    calls: list[tuple[float, list[int], str]] = []

    def renew(items: Sequence[Lease]) -> Renewal:
        name = threading.current_thread().name
        calls.append((time.monotonic(), [one.item for one in items], name))
        return Renewal()

    keeper = LeaseKeeper(renew, lambda _: None)
    began = time.monotonic()
    for number in (1, 2, 3):
        keeper.hold(leased(number, 900))
    wait_until(lambda: len(calls) >= 3)
    keeper.close()

    assert calls[0][1] == [1, 2, 3]
    assert calls[0][0] - began >= 0.29
    assert {name for _, _, name in calls} == {"leases"}


def test_a_lease_that_is_let_go_is_not_renewed() -> None:
    """Nor does it come back after a renewal under way."""
    calls: list[list[int]] = []
    first, second = leased(1, 600), leased(2, 600)

    def renew(items: Sequence[Lease]) -> Renewal:
        calls.append([one.item for one in items])
        keeper.let_go(first.lease)
        return Renewal()

    keeper = LeaseKeeper(renew, lambda _: None)
    keeper.hold(first)
    keeper.hold(second)
    wait_until(lambda: len(calls) >= 3)
    keeper.close()

    assert calls[0] == [1, 2]
    assert all(items == [2] for items in calls[1:])


def test_what_a_renewal_says_is_passed_on() -> None:
    """Only if it says something."""
    told: list[Renewal] = []
    answers = iter([Renewal(), Renewal(cancelled=(1,), lost=(2,))])
    keeper = LeaseKeeper(lambda _: next(answers, Renewal()), told.append)

    keeper.hold(leased(1, 30))
    wait_until(lambda: len(told) > 0)
    keeper.close()

    assert told == [Renewal(cancelled=(1,), lost=(2,))]


def test_a_failed_renewal_is_tried_again() -> None:
    """There are two thirds of the lease left for that."""
    calls: list[int] = []

    def renew(items: Sequence[Lease]) -> Renewal:
        calls.append(len(items))
        raise StoreUnavailable("gone")

    keeper = LeaseKeeper(renew, lambda _: None)
    keeper.hold(leased(1, 30))
    wait_until(lambda: len(calls) >= 2)
    keeper.close()


def test_all_is_lost_to_who_is_not_let_in() -> None:
    """A revoked runner breaks off what it has in flight: nobody will take the reports."""
    told: list[Renewal] = []

    def renew(_: Sequence[Lease]) -> Renewal:
        raise AccessRefused("revoked", "PT403", "worker_revoked", 403)

    keeper = LeaseKeeper(renew, told.append)
    keeper.hold(leased(1, 30))
    keeper.hold(leased(2, 30))
    wait_until(lambda: told and set(told[-1].lost) == {1, 2})
    keeper.close()


def test_closing_an_idle_keeper_ends_its_thread() -> None:
    """At once, although it waits for nothing in particular."""
    keeper = LeaseKeeper(lambda _: Renewal(), lambda _: None)

    keeper.close()

    assert all(thread.name != "leases" for thread in threading.enumerate())
