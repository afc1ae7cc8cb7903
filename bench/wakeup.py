"""From queue_run to the first request at an idle worker: with Realtime, without, after silence."""

import asyncio
import contextlib
import statistics
import time

import httpx
import psycopg

from bench.house import make_project, running_target, running_worker
from worker.config import Settings
from worker.embedded.stack import Connection
from worker.errors import StoreUnavailable
from worker.store import SupabaseStore

ROUNDS = 20


def measure(connection: Connection) -> list[tuple[str, str, str]]:
    """Return rows (what, figure, budget)."""
    with (
        running_target() as target,
        psycopg.connect(connection.db_url, autocommit=True) as database,
    ):
        environment = make_project(database, target, 1)
        with running_worker(connection):
            woken = [latency_ms(connection, database, environment, 3) for _ in range(ROUNDS)]
        with running_worker(connection, ASSAY_REALTIME="off"):
            # an idle worker asks ever less often: after 5 s it pauses for 3 s or more
            polled = [latency_ms(connection, database, environment, 5) for _ in range(ROUNDS)]
    rejoined = asyncio.run(rejoin_ms(connection))
    return [
        (
            f"queue to first request, idle worker, median of {ROUNDS}",
            f"{statistics.median(woken):,.0f} ms",
            "<= 150 ms",
        ),
        (
            "the same with Realtime stopped (polling)",
            f"{statistics.median(polled):,.0f} ms",
            "",
        ),
        (
            f"Realtime fell silent: noticed to joined anew, without the pause, median of {ROUNDS}",
            f"{statistics.median(rejoined):,.0f} ms",
            "",
        ),
    ]


def latency_ms(
    connection: Connection, database: psycopg.Connection, environment: str, idle_s: float
) -> float:
    """Queue a run at a worker idle for *idle_s*; returns milliseconds until it sent its request."""
    time.sleep(idle_s)
    queued_at = time.time()
    run = httpx.post(
        f"{connection.url}/rest/v1/rpc/queue_run",
        headers={"apikey": connection.secret_key},
        json={"environment_id": environment},
    ).json()
    while True:
        row = database.execute(
            "select extract(epoch from started_at) from public.test_results "
            "where run_id = %s and started_at is not null",
            [run["id"]],
        ).fetchone()
        if row:
            return (float(row[0]) - queued_at) * 1000
        time.sleep(0.05)


async def rejoin_ms(connection: Connection) -> list[float]:
    """Listen where nothing comes; returns milliseconds from the end of patience to hints again.

    A worker has 150 s of patience, and pauses for 0.5 to 1 s before it joins again.
    """
    settings = {"supabase_url": connection.url, "supabase_key": connection.secret_key}
    patience_s, joined, ended = 0.5, [], []
    async with SupabaseStore(Settings.model_validate(settings)) as store:
        for _ in range(ROUNDS + 1):
            began = time.monotonic()
            with contextlib.suppress(StoreUnavailable):
                await store.watch_runs(
                    lambda began=began: joined.append(time.monotonic() - began), patience_s
                )
            ended.append(time.monotonic() - began - patience_s)
    # the patience counts from when the watch began, since nothing was heard at all
    return [1000 * (late + soon) for late, soon in zip(ended, joined[1:], strict=False)]
