"""A run of 50,000 tests with 60,000 dependencies beside one of 1,000 with 1,200, through REST.

``TESTS=5000`` for a smaller one. Each call has the platform's own statement timeout, 8 s, but for
those that bring a longer one (docs/decisions/0001). What claims and reports cost is the time that
PostgreSQL says they took, so that a busy machine or client does not count.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import supabase

from bench.house import make_project, running_target, running_worker
from worker.embedded.stack import Connection

LARGE = int(os.environ.get("TESTS", "50000"))
SMALL = 1000
SMALL_ROUNDS = 5
_WITHIN = "<= 8,000 ms"
_WITHIN_PLAN = "<= 60,000 ms"
_SPENT = """
    select coalesce(sum(total_exec_time), 0)
    from extensions.pg_stat_statements where query like 'WITH pgrst%%' and query ~ %s
"""


class Caller:
    """Calls functions through REST with supabase-py, and times them."""

    def __init__(self, connection: Connection, transport: httpx.Client) -> None:
        """Make the client."""
        self.client = supabase.create_client(
            connection.url, connection.secret_key, supabase.ClientOptions(httpx_client=transport)
        )

    def call(self, function: str, **arguments: object) -> tuple[Any, float]:
        """Return what *function* gives, and milliseconds."""
        started = time.perf_counter()
        data = self.client.rpc(function, arguments).execute().data
        return data, (time.perf_counter() - started) * 1000


def measure(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Yield rows (what, figure, budget)."""
    with (
        running_target() as target,
        psycopg.connect(connection.admin_db_url, autocommit=True) as database,
        httpx.Client(timeout=300) as transport,
    ):
        database.execute("create extension if not exists pg_stat_statements schema extensions")
        caller = Caller(connection, transport)
        environments = {
            count: make_project(database, target, count, count * 6 // 5) for count in (SMALL, LARGE)
        }
        for count, environment in environments.items():
            yield from plan(caller, environment, count)
        with running_worker(connection):
            small = [execute(caller, database, environments[SMALL]) for _ in range(SMALL_ROUNDS)]
            large = execute(caller, database, environments[LARGE])
        costs = {
            SMALL: [statistics.median(column) for column in zip(*small, strict=True)],
            LARGE: large,
        }
        for count, (took_ms, claim_ms, report_ms) in costs.items():
            yield (
                f"{count:,} tests by one worker",
                (
                    f"{took_ms:.2f} ms a test; in the database {claim_ms:.2f} ms in claim_work, "
                    f"{report_ms:.2f} ms in report_work, which claims too"
                ),
                "",
            )
        ratios = [
            of_large / of_small for of_large, of_small in zip(large, costs[SMALL], strict=True)
        ]
        yield "the same, large / small: all", f"{ratios[0]:.2f} x", "<= 1.3 x"
        ratio = sum(costs[LARGE][1:]) / sum(costs[SMALL][1:])
        yield "the same, large / small: in the database", f"{ratio:.2f} x", "<= 1.3 x"
        yield from read(caller, database)


def plan(caller: Caller, environment: str, count: int) -> Iterator[tuple[str, str, str]]:
    """Queue tests that were never seen, cancel, queue them again, cancel, and rerun these."""
    run, new_ms = caller.call("queue_run", environment_id=environment)
    _, cancel_ms = caller.call("cancel_run", run_id=run["id"])
    again, known_ms = caller.call("queue_run", environment_id=environment)
    caller.call("cancel_run", run_id=again["id"])
    rerun, rerun_ms = caller.call("rerun_failed", run_id=run["id"])
    assert run["total_count"] == again["total_count"] == rerun["total_count"] == count
    caller.call("cancel_run", run_id=rerun["id"])
    yield f"queue_run of {count:,} tests, new ones", f"{new_ms:,.0f} ms", _WITHIN_PLAN
    yield f"queue_run of {count:,} tests, known ones", f"{known_ms:,.0f} ms", _WITHIN_PLAN
    yield f"rerun_failed of {count:,} cancelled tests", f"{rerun_ms:,.0f} ms", _WITHIN_PLAN
    yield f"cancel_run of {count:,} tests, none started", f"{cancel_ms:,.0f} ms", _WITHIN
    _, chain_ms = caller.call("get_test_execution_chain", project_id=run["project_id"])
    yield f"get_test_execution_chain of {count:,} tests", f"{chain_ms:,.0f} ms", _WITHIN
    _, dry_ms = caller.call("plan_run", environment_id=environment)
    yield f"plan_run of {count:,} tests", f"{dry_ms:,.0f} ms", _WITHIN


def execute(
    caller: Caller, database: psycopg.Connection[Any], environment: str
) -> tuple[float, float, float]:
    """Run all tests; returns milliseconds a test of all, of claims and of reports."""
    run, _ = caller.call("queue_run", environment_id=environment)
    count = run["total_count"]
    before = spent(database)
    started = time.perf_counter()
    told = 0.0
    while True:
        state, _ = caller.call("get_run_state", run_id=run["id"], since=count)
        if state["finished"]:
            break
        took_s = time.perf_counter() - started
        if took_s > told + 10:
            told = took_s
            passed = state["run"]["passed_count"]
            print(f"{passed:>9,} of {count:,} after {took_s:,.0f} s", file=sys.stderr, flush=True)
        time.sleep(0.1 if count > SMALL else 0.02)
    took_ms = (time.perf_counter() - started) * 1000
    assert state["run"]["passed_count"] == count, state["run"]
    claim_ms, report_ms = (after - ago for after, ago in zip(spent(database), before, strict=True))
    return took_ms / count, claim_ms / count, report_ms / count


def spent(database: psycopg.Connection[Any]) -> list[float]:
    """Return the milliseconds that all claims and all reports took so far."""
    rows = [database.execute(_SPENT, [name]).fetchone() for name in ("claim_work", "report_work")]
    return [float(row[0]) for row in rows if row]


def read(caller: Caller, database: psycopg.Connection[Any]) -> Iterator[tuple[str, str, str]]:
    """Read the last run, page by page."""
    (run,) = database.execute(
        "select id::text from public.test_runs order by queued_at desc limit 1"
    ).fetchone() or ("",)
    for function, key, start in (("get_run_state", "since", 0), ("get_run_report", "after", None)):
        pages = []
        following = start
        while True:
            page, took_ms = caller.call(function, run_id=run, **{key: following})
            pages.append(took_ms)
            if page["next"] in (None, following):
                break
            following = page["next"]
        yield (
            f"{function} of {LARGE:,} results, {len(pages)} pages",
            f"first {pages[0]:,.0f} ms, slowest {max(pages):,.0f} ms",
            _WITHIN,
        )
    for function in ("get_test_readiness", "get_test_run_context"):
        _, took_ms = caller.call(function, run_id=run)
        yield f"{function} of {LARGE:,} results", f"{took_ms:,.0f} ms", _WITHIN
