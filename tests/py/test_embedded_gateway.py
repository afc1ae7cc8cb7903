"""The gateway: API keys, CORS, and the way to PostgREST and back."""

import asyncio
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import jwt
import psycopg
import pytest
import supabase
from support_wait import HANG_S, wait_until

from worker.embedded import ports
from worker.embedded.gateway.rest import RestProxy
from worker.embedded.stack import Connection


@pytest.fixture(scope="module")
def echo(stack: Connection) -> Iterator[str]:
    """Yield the path of a function that returns what it was given, once PostgREST knows it."""
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        connection.execute(
            "create function public.embedded_echo(value json) returns json "
            "language sql immutable set search_path = '' return value;"
            "create function public.embedded_whoami() returns text "
            "language sql stable set search_path = '' return current_user;"
            "grant execute on function public.embedded_echo, public.embedded_whoami "
            "to anon, authenticated, service_role"
        )
        path = "/rest/v1/rpc/embedded_echo"
        wait_until(lambda: call(stack, path, {"value": 1}).status_code == 200)
        yield path
        connection.execute("drop function public.embedded_echo, public.embedded_whoami")


def call(
    stack: Connection, path: str, body: object, headers: dict[str, str] | None = None
) -> httpx.Response:
    """POST *body* with the publishable key, or with *headers* instead."""
    headers = {"apikey": stack.publishable_key} if headers is None else headers
    return httpx.post(f"{stack.url}{path}", json=body, headers=headers, timeout=HANG_S)


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("publishable_key", "anon"),
        ("anon_key", "anon"),
        ("secret_key", "service_role"),
        ("service_role_key", "service_role"),
    ],
)
@pytest.mark.usefixtures("echo")
def test_each_key_stands_for_its_role(stack: Connection, key: str, role: str) -> None:
    """All four keys work in both client libraries' way: as apikey, and as bearer too."""
    value = getattr(stack, key)
    path = "/rest/v1/rpc/embedded_whoami"

    alone = call(stack, path, {}, {"apikey": value})
    with_bearer = call(stack, path, {}, {"apikey": value, "Authorization": f"Bearer {value}"})

    assert (alone.json(), with_bearer.json()) == (role, role)


@pytest.mark.usefixtures("echo")
def test_a_users_token_wins_over_the_key(stack: Connection) -> None:
    """The key only opens the gate; who is asking is the bearer's matter."""
    claims = {"role": "authenticated", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, stack.jwt_secret, algorithm="HS256")
    headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {token}"}

    answer = call(stack, "/rest/v1/rpc/embedded_whoami", {}, headers)

    assert answer.json() == "authenticated"


@pytest.mark.parametrize("path", ["/rest/v1/", "/auth/v1/settings"])
@pytest.mark.parametrize(
    ("headers", "message"),
    [({}, "No API key found in request"), ({"apikey": "sb_secret_guess"}, "Invalid API key")],
)
def test_without_a_valid_key_nothing_opens(
    stack: Connection, path: str, headers: dict[str, str], message: str
) -> None:
    """A missing and a wrong key are refused as on the platform."""
    answer = httpx.get(f"{stack.url}{path}", headers=headers, timeout=HANG_S)

    assert (answer.status_code, answer.json()["message"]) == (401, message)


def test_large_bodies_pass_both_ways(stack: Connection, echo: str) -> None:
    """Several megabytes arrive whole, in one piece or streamed."""
    value = secrets.token_hex(3_000_000)
    raw = json.dumps({"value": value}).encode()
    headers = {"apikey": stack.publishable_key, "content-type": "application/json"}

    whole = call(stack, echo, {"value": value})
    streamed = httpx.post(
        f"{stack.url}{echo}",
        content=(raw[start : start + 100_000] for start in range(0, len(raw), 100_000)),
        headers=headers,
        timeout=HANG_S,
    )

    assert whole.json() == value
    assert streamed.json() == value


def test_an_answer_before_the_end_of_the_body_is_passed_on(stack: Connection, echo: str) -> None:
    """PostgREST refuses a token without reading what comes with it, and hangs up."""
    headers = {"apikey": stack.publishable_key, "authorization": "Bearer nobody's"}

    answers = [call(stack, echo, "x" * 16_000_000, headers) for _ in range(3)]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(401, "PGRST301")] * 3


async def test_answers_are_sent_at_once() -> None:
    """None waits for the client's acknowledgement of the last one, which may take 40 ms."""
    accepted: asyncio.Queue[int] = asyncio.Queue()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        accepted.put_nowait(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(talk, sock=ports.listen(0)) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        is_sent_at_once = await accepted.get()
        writer.close()

    assert is_sent_at_once


def test_client_library_reads_tables_and_errors(
    stack: Connection, client_for: Callable[[str], supabase.Client]
) -> None:
    """Unmodified supabase-py gets rows, counts and PostgREST's own errors through the gateway."""
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        connection.execute(
            "create table public.embedded_rows as select generate_series(1, 1500) as id;"
            "grant select on public.embedded_rows to service_role"
        )
        try:
            client = client_for(stack.secret_key)
            wait_until(lambda: is_known(client, "embedded_rows"))
            answer = client.table("embedded_rows").select("*", count="exact").execute()
            with pytest.raises(supabase.PostgrestAPIError) as caught:
                client.table("nowhere").select("*").execute()
        finally:
            connection.execute("drop table public.embedded_rows")

    assert (len(answer.data), answer.count) == (1000, 1500)
    assert caught.value.code == "42P01"


def is_known(client: supabase.Client, table: str) -> bool:
    """Tell whether PostgREST has heard of *table* yet."""
    try:
        client.table(table).select("*").limit(1).execute()
    except supabase.PostgrestAPIError:
        return False
    return True


def test_preflight_allows_what_it_is_asked_for(stack: Connection) -> None:
    """A browser may send any header from anywhere; no key is needed to ask."""
    answer = httpx.options(
        f"{stack.url}/rest/v1/anything",
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "apikey,x-client-info",
        },
        timeout=HANG_S,
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "apikey,x-client-info"
    assert "PATCH" in answer.headers["access-control-allow-methods"]


def test_answers_are_open_to_every_origin(stack: Connection, echo: str) -> None:
    """The answer itself carries the permission once, whichever service gave it."""
    answer = call(
        stack, echo, {"value": 1}, {"apikey": stack.anon_key, "Origin": "https://example.org"}
    )

    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert "Content-Range" in answer.headers["access-control-expose-headers"]


def test_unknown_service_is_a_json_404(stack: Connection) -> None:
    """A path no service answers says so."""
    headers = {"apikey": stack.anon_key}
    answer = httpx.get(f"{stack.url}/storage/v1/", headers=headers, timeout=HANG_S)

    assert (answer.status_code, answer.json()) == (
        404,
        {"message": "no Route matched with those values"},
    )


async def test_silent_postgrest_is_503(tmp_path: Path) -> None:
    """While PostgREST is down the client is told to come back, in a form its library reads."""
    proxy = RestProxy(tmp_path / "nobody.sock")
    await proxy.start()
    transport = httpx.ASGITransport(proxy)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/rest/v1/tests")
    await proxy.stop()

    assert answer.status_code == 503
    assert answer.json().keys() == {"code", "message", "details", "hint"}
