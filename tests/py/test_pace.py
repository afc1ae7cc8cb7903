"""When to ask the database."""

import asyncio
from types import SimpleNamespace

import pytest
from support_wait import soon

from worker import pace as module
from worker.errors import StoreUnavailable
from worker.models import Reply
from worker.pace import Pace, keep_watching

NOW = 1000.0
EMPTY = Reply(work=())
SOME = Reply(work=({"item": 1},))


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: NOW))


def wait(pace: Pace) -> float:
    """Return how long it is to the next claim."""
    return max(0.0, pace.next_claim - NOW)


def test_the_first_claim_is_due_now() -> None:
    """A worker that starts may have work waiting."""
    assert wait(Pace(5)) == 0


def test_idle_pauses_grow_up_to_the_longest() -> None:
    """Doubling, give or take the jitter."""
    pace = Pace(1)
    pauses = []
    for _ in range(6):
        pace.end(EMPTY, is_full=False)
        pauses.append(wait(pace))

    assert 0.07 < pauses[0] < 0.13
    assert 0.14 < pauses[1] < 0.26
    assert 0.7 < pauses[-1] <= 1


def test_work_makes_the_pauses_short_again() -> None:
    """There may be more of it soon."""
    pace = Pace(5)
    for _ in range(6):
        pace.end(EMPTY, is_full=False)
    pace.end(SOME, is_full=False)
    pace.end(EMPTY, is_full=False)

    assert wait(pace) < 0.13


def test_a_full_claim_is_followed_by_another() -> None:
    """At once: the database had more than was asked for."""
    pace = Pace(5)

    pace.end(SOME, is_full=True)

    assert wait(pace) == 0


@pytest.mark.parametrize(("retry_ms", "pause_s"), [(40, 0.04), (0, 0.01)])
def test_the_database_may_name_an_earlier_moment(retry_ms: float, pause_s: float) -> None:
    """But cannot make the worker spin."""
    pace = Pace(5)

    pace.end(Reply(work=(), retry_ms=retry_ms), is_full=False)

    assert wait(pace) == pytest.approx(pause_s)


def test_a_later_moment_does_not_stop_the_polling() -> None:
    """Other work may come before."""
    pace = Pace(5)

    pace.end(Reply(work=(), retry_ms=60_000), is_full=False)

    assert wait(pace) < 0.13


def test_a_hint_during_a_call_is_not_lost() -> None:
    """The empty answer may be older than the work."""
    pace = Pace(5)

    pace.begin()
    pace.wake()
    pace.end(EMPTY, is_full=False)
    assert wait(pace) == 0

    pace.begin()
    pace.end(EMPTY, is_full=False)
    assert wait(pace) > 0


def test_pauses_of_an_outage_grow_up_to_five_seconds() -> None:
    """With jitter, so that workers do not come back together; an answer ends them."""
    pace, pauses = Pace(5), []
    for _ in range(9):
        pace.back_off(StoreUnavailable("away"))
        pauses.append(pace.not_before - NOW)

    assert 0.05 <= pauses[0] <= 0.1
    assert 0.1 <= pauses[1] <= 0.2
    assert 2.5 <= pauses[-1] <= 5

    pace.recover()
    pace.back_off(StoreUnavailable("away"))
    assert pace.not_before - NOW <= 0.1


def test_the_platform_may_ask_for_a_longer_pause() -> None:
    """By Retry-After."""
    pace, error = Pace(5), StoreUnavailable("too many")
    error.retry_after_s = 42.0

    pace.back_off(error)

    assert pace.not_before == NOW + 42


def test_after_failures_less_is_asked_for() -> None:
    """Half as much each time, down to one; as soon as there are answers, step by step all of it."""
    pace = Pace(5)
    shares = []
    for _ in range(12):
        pace.back_off(StoreUnavailable("slow"))
        shares.append(pace.share(100))

    assert shares[:7] == [50, 25, 12, 6, 3, 1, 1]
    assert pace.halvings == module.MOST_HALVINGS
    assert pace.share(0) == 0
    for _ in range(12):
        pace.recover()
    assert (pace.share(100), pace.halvings) == (100, 0)


async def test_a_watch_that_ends_is_set_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it failed or had grown old."""
    monkeypatch.setattr(module, "_WATCH_MIN_S", 0.001)
    watches = 0

    async def ends() -> None:
        nonlocal watches
        watches += 1
        if watches % 2:
            raise StoreUnavailable("refused")

    watching = asyncio.create_task(keep_watching(ends))
    await soon(lambda: watches >= 4)

    watching.cancel()
