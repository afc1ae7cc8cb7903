"""The socket frame by frame, as no well-behaved client would show it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from conftest import Database
from realtime_site import SECRET, Site, member_token, running, service_token, token
from websockets import ClientConnection, ConnectionClosed, InvalidStatus, connect

from worker.embedded.realtime import connection


@asynccontextmanager
async def connected(
    site: Site, version: str = "2.0.0", **query: str
) -> AsyncIterator[ClientConnection]:
    """Yield a raw WebSocket."""
    parameters = urlencode({"vsn": version, "apikey": token("anon"), **query})
    url = f"{site.url.replace('http', 'ws')}/realtime/v1/websocket?{parameters}"
    async with connect(url, max_size=None, compression=None) as websocket:
        yield websocket


async def exchange(websocket: ClientConnection, *frame: Any) -> Any:
    """Send a frame of version 2.0.0 and return the reply to it."""
    await websocket.send(json.dumps(frame))
    while (reply := json.loads(await websocket.recv()))[1] != frame[1]:
        pass
    return reply


async def read_for_ever(websocket: ClientConnection) -> None:
    """Read until the server closes."""
    while True:
        await websocket.recv()


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"apikey": ""}, 401, "API key is missing"),
        ({"apikey": "nonsense"}, 401, "The token provided is not a valid JWT"),
        ({"apikey": token("anon", lifetime_s=-5)}, 401, "Token has expired"),
        (
            {"apikey": jwt.encode({"role": "anon", "exp": 2**33}, "x" * 32, algorithm="HS256")},
            401,
            "Failed to validate JWT signature",
        ),
        (
            {"apikey": jwt.encode({"role": "anon"}, SECRET, algorithm="HS256")},
            401,
            "Fields `role` and `exp` are required in JWT",
        ),
        ({"version": "3.0.0"}, 403, "Unsupported version 3.0.0"),
    ],
)
@pytest.mark.filterwarnings("ignore:The HMAC key")
async def test_a_handshake_is_refused_with_status_and_reason(
    database: Database, query: dict[str, str], status: int, reason: str
) -> None:
    """The client gets JSON it can show, not a closed connection."""
    async with running(database) as site:
        with pytest.raises(InvalidStatus) as refusal:
            async with connected(site, **query):
                pass

    response = refusal.value.response
    assert (response.status_code, json.loads(response.body)) == (status, {"error": reason})


async def test_opaque_keys_and_the_header_stand_for_tokens(database: Database) -> None:
    """``x-api-key`` wins over the query; both may hold an opaque key."""
    async with running(database) as site:
        url = f"{site.url.replace('http', 'ws')}/realtime/v1/websocket?vsn=1.0.0&apikey=nonsense"
        async with connect(url, additional_headers={"x-api-key": "sb_secret_test"}) as websocket:
            join = {
                "topic": "realtime:x",
                "event": "phx_join",
                "ref": "1",
                "payload": {"config": {"private": "true"}, "access_token": "sb_publishable_test"},
            }
            await websocket.send(json.dumps(join))
            reply = json.loads(await websocket.recv())

    assert reply == {
        "topic": "realtime:x",
        "event": "phx_reply",
        "payload": {"status": "ok", "response": {"postgres_changes": []}},
        "ref": "1",
    }


async def test_heartbeats_and_foreign_topics_are_answered(database: Database) -> None:
    """A heartbeat succeeds; a topic nobody joined is unmatched."""
    async with running(database) as site, connected(site) as websocket:
        beat = await exchange(websocket, None, "1", "phoenix", "heartbeat", {})
        foreign = await exchange(websocket, "1", "2", "realtime:x", "broadcast", {})

    assert beat == [None, "1", "phoenix", "phx_reply", {"status": "ok", "response": {}}]
    assert foreign[4] == {"status": "error", "response": {"reason": "unmatched topic"}}


async def test_joining_again_closes_the_former_channel(database: Database) -> None:
    """First the reply to the new join, then ``phx_close`` with the old reference."""
    async with running(database) as site, connected(site) as websocket:
        first = await exchange(websocket, "1", "1", "realtime:x", "phx_join", {})
        second = await exchange(websocket, "2", "2", "realtime:x", "phx_join", {})
        closed = json.loads(await websocket.recv())
        left = await exchange(websocket, "2", "3", "realtime:x", "phx_leave", {})
        gone = json.loads(await websocket.recv())

    assert [first[0], second[0], left[1]] == ["1", "2", "3"]
    assert closed == ["1", "1", "realtime:x", "phx_close", {}]
    assert gone == ["2", "2", "realtime:x", "phx_close", {}]


async def test_a_join_echoes_its_bindings_with_ids(database: Database) -> None:
    """Same order, same content, a number each; equal requests get equal numbers."""
    requests = [
        {"event": "*", "schema": "public", "table": "notes"},
        {"event": "INSERT", "schema": "public", "filter": "id=eq.1", "table": "notes"},
    ]
    payload = {"config": {"postgres_changes": requests}}
    async with running(database) as site, connected(site) as websocket:
        replies = [
            await exchange(websocket, ref, ref, f"realtime:{ref}", "phx_join", payload)
            for ref in "12"
        ]

    echoed = [reply[4]["response"]["postgres_changes"] for reply in replies]
    assert [{**one, "id": 0} for one in echoed[0]] == [{**one, "id": 0} for one in requests]
    assert echoed[0] == echoed[1]
    assert len({one["id"] for one in echoed[0]}) == 2


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("realtime:", {}, "TopicNameRequired: You must provide a topic name"),
        (
            "realtime:x",
            {"access_token": "nonsense"},
            "MalformedJWT: The token provided is not a valid JWT",
        ),
        (
            "realtime:x",
            {"config": {"private": True}},
            "Unauthorized: You do not have permissions to read from this Channel topic: x",
        ),
        (
            "realtime:x",
            {"config": {"broadcast": {"replay": {"since": 0}}}},
            "UnableToReplayMessages: Replay is not allowed for public channels",
        ),
    ],
)
async def test_a_join_is_refused_with_code_and_text(
    database: Database, topic: str, payload: dict[str, Any], reason: str
) -> None:
    """The reason starts with the platform's code for it."""
    async with running(database) as site, connected(site) as websocket:
        reply = await exchange(websocket, "1", "1", topic, "phx_join", payload)

    assert reply[4] == {"status": "error", "response": {"reason": reason}}


