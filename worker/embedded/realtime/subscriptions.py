"""Row change subscriptions: a client's requests become bindings, or the reason why not."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, Error, sql

from worker.embedded.realtime.catalog import Table, describe, published
from worker.embedded.realtime.channel import Binding, binding_id
from worker.embedded.realtime.filters import Condition, FilterError, parse

_UNABLE = "Unable to subscribe to changes with given parameters. "


class SubscriptionError(Exception):
    """Why nothing can be delivered; the message is what the client is told."""


async def bind(
    connection: AsyncConnection, requests: Sequence[Mapping[str, Any]], role: str
) -> tuple[Binding, ...]:
    """Check *requests* against publication, types and privileges.

    Raises:
        SubscriptionError: for the first request that cannot be served; then none is.
    """
    return tuple([await _bind_one(connection, request, role) for request in requests])


async def _bind_one(connection: AsyncConnection, request: Mapping[str, Any], role: str) -> Binding:
    schema, table = request.get("schema"), request.get("table")
    if not isinstance(schema, str) and not isinstance(table, str):
        raise SubscriptionError(
            "No subscription params provided. Please provide at least a `schema` or `table`"
            " to subscribe to"
        )
    try:
        conditions = parse(str(request.get("filter") or ""))
    except FilterError as error:
        raise SubscriptionError(str(error)) from error
    selected = request.get("select")
    event = str(request.get("event")).upper()
    binding = Binding(
        id=binding_id(request),
        event=event if event in ("INSERT", "UPDATE", "DELETE") else "*",
        schema=schema if isinstance(schema, str) else "public",
        table=table if isinstance(table, str) else "*",
        conditions=conditions,
        selected=frozenset(map(str, selected)) if isinstance(selected, list) and selected else None,
    )
    shown = ", ".join(
        f"{name}: {request.get(name)}" for name in ("event", "schema", "table", "filter", "select")
    )
    oids = await published(connection, binding.schema, binding.table)
    if not oids:
        raise SubscriptionError(
            f"{_UNABLE}Please check Realtime is enabled for the given connect parameters: [{shown}]"
        )
    try:
        for found in (await describe(connection, oids, [role])).values():
            await _check(connection, found, binding, role)
    except (Error, FilterError) as error:
        reason = str(error).partition("\n")[0]
        raise SubscriptionError(
            f"{_UNABLE}An exception happened so please check your connect parameters: [{shown}]."
            f" Exception: {reason}"
        ) from error
    return binding


async def _check(connection: AsyncConnection, table: Table, binding: Binding, role: str) -> None:
    readable = {column.name for column in table.columns.values() if role in column.readers}
    for condition in binding.conditions:
        if condition.column not in readable:
            raise FilterError(f"invalid column for filter {condition.column}")
        await _try_out(connection, condition, table)
    for name in binding.selected or ():
        if name not in readable:
            raise FilterError(f"invalid column for select {name}")


async def _try_out(connection: AsyncConnection, condition: Condition, table: Table) -> None:
    """Evaluate *condition* once, so that a value of the wrong type is refused here and now."""
    type_name = table.columns[condition.column].cast_name
    test = condition.expression(sql.SQL("null"), type_name)
    await connection.execute(sql.SQL("select {}").format(test))
