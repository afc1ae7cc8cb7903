"""The jobs of a night, as of any night."""

import datetime as dt
import time
from typing import Any

import psycopg

Database = psycopg.Connection[Any]
JOBS = (
    "private.fold_metrics",
    "private.rate_tests",
    "private.find_regressions",
    "private.merge_failures",
)


def run_job(database: Database, function: str, night: dt.datetime | None = None) -> float:
    """Run the job that *function* is until it has nothing left to do; returns the seconds.

    A job that can look back is asked what there was in that *night*.
    """
    started = time.perf_counter()
    arguments = {"as_of": night} if night and _looks_back(database, function) else {}
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    while True:
        row = database.execute(f"select {function}({named})".encode(), arguments).fetchone()
        # one that goes through all projects is done at once
        if arguments or not row or not row[0] or function in _WHOLE:
            return time.perf_counter() - started


_WHOLE = frozenset({"private.rate_tests", "private.find_regressions"})


def _looks_back(database: Database, function: str) -> bool:
    row = database.execute(
        "select 'as_of' = any(proargnames) from pg_proc where oid = to_regproc(%s)", [function]
    ).fetchone()
    return bool(row and row[0])


def work(database: Database, night: dt.datetime | None = None) -> dict[str, float]:
    """Run all jobs; returns the seconds that each took."""
    return {job: run_job(database, job, night) for job in JOBS}
