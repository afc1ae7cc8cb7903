"""The worker's life against an in-memory database."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes import FakeStore, FakeTransport, Target, work_item
from support_wait import HANG_S, soon

from worker import leases, outbox, pace
from worker.config import Settings
from worker.errors import AccessRefused, StoreRejected, StoreUnavailable
from worker.evaluator import Evaluator
from worker.loop import Worker
from worker.models import Renewal
from worker.runner import Runner
from worker.transport import Hop


@pytest.fixture(autouse=True)
def _leases_are_looked_after_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TICK_S", 0.005)


async def answers(_: Hop) -> bytes:
    """Be an API that is fine."""
    return b'{"ok": true}'


async def never_answers(_: Hop) -> bytes:
    """Be an API that hangs."""
    await asyncio.Event().wait()
    raise AssertionError


def worker_for(store: FakeStore, target: Target = answers, **settings: Any) -> Worker:
    """Return a worker that polls often and, when stopped, lets everything end by itself."""
    given = {"grace_s": HANG_S, "kill_s": HANG_S, "poll_interval_s": 0.2} | settings
    return Worker(
        store,  # type: ignore[arg-type]
        Runner(FakeTransport(target), Evaluator(1)),
        Settings.model_validate({"supabase_url": "http://x", "supabase_key": "k"} | given),
    )


def filled(count: int, **changes: Any) -> FakeStore:
    """Return a store with *count* pieces of work."""
    store = FakeStore()
    store.queue.extend(work_item(number) | changes for number in range(count))
    return store


async def test_once_does_all_there_is_and_leaves() -> None:
    """Every item is reported exactly once, in batches."""
    store = filled(500)

    await worker_for(store).run(once=True)

    assert sorted(report["item"] for report in store.reports) == list(range(500))
    assert max(store.batches) <= outbox.BATCH_REPORTS
    assert len(store.batches) < 50
    assert store.registered[2] == 32


async def test_once_waits_for_work_that_is_coming() -> None:
    """An empty claim that names a time is not the end."""
    store = FakeStore()
    claims = 0

    async def claim(*_: object) -> Any:
        nonlocal claims
        claims += 1
        if claims == 2:
            store.queue.append(work_item(1))
        reply = await FakeStore.claim_work(store, *_)  # type: ignore[arg-type]
        return reply.model_copy(update={"retry_ms": 20.0 if claims == 1 else None})

    store.claim_work = claim  # type: ignore[method-assign,assignment]
    await worker_for(store).run(once=True)

    assert len(store.reports) == 1


async def test_no_more_requests_run_than_there_are_slots() -> None:
    """What is prefetched waits."""
    now, most = 0, 0

    async def counts(_: Hop) -> bytes:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return b""

    await worker_for(filled(60), counts, concurrency=7).run(once=True)

    assert most == 7


async def test_the_first_claim_asks_for_slots_and_prefetch_apart() -> None:
    """Only free slots may be given what must not wait."""
    store = filled(0)

    await worker_for(store, concurrency=5, prefetch=9).run(once=True)

    assert store.asked == [(5, 9)]


async def test_a_chain_of_dependent_tests_never_waits_for_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each report unlocks the next item and goes out at once."""
    monkeypatch.setattr(outbox, "BATCH_AGE_S", HANG_S)
    store = filled(1)
    store.judge = lambda report: [work_item(report["item"] + 1)] if report["item"] < 50 else []

    async with asyncio.timeout(HANG_S):
        await worker_for(store).run(once=True)

    assert len(store.reports) == 51


@pytest.mark.parametrize("call", ["claim_work", "report_work"])
async def test_a_lost_reply_is_asked_for_again_under_the_same_call_id(call: str) -> None:
    """The database then gives the same answer, and nothing is done twice."""
    store = filled(3)
    lost: list[str] = []

    def after(name: str) -> None:
        if name == call and not lost:
            lost.append(name)
            raise StoreUnavailable("reset")

    store.after = after
    await worker_for(store).run(once=True)

    repeated = {one for one in store.call_ids if store.call_ids.count(one) > 1}
    assert len(repeated) == 1
    assert sorted(report["item"] for report in store.reports) == [0, 1, 2]


