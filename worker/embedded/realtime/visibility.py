"""Who may see which rows: the table is asked as each subscriber, once per batch.

Row security is applied to the row as it is when asked, not as it was when written: a row that has
meanwhile been deleted or hidden is not shown.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Final

from psycopg import AsyncConnection, Error, sql

from worker.embedded.realtime.catalog import Table

_log = logging.getLogger(__name__)

_XID_BITS: Final = 32
_SETTLE_STEP_S: Final = 0.001
_SETTLE_LIMIT_S: Final = 2.0


async def settle(connection: AsyncConnection, xids: Collection[int]) -> None:
    """Wait until the transactions *xids* are visible.

    A commit is in the log a moment before other transactions can see it; a row asked for within
    that moment would be taken for invisible.
    """
    deadline = asyncio.get_running_loop().time() + _SETTLE_LIMIT_S
    query = (
        "select pg_snapshot_xmax(now.s)::text::bigint,"
        " array(select x::text::bigint from pg_snapshot_xip(now.s) as x)"
        " from (select pg_current_snapshot() as s) as now"
    )
    while asyncio.get_running_loop().time() < deadline:
        now = await (await connection.execute(query)).fetchone()
        if now is None or not any(_is_running(xid, *now) for xid in xids):
            return
        await asyncio.sleep(_SETTLE_STEP_S)
    _log.warning("transactions %s did not become visible in time", sorted(xids))


def _is_running(xid: int, xmax: int, running: list[int]) -> bool:
    """Say whether the 32-bit *xid* is unfinished in a snapshot, whose ids have 64 bits."""
    is_at_or_after_xmax = (xid - xmax) % 2**_XID_BITS < 2 ** (_XID_BITS - 1)
    return is_at_or_after_xmax or xid in {other % 2**_XID_BITS for other in running}


async def visible(
    connection: AsyncConnection,
    table: Table,
    keys: Sequence[tuple[str, ...]],
    role: str,
    claims: str,
) -> frozenset[tuple[str, ...]]:
    """Return those of *keys* (values of the primary key as text) that the subscriber can see.

    A policy that fails shows nothing.
    """
    columns = [
        sql.SQL("{}::text[]::{}[]").format(
            [key[n] for key in keys],
            sql.SQL(column.cast_name),
        )
        for n, column in enumerate(table.key)
    ]
    names = [sql.Identifier(f"k{n}") for n in range(len(columns))]
    query = sql.SQL(
        "select asked.n from unnest({}) with ordinality as asked ({}, n)"
        " where exists (select from {} as seen where {})"
    ).format(
        sql.SQL(", ").join(columns),
        sql.SQL(", ").join(names),
        sql.SQL(table.sql_name),
        sql.SQL(" and ").join(
            sql.SQL("seen.{} = asked.{}").format(sql.Identifier(column.name), name)
            for column, name in zip(table.key, names, strict=True)
        ),
    )
    act_as = sql.SQL(
        "begin; select set_config('role', {}, true), set_config('request.jwt.claims', {}, true)"
    ).format(role, claims)
    try:
        await connection.execute(act_as)
        rows = await (await connection.execute(query)).fetchall()
    except Error as error:
        _log.warning("row security of %s failed for %s: %s", table.sql_name, role, error)
        return frozenset()
    finally:
        await connection.execute("rollback")
    return frozenset(keys[n - 1] for (n,) in rows)
