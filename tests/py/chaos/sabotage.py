"""Breaking the engine on purpose, to see that the table turns red."""

from collections.abc import Callable
from typing import Any

import psycopg

Database = psycopg.Connection[dict[str, Any]]


def fence(database: Database) -> None:
    """Accept every report about what is leased, under whatever lease and from whomever."""
    _rewrite(
        database,
        "private.fence_reports(uuid, jsonb)",
        "and items.worker_id = fence_reports.worker_id",
        "and items.attempt = given.attempt",
        "and items.lease = given.lease",
    )
    _rewrite(
        database,
        "private.lock_runs_of(uuid, jsonb)",
        "where work.worker_id = lock_runs_of.worker_id",
    )


def rescue(database: Database) -> None:
    """Send again whatever was in flight."""
    _rewrite(database, "private.lose_leases(bigint[])", "leased.is_repeatable and")


SABOTAGES: dict[str, Callable[[Database], None]] = {
    sabotage.__name__: sabotage for sabotage in (fence, rescue)
}


def _rewrite(database: Database, function: str, *lines: str) -> None:
    """Take *lines* out of *function*."""
    row = database.execute(
        "select pg_get_functiondef(%s::regprocedure) as body", [function]
    ).fetchone()
    assert row
    body = row["body"]
    for line in lines:
        assert line in body, (function, line)
        body = body.replace(line, "")
    database.execute(body)