async def test_a_repeated_lease_is_not_run_twice() -> None:
    """Two claims may bring the same work."""
    store = FakeStore()
    work = work_item(1)
    store.queue.extend([work, dict(work)])

    await worker_for(store).run(once=True)

    assert len(store.reports) == 1


async def test_a_refused_batch_is_halved_until_the_offender_is_alone() -> None:
    """The others are accepted; for the one, a report that says so."""
    store = filled(40)

    def judge(report: dict[str, Any]) -> list[dict[str, Any]]:
        if report["item"] == 17 and report["response"]:
            raise StoreRejected("bad JSON", "22P02", status=400)
        return []

    store.judge = judge
    await worker_for(store).run(once=True)

    errors = {report["item"]: report["error"] for report in store.reports}
    assert sorted(errors) == list(range(40))
    assert {item for item, error in errors.items() if error} == {17}
    assert errors[17]["category"] == "unreportable"


async def test_an_offender_that_is_refused_even_so_is_given_up() -> None:
    """Its lease will run out; the worker goes on."""
    store = filled(2)

    def judge(report: dict[str, Any]) -> list[dict[str, Any]]:
        if report["item"] == 1:
            raise StoreRejected("no", "22P02", status=400)
        return []

    store.judge = judge
    await worker_for(store).run(once=True)

    assert [report["item"] for report in store.reports] == [0]


async def test_a_worker_whose_access_is_refused_ends() -> None:
    """Its key was taken away: every further call would fail too."""
    store = filled(1)

    def judge(_: dict[str, Any]) -> list[dict[str, Any]]:
        raise AccessRefused("no", "42501", status=403)

    store.judge = judge
    with pytest.raises(AccessRefused):
        await worker_for(store).run()


async def test_an_unreachable_database_at_the_start_is_an_error() -> None:
    """Who started the worker should know."""
    store = FakeStore()

    def before(_: str) -> None:
        raise StoreUnavailable("nobody there")

    store.before = before
    with pytest.raises(StoreUnavailable):
        await worker_for(store).run()


async def test_an_outage_loses_no_report() -> None:
    """They are kept until the database is back."""
    store = filled(5)
    outage = 3

    def before(name: str) -> None:
        nonlocal outage
        if name == "report_work" and outage:
            outage -= 1
            raise StoreUnavailable("restarting")

    store.before = before
    await worker_for(store).run(once=True)

    assert len(store.reports) == 5


async def test_stopping_finishes_what_is_in_flight_and_hands_back_the_rest() -> None:
    """What was never sent is released; what was, is reported."""
    store = filled(10)
    gate = asyncio.Event()

    async def waits(_: Hop) -> bytes:
        await gate.wait()
        return b""

    worker = worker_for(store, waits, concurrency=3)
    running = asyncio.create_task(worker.run())
    await soon(lambda: not store.queue)
    worker.stop()
    await soon(lambda: len(store.released) == 7)
    gate.set()
    await running

    assert sorted(report["item"] for report in store.reports) == [0, 1, 2]
    assert sorted(store.released) == [3, 4, 5, 6, 7, 8, 9]
    assert all(one == (0, 0) for one in store.asked[1:])


async def test_what_hangs_beyond_the_grace_period_is_interrupted() -> None:
    """It was sent: neither reported as failed nor handed back as if it had not been."""
    store = filled(2)
    worker = worker_for(store, never_answers, concurrency=1, grace_s=0.3)
    running = asyncio.create_task(worker.run())
    await soon(lambda: not store.queue)

    began = time.monotonic()
    worker.stop()
    await running

    assert 0.3 <= time.monotonic() - began < HANG_S
    assert store.reports == []
    assert store.released == [1]


async def test_stopping_during_an_outage_ends_in_time() -> None:
    """The leases run out and others take over."""
    store = filled(1)

    def before(name: str) -> None:
        if name in {"report_work", "release_work"}:
            raise StoreUnavailable("gone")

    store.before = before
    worker = worker_for(store, grace_s=0.3, kill_s=0.3)
    running = asyncio.create_task(worker.run())
    await soon(lambda: not store.queue)
    worker.stop()

    async with asyncio.timeout(HANG_S):
        await running


