"""One million work items through the engine: the queue must stay as fast and small as it began.

Two canned workers, some runs of thousands of tests alive at once, autovacuum and cron as they are.
In the middle a transaction is held open, as a forgotten session or a backup does, so that nothing
that dies meanwhile can be taken away. ``ITEMS=50000`` for a short one.
"""

import dataclasses
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from bench.canned import CannedWorker
from bench.house import make_project
from worker.embedded.stack import Connection

ITEMS = int(os.environ.get("ITEMS", "1000000"))
TESTS = min(4000, ITEMS // 20)
DEPENDENCIES = TESTS // 2
ALIVE = 5
WORKERS = 2
PARTS = 10
HELD_PART = 6
HELD_S = 180 * ITEMS / 1_000_000
_TABLES = ("work_items", "work_edges", "live_runs", "environment_gates")
_FIND_READY = """
    explain (analyze, buffers, format json)
    select work.*
    from private.live_runs as lives
    cross join lateral (
        select items.id
        from private.work_items as items
        where items.run_id = lives.run_id and items.phase = lives.phase
        and items.state = 'ready' and items.available_at <= clock_timestamp()
        order by items.priority, items.id
        limit 100
    ) as work
"""


@dataclasses.dataclass
class Part:
    """What was seen while one tenth of the items went through."""

    claims_ms: list[float] = dataclasses.field(default_factory=list)
    reports_ms: list[float] = dataclasses.field(default_factory=list)
    heap_bytes: int = 0
    index_bytes: int = 0
    dead: int = 0
    buffers: list[int] = dataclasses.field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0

    def told(self) -> str:
        """Return it in one line."""
        return (
            f"claim {quantiles(self.claims_ms)}, report {quantiles(self.reports_ms)}; "
            f"at most {self.heap_bytes / 2**20:.0f} + {self.index_bytes / 2**20:.0f} MB, "
            f"{self.dead:,} dead; {statistics.median(self.buffers or [0]):,.0f} pages"
        )


@dataclasses.dataclass
class Progress:
    """How far it is, shared by the threads."""

    parts: list[Part] = dataclasses.field(
        default_factory=lambda: [Part() for _ in range(PARTS + 1)]
    )
    done: int = 0
    is_over: threading.Event = dataclasses.field(default_factory=threading.Event)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    failures: list[Exception] = dataclasses.field(default_factory=list)

    @property
    def part(self) -> Part:
        """The tenth that is under way; the last is that of what ends later."""
        return self.parts[min(self.done * PARTS // ITEMS, PARTS)]

    def add(self, count: int, claim_ms: float, report_ms: float) -> None:
        """Note a batch."""
        with self.lock:
            part = self.part
            part.began = part.began or time.monotonic()
            part.ended = time.monotonic()
            part.claims_ms.append(claim_ms)
            part.reports_ms.append(report_ms)
            self.done += count


def measure(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Yield rows (what, figure, budget)."""
    with psycopg.connect(connection.db_url, autocommit=True) as database:
        environment = make_project(database, "http://127.0.0.1:1", TESTS, DEPENDENCIES)
    progress = Progress()
    run_count = -(-ITEMS // TESTS)
    threads = [
        *(in_background(progress, work, connection, progress) for _ in range(WORKERS)),
        in_background(progress, queue, connection, progress, environment, run_count),
        in_background(progress, watch, connection, progress),
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    held_s = hold(connection, progress)
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - started
    if progress.failures:
        raise progress.failures[0]

    yield (
        (
            f"{progress.done:,} items, runs of {TESTS:,} tests with {DEPENDENCIES:,} dependencies, "
            f"{ALIVE} at once, {WORKERS} workers"
        ),
        f"{took_s:,.0f} s, {progress.done / took_s:,.0f} items/s",
        "",
    )
    yield (
        (
            "below: milliseconds of 100 items, p50 / p99; work_items heap + indexes, dead rows; "
            "pages read to find what is ready in all runs"
        ),
        "",
        "",
    )
    for number, part in enumerate(progress.parts[:PARTS], 1):
        note = f", {held_s:.0f} s of it a transaction held open" if number == HELD_PART else ""
        yield (f"tenth {number}{note}", part.told(), "")
    first, last = progress.parts[0], progress.parts[PARTS - 1]
    for what, name in (("claim", "claims_ms"), ("report", "reports_ms")):
        ratio = statistics.median(getattr(last, name)) / statistics.median(getattr(first, name))
        yield (f"{what}, median of the last tenth / of the first", f"{ratio:.2f}", "<= 1.2")
    with psycopg.connect(connection.db_url, autocommit=True) as database:
        yield from read_tables(database)


def in_background(
    progress: Progress, target: Callable[..., None], *arguments: object
) -> threading.Thread:
    """Return a thread whose failure ends all."""

    def run() -> None:
        try:
            target(*arguments)
        except Exception as error:  # noqa: BLE001 - raised again by who waits for the thread
            progress.failures.append(error)
            progress.is_over.set()

    return threading.Thread(target=run)


def work(connection: Connection, progress: Progress) -> None:
    """Claim and report until all is done."""
    worker = CannedWorker(connection.db_url)
    while not progress.is_over.is_set():
        items, claim_ms = worker.claim()
        if items:
            progress.add(len(items), claim_ms, worker.report(items))
        else:
            time.sleep(0.05)


def queue(connection: Connection, progress: Progress, environment: str, run_count: int) -> None:
    """Keep some runs alive until enough were queued, and wait for their ends."""
    with psycopg.connect(connection.db_url, autocommit=True) as database:
        while not progress.is_over.is_set():
            (alive,) = database.execute("select count(*) from private.live_runs").fetchone() or (0,)
            if run_count and alive < ALIVE:
                database.execute("select public.queue_run(%s)", [environment])
                run_count -= 1
            elif not run_count and not alive:
                break
            else:
                time.sleep(0.1)
    progress.is_over.set()


def watch(connection: Connection, progress: Progress) -> None:
    """Look at the queue every second, and tell every ten how far it is."""
    with psycopg.connect(connection.db_url, autocommit=True) as database:
        looks = 0
        while not progress.is_over.wait(1):
            looks += 1
            part = progress.part
            heap, indexes, dead = database.execute(
                """
                select pg_relation_size(relid), pg_indexes_size(relid), n_dead_tup
                from pg_stat_user_tables where relid = 'private.work_items'::regclass
                """
            ).fetchone() or (0, 0, 0)
            part.heap_bytes = max(part.heap_bytes, heap)
            part.index_bytes = max(part.index_bytes, indexes)
            part.dead = max(part.dead, dead)
            (plan,) = database.execute(_FIND_READY).fetchone() or ([{}],)
            part.buffers.append(plan[0]["Plan"]["Shared Hit Blocks"])
            if looks % 10 == 0:
                print(f"{progress.done:>9,} items; {part.told()}", file=sys.stderr, flush=True)


def hold(connection: Connection, progress: Progress) -> float:
    """Hold a transaction open from the beginning of a tenth; returns for how many seconds."""
    while progress.done < ITEMS * (HELD_PART - 1) / PARTS:
        if progress.is_over.wait(0.1):
            return 0.0
    started = time.monotonic()
    with psycopg.connect(connection.db_url) as database:
        database.execute("set transaction isolation level repeatable read")
        database.execute("select count(*) from private.work_items")
        while (
            progress.done < ITEMS * HELD_PART / PARTS or time.monotonic() < started + HELD_S
        ) and not progress.is_over.wait(0.1):
            pass
    return time.monotonic() - started


def read_tables(database: psycopg.Connection[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what became of each table and index, when nothing is left to do."""
    for name in _TABLES:
        row = database.execute(
            """
            select
                pg_relation_size(relid), pg_indexes_size(relid), n_dead_tup,
                n_tup_upd, n_tup_hot_upd, autovacuum_count, autoanalyze_count
            from pg_stat_user_tables where relid = %s::regclass
            """,
            [f"private.{name}"],
        ).fetchone()
        assert row
        heap, indexes, dead, updates, hot, vacuums, analyzes = row
        yield (
            f"{name} at the end",
            (
                f"{heap / 2**20:.1f} + {indexes / 2**20:.1f} MB, {dead:,} dead; "
                f"{updates:,} updates, {100 * hot / max(updates, 1):.0f} % HOT; "
                f"autovacuum {vacuums}, analyze {analyzes}"
            ),
            "",
        )
    sizes = database.execute(
        """
        select indexrelname, pg_relation_size(indexrelid) from pg_stat_user_indexes
        where relid = 'private.work_items'::regclass order by indexrelname
        """
    ).fetchall()
    yield (
        "indexes of work_items at the end",
        ", ".join(f"{name} {size / 2**20:.1f} MB" for name, size in sizes),
        "",
    )


def quantiles(values: list[float]) -> str:
    """Return median and 99th percentile."""
    if not values:
        return "-"
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} / {ordered[int(len(ordered) * 0.99)]:.1f}"
