"""What retention makes of a large history: disk by tier, time, percentiles before and after."""

import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psycopg

Row = tuple[str, str, str]
Database = psycopg.Connection[Any]
MOST_S = float(os.environ.get("RETENTION_S", "600"))
"""How long runs are deleted at most; the rest is left to further nights."""
_SIZES = {
    "evidence, passed": "(test_result_details|assertion_results)_passed_",
    "evidence, failed": "(test_result_details|assertion_results)_failed_",
    "runs and results": "^(test_runs|test_results|test_execution_context|run_storage)$",
    "metrics": "^(performance_metrics|environment_metrics)$",
    "history": "^test_run_history$",
}


def measure(database: Database, project: str) -> Iterator[Row]:
    """Let everything that is due go, and yield what that took and left, for *project* too."""
    before = sizes(database)
    percentiles = read_percentiles(database, project)
    yield from drop_evidence(database)
    yield from delete_runs(database)
    # what deleting leaves is room for new rows; only partitions that were dropped are given back
    after = sizes(database)
    for tier, size in before.items():
        yield (
            f"disk, {tier}",
            f"{size / 2**20:,.0f} MB before, {after[tier] / 2**20:,.0f} MB after",
            "",
        )
    yield from compare(percentiles, read_percentiles(database, project))


def sizes(database: Database) -> dict[str, int]:
    """Return bytes by tier, indexes included."""
    return {
        tier: database.execute(
            "select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class "
            "where relkind = 'r' and relnamespace in ('public'::regnamespace, "
            "'private'::regnamespace) and relname ~ %s",
            [pattern],
        ).fetchone()[0]  # type: ignore[index]
        for tier, pattern in _SIZES.items()
    }


def drop_evidence(database: Database) -> Iterator[Row]:
    """Drop all months that are due, one a call, as the job does."""
    taken, rows, freed = call_until_done(database, "private.drop_due_evidence")
    if taken:
        yield (
            f"drop_due_evidence, {len(taken)} months of a class",
            (
                f"{sum(taken):,.1f} s, the longest {max(taken) * 1000:,.0f} ms, for which the "
                f"tables of evidence are locked; {rows:,} rows, {freed / 2**20:,.0f} MB"
            ),
            "",
        )


def delete_runs(database: Database) -> Iterator[Row]:
    """Delete runs that are due, a portion a call, as the job does; not for ever."""
    taken, rows, _ = call_until_done(database, "private.delete_old_runs", MOST_S)
    if taken:
        yield (
            f"delete_old_runs, {len(taken):,} calls",
            (
                f"{sum(taken):,.1f} s, median {statistics.median(taken) * 1000:,.0f} ms, the "
                f"longest {max(taken) * 1000:,.0f} ms, row locks only; {rows:,} rows"
            ),
            "",
        )


def call_until_done(
    database: Database, function: str, most_s: float = 1e9
) -> tuple[list[float], int, int]:
    """Call a job until it finds nothing; returns seconds of each call, rows and bytes."""
    taken: list[float] = []
    rows = freed = 0
    while sum(taken) < most_s:
        started = time.perf_counter()
        outcome = database.execute(
            f"select to_jsonb(outcome) from {function}() as outcome".encode()  # noqa: S608
        ).fetchone()
        told = outcome[0] if outcome else {}
        if not told.get("rows") and not told.get("bytes"):
            break
        taken.append(time.perf_counter() - started)
        rows += told.get("rows") or 0
        freed += told.get("bytes") or 0
    return taken, rows, freed


def read_percentiles(database: Database, project: str) -> dict[str, float]:
    """Return p50, p95 and p99 of two years of *project*, as a client reads them."""
    row = database.execute(
        "select p50_ms, p95_ms, p99_ms from public.aggregate_test_metrics("
        "%s, now() - interval '729 days', bucket => 'range')",
        [project],
    ).fetchone()
    return dict(zip(("p50", "p95", "p99"), map(float, row or ()), strict=False))


def compare(before: dict[str, float], after: dict[str, float]) -> Iterator[Row]:
    """Yield what became of each percentile."""
    for name, value in before.items():
        yield (
            f"{name} over two years",
            (
                f"{value:,.2f} ms before, {after[name]:,.2f} ms after: "
                f"{abs(after[name] / value - 1):.2%} apart"
            ),
            "<= 1 %",
        )
