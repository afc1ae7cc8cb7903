"""Leases are renewed from a thread of their own."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from fakes import work_item
from support_wait import HANG_S, wait_until

from worker import leases
from worker.errors import AccessRefused, StoreUnavailable
from worker.leases import LeaseKeeper
from worker.models import Item, Lease, Renewal

Keep = Callable[..., LeaseKeeper]


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keep]:
    """Yield what makes a keeper that looks often; it is closed afterwards."""
    monkeypatch.setattr(leases, "TICK_S", 0.005)
    keepers: list[LeaseKeeper] = []

    def start(
        renew: Callable[[Sequence[Lease]], Renewal], told: Callable[..., object] = lambda *_: None
    ) -> LeaseKeeper:
        keepers.append(LeaseKeeper(renew, told))
        return keepers[-1]

    yield start
    for keeper in keepers:
        keeper.close(HANG_S)


def leased(number: int, lease_ms: int) -> Item:
    """Return an item that is held for *lease_ms*."""
    return Item.model_validate(work_item(number) | {"lease_ms": lease_ms})


def hold(keeper: LeaseKeeper, *items: Item) -> None:
    """Hold *items*, claimed just now."""
    for item in items:
        keeper.hold(item, time.monotonic())


def test_leases_are_renewed_together_at_a_third_of_their_time(keep: Keep) -> None:
    """In one call, again and again, from another thread."""
    calls: list[tuple[float, list[int], str]] = []

    def renew(items: Sequence[Lease]) -> Renewal:
        name = threading.current_thread().name
        calls.append((time.monotonic(), [one.item for one in items], name))
        return Renewal()

    keeper = keep(renew)
    began = time.monotonic()
    hold(keeper, *(leased(number, 900) for number in (1, 2, 3)))
    wait_until(lambda: len(calls) >= 3)

    assert calls[0][1] == [1, 2, 3]
    assert calls[0][0] - began >= 0.29
    assert calls[1][0] - calls[0][0] >= 0.29
    assert {name for _, _, name in calls} == {"leases"}


def test_a_lease_that_is_let_go_is_not_renewed(keep: Keep) -> None:
    """Nor does it come back after a renewal under way."""
    calls: list[list[int]] = []
    first, second = leased(1, 600), leased(2, 600)

    def renew(items: Sequence[Lease]) -> Renewal:
        calls.append([one.item for one in items])
        keeper.let_go(first)
        return Renewal()

    keeper = keep(renew)
    hold(keeper, first, second)
    wait_until(lambda: len(calls) >= 3)

    assert calls[0] == [1, 2]
    assert all(items == [2] for items in calls[1:])


def test_what_a_renewal_says_is_passed_on(keep: Keep) -> None:
    """With the items that it was about."""
    told: list[tuple[Renewal, list[int]]] = []
    answers = iter([Renewal(), Renewal(cancelled=(1,), lost=(2,))])
    keeper = keep(
        lambda _: next(answers, Renewal()),
        lambda renewal, items: told.append((renewal, [one.item for one in items])),
    )

    hold(keeper, leased(1, 30))
    wait_until(lambda: len(told) > 1)

    assert told[:2] == [(Renewal(), [1]), (Renewal(cancelled=(1,), lost=(2,)), [1])]


def test_a_failed_renewal_is_tried_again_soon(keep: Keep) -> None:
    """There are two thirds of the lease left for that."""
    calls: list[float] = []

    def renew(_: Sequence[Lease]) -> Renewal:
        calls.append(time.monotonic())
        raise StoreUnavailable("gone")

    keeper = keep(renew)
    hold(keeper, leased(1, 6 * int(HANG_S) * 1000))
    keeper.held[1].until -= 3 * HANG_S  # as if more than a third of it had gone by
    wait_until(lambda: len(calls) >= 3)

    assert keeper.held


def test_a_renewal_comes_back_when_the_platform_says(keep: Keep) -> None:
    """Not before, however short the lease."""
    calls: list[float] = []

    def renew(_: Sequence[Lease]) -> Renewal:
        calls.append(time.monotonic())
        error = StoreUnavailable("too many")
        error.retry_after_s = 0.2
        raise error

    hold(keep(renew), leased(1, 30))
    wait_until(lambda: len(calls) >= 2)

    assert calls[1] - calls[0] >= 0.2


def test_a_lease_is_ours_by_our_own_clock(keep: Keep) -> None:
    """From before the call that took it; a renewal makes it ours again, unless it says lost."""
    asked = threading.Semaphore(0)
    told: list[Renewal] = []

    def renew(_: Sequence[Lease]) -> Renewal:
        asked.acquire()
        return Renewal(lost=(2,))

    keeper = keep(renew, lambda renewal, _: told.append(renewal))
    items = [leased(number, int(HANG_S) * 1000) for number in (1, 2)]
    hold(keeper, leased(3, int(HANG_S) * 1000))
    for item in items:
        keeper.hold(item, time.monotonic() - HANG_S)
    assert keeper.is_ours(keeper.held[3].item)
    assert not any(keeper.is_ours(item) for item in items)

    asked.release()
    wait_until(lambda: told)
    asked.release(1_000)

    assert keeper.is_ours(items[0])
    assert not keeper.is_ours(items[1])


def test_an_item_given_anew_is_held_under_its_new_lease(keep: Keep) -> None:
    """Letting the old one go does not let the new one go."""
    keeper = keep(lambda _: Renewal())
    old, new = leased(1, 30_000), leased(1, 30_000)
    hold(keeper, old, new)

    keeper.let_go(old)

    assert keeper.is_ours(new)
    assert not keeper.is_ours(old)


def test_all_is_lost_to_who_is_not_let_in(keep: Keep) -> None:
    """A revoked runner breaks off what it has in flight: nobody will take the reports."""
    told: list[Renewal] = []

    def renew(_: Sequence[Lease]) -> Renewal:
        raise AccessRefused("revoked", "PT403", "worker_revoked", 403)

    keeper = keep(renew, lambda renewal, _: told.append(renewal))
    hold(keeper, leased(1, 30), leased(2, 30))
    wait_until(lambda: told and set(told[-1].lost) == {1, 2})


def test_closing_an_idle_keeper_ends_its_thread(keep: Keep) -> None:
    """At once, although it waits for nothing in particular."""
    keep(lambda _: Renewal()).close(HANG_S)

    assert all(thread.name != "leases" for thread in threading.enumerate())


def test_closing_does_not_wait_for_ever(keep: Keep) -> None:
    """A renewal may hang as long as the network lets it."""
    begun, over = threading.Event(), threading.Event()

    def renew(_: Sequence[Lease]) -> Renewal:
        begun.set()
        over.wait(HANG_S)
        return Renewal()

    keeper = keep(renew)
    hold(keeper, leased(1, 30))
    begun.wait(HANG_S)

    keeper.close(0.01)

    assert not over.is_set()
    over.set()
