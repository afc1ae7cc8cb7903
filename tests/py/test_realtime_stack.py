"""Realtime as part of the whole embedded Supabase: a signed-in user, the gateway, a real key."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from supabase import AsyncClientOptions, acreate_client
from support_wait import HANG_S

from worker.embedded.stack import Connection

PROBE = """
create table public.realtime_probe (id bigint primary key, owner_id uuid);
alter table public.realtime_probe enable row level security;
create policy own on public.realtime_probe for select to authenticated
using (owner_id = (select auth.uid()));
grant select on public.realtime_probe to authenticated;
alter publication supabase_realtime add table public.realtime_probe;
"""


@pytest.fixture
def probe(stack: Connection) -> Iterator[psycopg.Connection]:
    """Lend a connection to the stack, where a table of our own exists meanwhile."""
    with psycopg.connect(stack.db_url, autocommit=True) as db:
        db.execute(PROBE)
        yield db
        db.execute("drop table public.realtime_probe")


async def test_a_signed_in_user_watches_through_the_gateway(
    stack: Connection, probe: psycopg.Connection
) -> None:
    """supabase-py with its own session sees its own row, and a broadcast sent over HTTP."""
    received: asyncio.Queue[Any] = asyncio.Queue()
    ready: asyncio.Queue[str] = asyncio.Queue()
    client = await acreate_client(
        stack.url, stack.publishable_key, AsyncClientOptions(auto_refresh_token=False)
    )
    admin = await acreate_client(stack.url, stack.secret_key)
    try:
        session = await client.auth.sign_up(
            {"email": "watcher@example.com", "password": "long-enough-1"}
        )
        assert session.user is not None
        channel = client.channel("stack")
        channel.on_broadcast("*", lambda payload: received.put_nowait(payload["payload"]))
        channel.on_postgres_changes(
            "INSERT",
            lambda payload: received.put_nowait(payload["data"]["record"]),
            schema="public",
            table="realtime_probe",
        )
        channel.on_system(lambda payload: ready.put_nowait(payload.message))
        async with asyncio.timeout(HANG_S):
            await channel.subscribe()
            assert await ready.get() == "Subscribed to PostgreSQL"
            probe.execute(
                "insert into public.realtime_probe values (1, gen_random_uuid()), (2, %s)",
                (session.user.id,),
            )
            seen = [await received.get()]
            await admin.channel("stack").http_send("hello", {"n": 1})
            seen.append(await received.get())
    finally:
        await client.auth.close()
        await client.realtime.close()
        await admin.realtime.close()

    assert seen == [{"id": 2, "owner_id": session.user.id}, {"n": 1}]
