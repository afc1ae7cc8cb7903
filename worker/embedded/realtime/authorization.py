"""Private channels: policies on ``realtime.messages`` are asked, inside a rolled-back transaction.

Receiving means that a probe row, inserted as administrator, can be selected as the subscriber;
sending means that the subscriber could insert one.
"""

import logging
import uuid
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncConnection, Error, sql
from psycopg.errors import InsufficientPrivilege

from worker.embedded.realtime.tokens import Claims

_log = logging.getLogger(__name__)

_INSERT: Final = sql.SQL("insert into realtime.messages (id, topic, extension) values ({}, {}, {})")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for which topic; *headers* is the JSON text of the request's own headers."""

    claims: Claims
    topic: str
    headers: str = "{}"


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may do, by extension."""

    broadcast: bool
    presence: bool


async def may_receive(connection: AsyncConnection, caller: Caller) -> Access:
    """Ask the SELECT policies. A policy that fails permits nothing."""
    broadcast, presence = uuid.uuid4(), uuid.uuid4()
    try:
        await connection.execute("begin")
        await connection.execute(_INSERT.format(broadcast, caller.topic, "broadcast"))
        await connection.execute(_INSERT.format(presence, caller.topic, "presence"))
        await _act_as(connection, caller)
        cursor = await connection.execute(
            "select id from realtime.messages where topic = %s and id = any(%s)",
            (caller.topic, [broadcast, presence]),
        )
        seen = {row[0] for row in await cursor.fetchall()}
    except Error as error:
        _log.warning("policies on realtime.messages failed for %s: %s", caller.topic, error)
        seen = set()
    finally:
        await connection.execute("rollback")
    return Access(broadcast in seen, presence in seen)


async def may_send(connection: AsyncConnection, caller: Caller, extension: str) -> bool:
    """Ask the INSERT policies. A policy that fails permits nothing."""
    try:
        await connection.execute("begin")
        await _act_as(connection, caller)
        await connection.execute(_INSERT.format(uuid.uuid4(), caller.topic, extension))
    except InsufficientPrivilege:
        return False
    except Error as error:
        _log.warning("policies on realtime.messages failed for %s: %s", caller.topic, error)
        return False
    finally:
        await connection.execute("rollback")
    return True


async def _act_as(connection: AsyncConnection, caller: Caller) -> None:
    settings = {
        "role": caller.claims.role,
        "realtime.topic": caller.topic,
        "request.jwt.claims": caller.claims.text,
        "request.jwt.claim.sub": caller.claims.subject or "",
        "request.jwt.claim.role": caller.claims.role,
        "request.headers": caller.headers,
    }
    await connection.execute(
        sql.SQL("select {}").format(
            sql.SQL(", ").join(
                sql.SQL("set_config({}, {}, true)").format(name, value)
                for name, value in settings.items()
            )
        )
    )
