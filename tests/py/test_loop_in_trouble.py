"""The worker's life when the database is slow, away, half there or says no."""

import asyncio
import logging
import random
import time
from collections import Counter
from copy import copy
from typing import Any

import pytest
from fakes import FakeStore, work_item
from support_wait import HANG_S, soon
from test_loop import filled, never_answers, worker_for

from worker import leases, loop, outbox, pace
from worker.errors import AccessRefused, StoreError, StoreRejected, StoreUnavailable
from worker.models import Claim, Renewal, Reply
from worker.transport import Hop

LEASE_S = 30


class Clock:
    """Time as the worker's leases see it, which a test can let jump."""

    def __init__(self) -> None:
        """Begin with the machine's own."""
        self.ahead_s = 0.0

    def monotonic(self) -> float:
        """Return the machine's time, and what was jumped over."""
        return time.monotonic() + self.ahead_s


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock; pauses and the looks at leases are short meanwhile."""
    clock = Clock()
    for module in (leases, loop, outbox, pace):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(leases, "TICK_S", 0.002)
    monkeypatch.setattr(pace, "_OUTAGE_MIN_S", 0.001)
    monkeypatch.setattr(pace, "_OUTAGE_MAX_S", 0.004)
    return clock


def dropped(caplog: pytest.LogCaptureFixture) -> list[tuple[str, list[int]]]:
    """Return what the worker said it dropped: reason and items."""
    said = [record.__dict__["f"] for record in caplog.records if record.message == "dropped"]
    return [(one["reason"], one["items"]) for one in said]


def counting(started: list[str]) -> Any:
    """Return an API that notes the path of each request."""

    async def target(hop: Hop) -> bytes:
        started.append(hop.url.path)
        return b""

    return target


async def test_nothing_starts_under_a_lease_that_ran_out(clock: Clock) -> None:
    """The reply to a claim came late: first a renewal has to say that the work is still ours."""
    store, started = filled(4), []
    renewals = asyncio.Semaphore(0)

    def after(name: str) -> None:
        if name == "claim_work" and not clock.ahead_s:
            clock.ahead_s = LEASE_S
            raise StoreUnavailable("the reply was lost")

    refused = 0

    def before(name: str) -> None:
        nonlocal refused
        if name == "renew_work" and renewals.locked():
            refused += 1
            raise StoreUnavailable("still away")

    store.after, store.before = after, before
    running = asyncio.create_task(worker_for(store, counting(started)).run(once=True))
    # Handed out again, and three times not renewed.
    await soon(lambda: refused >= 3)
    before_renewal = list(started)
    renewals.release()
    await running

    assert before_renewal == []
    assert len(started) == len(store.reports) == 4


async def test_what_was_lost_meanwhile_is_dropped_and_told(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker was frozen for longer than a lease; others have what it held ready."""
    store, started, gate = filled(5), [], asyncio.Event()

    async def waits(hop: Hop) -> bytes:
        started.append(hop.url.path)
        await gate.wait()
        return b""

    worker = worker_for(store, waits, concurrency=2)
    running = asyncio.create_task(worker.run(once=True))
    await soon(lambda: len(started) == 2)
    lost = tuple(store.leases)
    store.renewal = Renewal(lost=lost)
    store.leases.clear()
    clock.ahead_s = LEASE_S
    gate.set()
    await running

    assert len(started) == 2
    assert store.reports == []
    told = [item for _, items in dropped(caplog) for item in items]
    assert sorted(told) == sorted(lost)