async def test_an_expired_token_is_refused_at_the_join(database: Database) -> None:
    """The reason says for how long it has been expired."""
    payload = {"access_token": token("anon", lifetime_s=-30)}
    async with running(database) as site, connected(site) as websocket:
        reply = await exchange(websocket, "1", "1", "realtime:x", "phx_join", payload)

    reason = reply[4]["response"]["reason"]
    assert reason.startswith("InvalidJWTToken: Token has expired 3")
    assert reason.endswith(" seconds ago")


async def test_a_socket_holds_a_hundred_channels(database: Database) -> None:
    """The next join is refused; the socket goes on."""
    async with running(database) as site, connected(site) as websocket:
        replies = [
            await exchange(websocket, str(n), str(n), f"realtime:{n}", "phx_join", {})
            for n in range(101)
        ]

    assert {reply[4]["status"] for reply in replies[:100]} == {"ok"}
    assert replies[100][4]["response"] == {"reason": "ChannelRateLimitReached: Too many channels"}


@pytest.mark.parametrize(
    ("frame", "code"), [("x" * 5_000_001, 1009), ("not json", 1007), (b"\x09oops", 1007)]
)
async def test_a_bad_frame_closes_the_socket(
    database: Database, frame: str | bytes, code: int
) -> None:
    """Too long is 1009, nonsense 1007."""
    async with running(database) as site, connected(site) as websocket:
        await websocket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_a_silent_socket_is_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without frames the server hangs up; a client that beats never notices."""
    monkeypatch.setattr(connection, "_IDLE_S", 0.2)
    async with running(database) as site, connected(site) as websocket:
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000


async def test_stopping_sends_clients_away_with_1012(database: Database) -> None:
    """Service restart: clients reconnect by themselves."""
    async with running(database) as site, connected(site) as websocket:
        await exchange(websocket, None, "1", "phoenix", "heartbeat", {})
        await site.realtime.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.recv()
        await site.realtime.start()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_slow_reader_is_dropped_and_holds_up_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that does not read is closed when its backlog is full; others get everything."""
    monkeypatch.setattr(connection, "_LARGEST_BACKLOG_BYTES", 2_000_000)
    async with running(database) as site, connected(site) as slow, connected(site) as quick:
        for websocket in (slow, quick):
            await exchange(websocket, "1", "1", "realtime:x", "phx_join", {})
        slow.transport.pause_reading()

        for n in range(30):
            await site.db.execute(
                "select realtime.send(jsonb_build_object('n', %s::int, 'x', repeat('y', 1000000)),"
                " 'e', 'x', false)",
                (n,),
            )
            received = await quick.recv()
        assert isinstance(received, bytes)
        assert b'"n": 29' in received[:200] + received[-200:]

        slow.transport.resume_reading()
        with pytest.raises(ConnectionClosed):
            await read_for_ever(slow)


async def test_the_service_role_reads_private_channels_without_policies(
    database: Database,
) -> None:
    """It bypasses row security, on ``realtime.messages`` as everywhere."""
    payload = {"config": {"private": True}, "access_token": service_token()}
    async with running(database) as site, connected(site) as websocket:
        reply = await exchange(websocket, "1", "1", "realtime:any", "phx_join", payload)

    assert reply[4]["status"] == "ok"


async def test_postgres_may_write_policies_but_not_create_tables_in_realtime(
    database: Database,
) -> None:
    """As on the platform: the schema is not the project's, the policies are."""
    with database.connect("postgres") as db:
        db.execute("create policy p on realtime.messages for select to anon using (false)")
        db.execute("drop policy p on realtime.messages")
        cursor = db.execute(
            "select has_schema_privilege('postgres', 'realtime', 'create'),"
            " has_table_privilege('authenticated', 'realtime.messages', 'insert')"
        )

        assert cursor.fetchone() == (False, True)


async def test_member_tokens_survive_a_dead_database_connection(database: Database) -> None:
    """The connection that checks joins is replaced unnoticed after the server dropped it."""
    payload = {"config": {"private": True}, "access_token": service_token()}
    async with running(database) as site, connected(site, apikey=member_token()) as websocket:
        await site.drop_connections("realtime_desk")
        reply = await exchange(websocket, "1", "1", "realtime:any", "phx_join", payload)

    assert reply[4]["status"] == "ok"