async def test_a_cancelled_item_is_aborted_and_reported_as_such() -> None:
    """Whether it is under way or still waits; a lost one is dropped without a word."""
    store = filled(4, lease_ms=60)
    store.renewal = Renewal(cancelled=(0, 2), lost=(1, 3))
    worker = worker_for(store, never_answers, concurrency=2)
    running = asyncio.create_task(worker.run())
    await soon(lambda: len(store.reports) == 2)
    worker.stop()
    await running

    assert {report["item"]: report["error"]["category"] for report in store.reports} == {
        0: "cancelled",
        2: "cancelled",
    }
    assert store.released == []


async def test_leases_are_renewed_while_items_run() -> None:
    """And no longer than that."""
    store = filled(1, lease_ms=60)

    async def slow(_: Hop) -> bytes:
        await soon(lambda: store.renewed.count([0]) >= 2)
        return b""

    await worker_for(store, slow).run(once=True)

    count = len(store.renewed)
    await asyncio.sleep(0.05)
    assert len(store.renewed) == count


async def test_a_hint_wakes_an_idle_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before it would have asked by itself."""
    monkeypatch.setattr(pace, "_POLL_MIN_S", 60)
    store = FakeStore()
    worker = worker_for(store, poll_interval_s=60)
    running = asyncio.create_task(worker.run())
    await soon(lambda: store.asked)

    store.queue.append(work_item(1))
    began = time.monotonic()
    store.wake()
    await soon(lambda: len(store.reports) == 1)
    took = time.monotonic() - began
    worker.stop()
    await running

    assert took < 40


async def test_without_hints_an_idle_worker_asks_ever_less_often() -> None:
    """Up to the interval that was set; each pause is shortened by a quarter at most."""
    store = FakeStore()
    began = time.monotonic()

    async def no_hints(_: Callable[[], None]) -> None:
        raise StoreUnavailable("refused")

    store.watch_runs = no_hints  # type: ignore[method-assign,assignment]
    worker = worker_for(store, poll_interval_s=0.2)
    running = asyncio.create_task(worker.run())
    await soon(lambda: len(store.asked) >= 5)
    took = time.monotonic() - began
    store.queue.append(work_item(1))
    await soon(lambda: len(store.reports) == 1)
    worker.stop()
    await running

    assert took >= 0.75 * (0.1 + 0.2 + 0.2 + 0.2)


async def test_work_that_makes_no_sense_is_reported() -> None:
    """Instead of being claimed for ever."""
    store = filled(1)
    store.queue[0]["request"]["timeout_ms"] = "soon"

    await worker_for(store).run(once=True)

    assert store.reports[0]["error"]["category"] == "definition"
    assert "request.timeout_ms" in store.reports[0]["error"]["message"]


async def test_work_without_a_lease_is_left_alone() -> None:
    """There is nobody to answer to."""
    store = FakeStore()
    store.queue.extend([{"item": 1}, work_item(2)])

    await worker_for(store).run(once=True)

    assert [report["item"] for report in store.reports] == [2]


async def test_a_surprise_in_one_item_does_not_end_the_others() -> None:
    """It is reported, and the slot is free again."""
    store = filled(3)

    async def surprises(hop: Hop) -> bytes:
        if hop.url.path == "/surprise":
            raise ZeroDivisionError
        return b""

    store.queue[1]["request"]["url"] = "http://target.test/surprise"
    await worker_for(store, surprises, concurrency=1).run(once=True)

    errors = {report["item"]: report["error"] for report in store.reports}
    assert errors[1]["category"] == "unreportable"
    assert errors[0] is errors[2] is None


async def test_large_reports_travel_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is much larger than the limit."""
    monkeypatch.setattr(outbox, "BATCH_BYTES", 50_000)
    store = filled(20)

    async def large(_: Hop) -> bytes:
        return b"x" * 20_000

    await worker_for(store, large).run(once=True)

    assert len(store.reports) == 20
    assert max(store.batches) <= 2
