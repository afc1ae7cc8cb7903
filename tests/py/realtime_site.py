"""A Realtime server of its own for one test, and the clients that talk to it."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import psycopg
import uvicorn
from conftest import Database
from realtime import AsyncRealtimeChannel, AsyncRealtimeClient
from starlette.applications import Starlette
from support_node import node_command
from support_wait import HANG_S, soon

from worker.embedded.realtime.app import Realtime

SECRET = "a-secret-of-at-least-thirty-two-characters"
MEMBER = "00000000-0000-0000-0000-00000000000a"
STRANGER = "00000000-0000-0000-0000-00000000000b"
_ROOT = Path(__file__).parents[2]

NOTES = """
create table public.notes (
    id bigint primary key,
    owner_id uuid,
    body text,
    secret text
);
alter table public.notes enable row level security;
create policy notes_select_owner on public.notes for select to authenticated
using (owner_id = (select auth.uid()));
grant select (id, owner_id, body) on public.notes to authenticated;
grant select on public.notes to service_role;
alter publication supabase_realtime add table public.notes;
alter publication supabase_realtime set (publish = 'insert, update, delete, truncate');
create policy messages_select_own on realtime.messages for select to authenticated
using (realtime.topic() = 'own:' || (select auth.uid())::text);
create policy messages_insert_own on realtime.messages for insert to authenticated
with check (realtime.topic() = 'own:' || (select auth.uid())::text);
"""
"""A table members see their own rows of, and a private topic each has to themselves."""


def token(role: str, subject: str | None = None, *, lifetime_s: float = 3600) -> str:
    """Return a signed token for *role*."""
    claims = {"role": role, "exp": int(time.time() + lifetime_s)}
    return jwt.encode(claims | ({"sub": subject} if subject else {}), SECRET, algorithm="HS256")


def member_token() -> str:
    return token("authenticated", MEMBER)


def stranger_token() -> str:
    return token("authenticated", STRANGER)


def service_token() -> str:
    return token("service_role")


@dataclass(frozen=True)
class Site:
    """A running server and its database."""

    url: str
    realtime: Realtime
    db: psycopg.AsyncConnection
    admin: psycopg.AsyncConnection

    @contextlib.asynccontextmanager
    async def client(self, access_token: str) -> AsyncIterator[AsyncRealtimeClient]:
        """Yield a connected supabase-py Realtime client."""
        client = AsyncRealtimeClient(f"{self.url}/realtime/v1", token("anon"), timeout=int(HANG_S))
        await client.set_auth(access_token)
        await client.connect()
        try:
            yield client
        finally:
            await client.close()

    async def drop_connections(self, named: str) -> None:
        """Terminate the server's own connections whose name is like *named*, and see them go."""
        await self.admin.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
            " where application_name like %s and datname = current_database()",
            (named,),
        )

    async def node(self, script: str, access_token: str) -> "NodeClient":
        """Start *script* with a supabase-js ``client`` and helpers; see ``realtime_client.mjs``."""
        process = await asyncio.create_subprocess_exec(
            *node_command(),
            str(Path(__file__).with_name("realtime_client.mjs")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            env={**os.environ, "URL": self.url, "KEY": token("anon"), "TOKEN": access_token},
        )
        client = NodeClient(process)
        await client.write(script)
        return client


class NodeClient:
    """supabase-js in a process of its own: says what it received, one JSON value per line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Talk to *process*."""
        self._process = process

    async def write(self, script: str) -> None:
        """Send the whole script; it runs once it is complete."""
        assert self._process.stdin is not None
        self._process.stdin.write(script.encode())
        self._process.stdin.write_eof()

    async def read(self) -> object:
        """Return the next value the script printed."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), HANG_S)
        assert line, "the script ended early"
        return json.loads(line)

    async def read_until(self, wanted: object) -> list[object]:
        """Return what was printed before *wanted*."""
        seen = []
        while (value := await self.read()) != wanted:
            seen.append(value)
        return seen

    async def stop(self) -> None:
        """End the process, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@contextlib.asynccontextmanager
async def running(database: Database) -> AsyncIterator[Site]:
    """Serve *database*, prepared with ``NOTES``, for the length of the context."""
    realtime = Realtime(
        dsn=database.dsn(),
        jwt_secret=SECRET,
        keys={"sb_publishable_test": token("anon"), "sb_secret_test": service_token()},
    )
    db = await psycopg.AsyncConnection.connect(database.dsn("postgres"), autocommit=True)
    admin = await psycopg.AsyncConnection.connect(database.dsn(), autocommit=True)
    # The test server flushes its log late (synchronous_commit = off), and only what is flushed is
    # replicated.
    await db.execute("set synchronous_commit = on")
    await admin.execute("set synchronous_commit = on")
    await db.execute(NOTES)
    await realtime.start()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=realtime.routes()),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", realtime, db, admin)
    finally:
        await realtime.stop()
        server.should_exit = True
        await serving
        await db.close()
        await admin.close()


class Heard:
    """What a channel received, in order."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.changes: list[dict[str, Any]] = []
        self.broadcasts: list[dict[str, Any]] = []
        self.systems: list[str] = []
        self.states: list[str] = []

    async def until(self, is_reached: Callable[["Heard"], bool]) -> None:
        """Wait until *is_reached*; fail with what was heard instead."""
        await soon(lambda: is_reached(self), lambda: vars(self))


async def listen(
    client: AsyncRealtimeClient,
    topic: str,
    *,
    is_private: bool = False,
    broadcast: dict[str, Any] | None = None,
    changes: list[dict[str, Any]] | None = None,
) -> tuple[AsyncRealtimeChannel, Heard]:
    """Subscribe to *topic* and wait until events are sure to arrive, or the join failed."""
    heard = Heard()
    channel = client.channel(
        topic,
        {
            "config": {
                "private": is_private,
                "broadcast": {"replication_ready": True, **(broadcast or {})},
                "presence": {"key": "", "enabled": False},
            }
        },
    )
    channel.on_broadcast("*", lambda payload: heard.broadcasts.append(dict(payload)))
    channel.on_system(lambda payload: heard.systems.append(payload.message))
    for change in changes or []:
        channel.on_postgres_changes(
            change.pop("event", "*"),
            lambda payload: heard.changes.append({**payload["data"], "ids": payload["ids"]}),
            **{"schema": "public", "table": "notes", **change},
        )
    await channel.subscribe(lambda state, _: heard.states.append(state.value))
    wanted = {"Replication connection established"}
    if changes:
        wanted.add("Subscribed to PostgreSQL")
    await heard.until(
        lambda it: wanted <= set(it.systems) or "CHANNEL_ERROR" in it.states,
    )
    return channel, heard
