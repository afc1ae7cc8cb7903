"""Slots are shared whatever the sizes of runs and claims, and claims go on whatever others hold."""

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from conftest import Database
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_support import scratch_engine
from support_engine import Engine, as_sql

from worker.embedded.postgres import Cluster

ORGANIZATIONS, RUNS = 6, 2
SLOTS, PREFETCH = 32, 200


class Worker:
    """A worker that makes as many requests at once as it has slots, and holds more ready."""

    def __init__(self, engine: Engine) -> None:
        """Register."""
        self.engine = engine
        self.id = engine.value("select public.register_worker('w', '1', %s)", SLOTS)
        self.held: list[dict[str, Any]] = []
        self.made = 0

    def claim(self, free_slots: int, prefetch: int = 0) -> list[dict[str, Any]]:
        """Claim, and hold what comes."""
        return self.call("claim_work", free_slots=free_slots, prefetch=prefetch)

    def work(self) -> None:
        """Make the requests of all slots, report them, and ask for more as a worker does."""
        done, self.held = self.held[:SLOTS], self.held[SLOTS:]
        waiting = len(self.held) - SLOTS
        prefetch = PREFETCH - max(0, waiting) if waiting <= PREFETCH // 2 else 0
        self.made += len(done)
        reports = [self.engine.say(item) for item in done]
        self.call("report_work", reports=reports, free_slots=max(0, -waiting), prefetch=prefetch)

    def call(self, function: str, **arguments: Any) -> list[dict[str, Any]]:
        """Call and hold what comes."""
        call = self.engine.call(function, worker_id=self.id, call_id=str(uuid.uuid4()), **arguments)
        work: list[dict[str, Any]] = self.engine.value(call.sql, *call.values)["work"]
        self.held += work
        return work


def rows(count: int) -> dict[str, Any]:
    """Return the fixtures of a suite, of which a test has so many rows."""
    return {
        "fixtures": [
            {"name": "rows", "rows": [{"key": str(key), "values": {}} for key in range(count)]}
        ]
    }


def queue(engine: Engine, count: int, method: str = "GET") -> uuid.UUID:
    """Queue a run of *count* requests; returns its id."""
    test = {"name": "test", "request": {"method": method, "path": "/"}, "fixture": "rows"}
    suite = engine.save(test, **rows(count))
    call = engine.call(
        "queue_run", environment_id=engine.environment, selection={"suites": [suite]}
    )
    run: uuid.UUID = engine.value(call.sql.replace("select", "select id from", 1), *call.values)
    return run


def found(connection: psycopg.Connection) -> Engine:
    """Return an organization whose environment has room for everything."""
    engine = Engine(connection)
    connection.execute("update public.environments set max_parallel = 1000")
    return engine


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_small_run_does_not_wait_for_a_large_one(database: Database, method: str) -> None:
    """Ten tests beside ten thousand that were there first, and one worker: what it holds, no more.

    Requests that may not be repeated wait until it has a free slot, and then get one.
    """
    with database.connect("postgres") as connection:
        large, small = found(connection), found(connection)
        queue(large, 10000)
        worker = Worker(large)
        worker.claim(SLOTS, PREFETCH)
        run = queue(small, 10, method)
        worker.made = 0

        while small.value("select finished_at is null from public.test_runs where id = %s", run):
            worker.work()

        assert worker.made <= 2 * (SLOTS + PREFETCH)
        assert connection.execute("select * from private.check_invariants()").fetchall() == []


