"""``realtime.messages``: its daily partitions, and its rows as broadcasts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection, sql

from worker.embedded.realtime.frames import Broadcast
from worker.embedded.realtime.pgoutput import Relation, Value

_KEPT_DAYS: Final = 3
_MOST_REPLAYED: Final = 25
_SCHEMA: Final = "realtime"
_TABLE: Final = "messages"


def holds_messages(relation: Relation) -> bool:
    """Say whether *relation* is the table of messages or one of its partitions."""
    return relation.schema == _SCHEMA and relation.name.startswith(_TABLE)


def as_broadcast(row: Mapping[str, Value]) -> tuple[Broadcast, bool] | None:
    """Return a stored message and whether it is private; ``None`` without payload, event, topic."""
    topic, event, payload = row.get("topic"), row.get("event"), row.get("payload")
    binary = row.get("binary_payload")
    if isinstance(binary, str):
        content: str | bytes = bytes.fromhex(binary.removeprefix("\\x"))
    elif isinstance(payload, str):
        content = payload
    else:
        return None
    if not isinstance(topic, str) or not isinstance(event, str):
        return None
    return Broadcast(topic, event, content, message_id=str(row["id"])), row.get("private") == "t"


async def maintain_partitions(connection: AsyncConnection) -> None:
    """Create the partitions of yesterday to three days ahead and drop those past their time."""
    today = datetime.now(UTC).date()
    for offset in range(-1, _KEPT_DAYS + 1):
        day = today + timedelta(days=offset)
        await connection.execute(
            sql.SQL(
                "create table if not exists {} partition of realtime.messages"
                " for values from ({}) to ({})"
            ).format(
                sql.Identifier(_SCHEMA, _partition(day)),
                day.isoformat(),
                (day + timedelta(days=1)).isoformat(),
            )
        )
    oldest = _partition(today - timedelta(days=_KEPT_DAYS))
    cursor = await connection.execute(
        "select inhrelid::regclass::text from pg_inherits join pg_class on oid = inhrelid"
        " where inhparent = 'realtime.messages'::regclass and relname < %s",
        (oldest,),
    )
    for (name,) in await cursor.fetchall():
        await connection.execute(sql.SQL("drop table {}").format(sql.SQL(name)))


def _partition(day: date) -> str:
    return f"{_TABLE}_{day:%Y_%m_%d}"


async def stored(
    connection: AsyncConnection, topic: str, options: Mapping[str, Any]
) -> list[Broadcast]:
    """Return the newest private broadcasts of *topic* since ``options["since"]`` (ms), in order."""
    since, limit = options.get("since"), options.get("limit")
    cursor = await connection.execute(
        "select id::text, event, payload::text, binary_payload from realtime.messages"
        " where topic = %s and private and extension = 'broadcast' and event is not null"
        " and coalesce(payload::text, binary_payload::text) is not null"
        " and inserted_at >= to_timestamp(%s) at time zone 'utc'"
        " order by inserted_at desc limit %s",
        (
            topic,
            since / 1000 if isinstance(since, int | float) else 0,
            min(limit, _MOST_REPLAYED) if isinstance(limit, int) else _MOST_REPLAYED,
        ),
    )
    return [
        Broadcast(
            topic,
            event,
            bytes(binary) if payload is None else payload,
            message_id=message_id,
            replayed=True,
        )
        for message_id, event, payload, binary in reversed(await cursor.fetchall())
    ]