async def test_an_item_that_is_given_anew_is_not_run_under_both_leases(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It was taken back and handed to the same worker: the one before is broken off."""
    store, hung = FakeStore(), []
    first = work_item(1, "http://target.test/first")
    second = first | {"lease": "second", "attempt": 2}
    second["request"] = first["request"] | {"url": "http://target.test/second"}

    async def first_hangs(hop: Hop) -> bytes:
        if hop.url.path == "/first":
            hung.append(hop)
            return await never_answers(hop)
        return b""

    store.queue.append(first)
    running = asyncio.create_task(worker_for(store, first_hangs).run(once=True))
    await soon(lambda: hung)
    store.leases.clear()
    store.queue.append(second)
    await running

    assert [one["attempt"] for one in store.reports] == [2]
    assert dropped(caplog) == [("its lease was lost", [1])]


@pytest.mark.parametrize(("bound", "most"), [("MOST_REPORTS", 5), ("MOST_BYTES", 2_000)])
async def test_reports_are_kept_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    """Then nothing more is started or claimed, until the database has taken some."""
    monkeypatch.setattr(outbox, bound, most)
    store, started, tries = filled(60), [], 0
    is_away = True

    def before(name: str) -> None:
        nonlocal tries
        if name == "report_work" and is_away:
            tries += 1
            raise StoreUnavailable("away")

    store.before = before
    worker = worker_for(store, counting(started), concurrency=3, prefetch=20)
    running = asyncio.create_task(worker.run(once=True))
    await soon(lambda: tries >= 20)
    count = len(started)
    is_away = False
    await running

    assert 4 <= count <= 5 + 3
    assert max(slots + prefetch for slots, prefetch in store.asked) <= 23
    assert sorted(one["item"] for one in store.reports) == list(range(60))


async def test_who_is_slow_to_report_claims_less() -> None:
    """What is not yet reported takes room like what is not yet done."""
    store = filled(200)
    store.before = lambda name: failing(name == "report_work" and len(store.reports) < 50)
    calls = iter(range(10_000))

    def failing(is_report: object) -> None:
        if is_report and next(calls) % 2:
            raise StoreUnavailable("slow", "57014")

    await worker_for(store, concurrency=10, prefetch=10).run(once=True)

    assert len(store.reports) == 200
    assert max(store.batches) <= 20
    assert (0, 0) in store.asked


@pytest.mark.parametrize("call", ["claim_work", "report_work"])
async def test_what_is_too_much_for_the_database_becomes_less(call: str) -> None:
    """It ends statements that take too long: it is asked for half, and half of that."""
    store = filled(150)

    async def limited(claim: Claim, reports: Any = ()) -> Reply:
        if (len(reports) or claim.most) > 6:
            raise StoreUnavailable("canceling statement due to statement timeout", "57014")
        if reports:
            return await FakeStore.report_work(store, claim, reports)
        return await FakeStore.claim_work(store, claim)

    setattr(store, call, limited)
    await worker_for(store).run(once=True)

    assert len(store.reports) == 150


@pytest.mark.parametrize("status", [400, 500])
async def test_a_claim_that_cannot_be_served_spoils_no_report(status: int) -> None:
    """Reports travel without it then."""
    store = filled(30)

    async def report(claim: Claim, reports: Any) -> Reply:
        if claim.most:
            raise StoreRejected("the claim fails", "XX000", status=status)
        return await FakeStore.report_work(store, claim, reports)

    store.report_work = report  # type: ignore[method-assign]
    await worker_for(store).run(once=True)

    assert [one["error"] for one in store.reports] == [None] * 30


async def test_a_refused_claim_is_asked_again() -> None:
    """While migrations are pushed a function may be missing; the worker outlives that."""
    store = filled(3)
    refusals = iter([StoreRejected("no function", "PGRST202", status=404)] * 3)

    def before(name: str) -> None:
        if name == "claim_work" and (error := next(refusals, None)):
            raise error

    store.before = before
    await worker_for(store).run(once=True)

    assert len(store.reports) == 3


async def test_a_page_that_refuses_one_report_is_outlived() -> None:
    """A firewall on the way does not like one answer: in the end the rest goes on without it."""
    store = filled(5)

    def judge(report: dict[str, Any]) -> list[dict[str, Any]]:
        if report["item"] == 2 and report["response"]:
            raise StoreUnavailable("<html>", status=403)
        return []

    store.judge = judge
    await worker_for(store).run(once=True)

    told = {one["item"]: (one["error"] or {}).get("category") for one in store.reports}
    assert told == {0: None, 1: None, 2: "unreportable", 3: None, 4: None}


async def test_a_page_in_the_way_of_everything_costs_no_report() -> None:
    """Such as that of a proxy whose server is just starting."""
    store, tries = filled(5), 0

    def before(name: str) -> None:
        nonlocal tries
        if name == "report_work" and tries < 30:
            tries += 1
            raise StoreUnavailable("404 page not found", status=404)

    store.before = before
    await worker_for(store).run(once=True)

    assert [one["error"] for one in store.reports] == [None] * 5


async def test_a_worker_that_is_not_let_in_tells_what_it_drops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In its log item by item, and how many in the line it ends with."""
    store = filled(3)

    def judge(_: dict[str, Any]) -> list[dict[str, Any]]:
        raise AccessRefused("no", "42501", status=403)

    store.judge = judge
    with pytest.raises(AccessRefused) as failure:
        await worker_for(store).run()

    assert failure.value.__notes__ == ["Requests dropped unreported: 3."]
    assert dropped(caplog) == [("the worker ended", [0, 1, 2])]


async def test_late_reports_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """They decide nothing any more."""
    store = filled(2)

    async def takes_the_lease(_: Hop) -> bytes:
        store.leases.pop(1, None)
        return b""

    await worker_for(store, takes_the_lease).run(once=True)

    assert [one["item"] for one in store.reports] == [0]
    assert dropped(caplog) == [("reported when its lease was lost", [1])]


async def test_stopping_hands_back_what_a_lost_reply_held() -> None:
    """The work is asked for once more under the call that took it, and released unsent."""
    store, started = filled(3), []
    worker = worker_for(store, counting(started))

    def after(name: str) -> None:
        if name == "claim_work" and not store.released and len(store.call_ids) == 1:
            worker.stop()
            raise StoreUnavailable("the reply was lost")

    store.after = after
    await worker.run()

    assert sorted(store.released) == [0, 1, 2]
    assert started == []
    assert len(set(store.call_ids)) == 1


async def test_what_cannot_be_handed_back_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Its lease runs out, and others take it."""
    store = filled(3)

    def before(name: str) -> None:
        if name == "release_work":
            raise StoreUnavailable("away")

    store.before = before
    worker = worker_for(store, never_answers, concurrency=1, grace_s=0)
    running = asyncio.create_task(worker.run())
    await soon(lambda: len(store.leases) == 3)
    worker.stop()
    await running

    assert dropped(caplog) == [("the worker ended", [0, 1, 2])]


FAULTS: list[StoreError] = [
    StoreUnavailable("reset"),
    StoreUnavailable("timeout", "57014", status=500),
    StoreUnavailable("<html>", status=502),
    StoreUnavailable("read only", "25006", status=405),
    StoreRejected("bug", "XX000", status=500),
]


class Capricious(FakeStore):
    """Fails at random for a while, refuses some reports, and takes some leases away."""

    def __init__(self, seed: int, count: int) -> None:
        """Be capricious in the way of *seed*, with *count* items."""
        super().__init__()
        self.rng = random.Random(seed)  # noqa: S311
        self.handed_out: Counter[int] = Counter()
        self.faults_left = 60
        self.poisoned = {number for number in range(count) if self.rng.random() < 0.05}
        self.hopeless = {number for number in self.poisoned if self.rng.random() < 0.3}
        self.before = self.after = self.fail
        self.judge = self.refuse
        self.queue.extend(self.lease(number) for number in range(count))

    def lease(self, number: int) -> dict[str, Any]:
        """Return item *number* under a new lease, which its URL names."""
        work = work_item(number) | {"lease_ms": 300, "attempt": self.handed_out[number] + 1}
        work["request"]["url"] = f"http://target.test/{work['lease']}"
        self.handed_out[number] += 1
        return work

    def fail(self, name: str) -> None:
        """Raise, often at first; but a worker that cannot register has nothing to lose."""
        if name != "register_worker" and self.faults_left and self.rng.random() < 0.4:
            self.faults_left -= 1
            raise copy(self.rng.choice(FAULTS))

    def refuse(self, report: dict[str, Any]) -> list[dict[str, Any]]:
        """Refuse what is poisoned; of some even the substitute."""
        number, is_substitute = report["item"], report["error"] is not None
        if number in self.hopeless or (number in self.poisoned and not is_substitute):
            raise StoreRejected("no", "22P02", status=400)
        return []

    def renew_work(self, worker_id: str, items: Any) -> Renewal:
        """Take a lease away now and then, and hand the item out again."""
        super().renew_work(worker_id, items)
        lost = [one.item for one in items if self.leases.get(one.item) != one.lease]
        for one in items:
            if self.rng.random() < 0.02 and self.leases.get(one.item) == one.lease:
                del self.leases[one.item]
                self.queue.append(self.lease(one.item))
                lost.append(one.item)
        return Renewal(lost=tuple(lost))


@pytest.mark.parametrize("seed", range(25))
async def test_every_item_ends_reported_handed_back_or_told(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails in whatever order; and none is ever started twice under one lease."""
    store, started = Capricious(seed, 80), []
    rng = random.Random(seed)  # noqa: S311
    is_stopped = rng.random() < 0.5

    async def target(hop: Hop) -> bytes:
        started.append(hop.url.path)
        await asyncio.sleep(rng.choice([0, 0, 0.001, 0.01]))
        if is_stopped and len(started) > rng.randrange(20, 400):
            worker.stop()
        return b""

    settings = {"concurrency": rng.choice([1, 4, 16]), "prefetch": rng.choice([0, 5, 40])}
    worker = worker_for(store, target, poll_interval_s=0.01, **settings)
    with caplog.at_level(logging.WARNING, "worker"):
        async with asyncio.timeout(HANG_S):
            await worker.run(once=True)

    told = [item for _, items in dropped(caplog) for item in items]
    waiting = [work["item"] for work in store.queue]
    reported = [report["item"] for report in store.reports]
    ends = Counter([*reported, *store.released, *told, *waiting])
    assert max(Counter(started).values()) == 1
    assert set(ends) == set(range(80))
    assert max(Counter(reported).values()) == 1
    assert {item for item in store.leases if item not in told} == set()