@pytest.fixture(scope="module")
def crowd(platform_server: Cluster) -> Iterator[list[tuple[Engine, list[uuid.UUID]]]]:
    """Yield organizations with the runs of each, which always have something to do."""
    with scratch_engine(platform_server) as connection:
        engines = [found(connection) for _ in range(ORGANIZATIONS)]
        yield [(engine, [queue(engine, 300) for _ in range(RUNS)]) for engine in engines]


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, RUNS), min_size=ORGANIZATIONS, max_size=ORGANIZATIONS).filter(any),
    st.lists(st.integers(1, 20), min_size=1, max_size=12),
)
def test_organizations_get_the_same(
    crowd: list[tuple[Engine, list[uuid.UUID]]], run_counts: list[int], sizes: list[int]
) -> None:
    """However many runs each has, and whatever sizes the claims have that come.

    Up to four organizations differ by one request, more by no more than one claim; and of an
    organization no run is left out.
    """
    connection = crowd[0][0].connection
    with connection.transaction(force_rollback=True):
        live = {
            run: number
            for number, ((_, runs), count) in enumerate(zip(crowd, run_counts, strict=True))
            for run in runs[:count]
        }
        connection.execute(
            "update private.live_runs set paused_at = now() where run_id <> all(%s)", [list(live)]
        )
        worker = Worker(crowd[0][0])

        claims = [Counter(item["run"] for item in worker.claim(size)) for size in sizes]

        served: Counter[int] = Counter(dict.fromkeys(live.values(), 0))
        for claim in claims:
            for run, count in claim.items():
                served[live[uuid.UUID(run)]] += count
        assert [claim.total() for claim in claims] == sizes
        assert max(served.values()) - min(served.values()) <= (
            1 if len(served) <= 4 else max(sizes)
        )
        for number in served:
            ours = [
                claim for claim in claims if any(live[uuid.UUID(run)] == number for run in claim)
            ]
            if len(ours) >= RUNS:
                assert {run for run in live if live[run] == number} <= {
                    uuid.UUID(run) for claim in ours for run in claim
                }


def test_a_run_that_somebody_holds(database: Database) -> None:
    """Claims give other runs, leases are renewed; a report is refused for now, then accepted."""
    with (
        database.connect("postgres") as connection,
        database.connect("postgres") as session,
        psycopg.connect(database.dsn("postgres")) as holder,
    ):
        engine = found(connection)
        held_run = queue(engine, 2)
        worker = Worker(engine)
        (item,) = worker.claim(1)
        other_run = queue(engine, 2)
        lease = {name: item[name] for name in ("item", "attempt", "lease")}
        call = engine.call(
            "report_work", worker_id=worker.id, call_id=uuid.uuid4(), reports=[engine.say(item)]
        )
        holder.execute("select from private.live_runs where run_id = %s for update", (held_run,))
        session.execute("set lock_timeout = '100ms'")  # the platform's is 8 s

        assert {each["run"] for each in worker.claim(10)} == {str(other_run)}
        renewed = session.execute(
            "select public.renew_work(%s, %s)", (worker.id, as_sql([lease]))
        ).fetchone()
        assert renewed == ({"lost": [], "cancelled": []},)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute(call.sql, call.values)

        holder.rollback()
        reply = session.execute(call.sql, call.values).fetchone()
        assert reply
        assert reply[0]["accepted"] == [item["item"]]
        assert connection.execute("select * from private.check_invariants()").fetchall() == []


def test_an_environment_that_somebody_holds(database: Database) -> None:
    """A report counts all the same; the claim in the same call comes back without work."""
    with (
        database.connect("postgres") as connection,
        psycopg.connect(database.dsn("postgres")) as holder,
    ):
        engine = found(connection)
        queue(engine, 2)
        worker = Worker(engine)
        (item,) = worker.claim(1)
        holder.execute("select from private.environment_gates for update")

        reply = engine.value(
            "select public.report_work(%s, %s, %s, 10)",
            worker.id,
            uuid.uuid4(),
            as_sql([engine.say(item)]),
        )

        assert (reply["accepted"], reply["work"], reply["retry_ms"]) == ([item["item"]], [], 50)
        holder.rollback()
        assert len(worker.claim(10)) == 1
        assert connection.execute("select * from private.check_invariants()").fetchall() == []
