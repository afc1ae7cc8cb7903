"""A tenant who aims at the inside, in every way of writing it: refused, and never connected to.

Nothing here leaves the machine: names are resolved by the test, and what they lead to is loopback.
"""
# ruff: noqa: RUF001 - characters that look like others are the point

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from fakes import work_item
from support_http import serve, serve_bytes

from worker.egress import EgressPolicy, Lookup
from worker.errors import TargetError
from worker.exchange import Exchange, perform
from worker.models import Item
from worker.transport import TargetTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# Where the test's own servers are: the "public" side of these tests.
OUTSIDE = "127.0.0.5"

LITERAL = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:53aa:64c:0:0:80ff:fffe]",
    "[2606:4700::5efe:7f00:1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1%25lo]",
    "[ff02::1]",
]
DISGUISED = [
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.1",
    "127.0.1",
    "0",
    "4294967297",
    "256.256.256.256",
    "127.0.0.1.",
    "127.0.0.1..",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "%6c%6f%63alhost",
    "127.0.0.1%00.good.test",
    "１２７.0.0.1",
    "１２７。０。０。１",
    "127｡0｡0｡1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "۱۲۷.۰.۰.۱",
    "ｌｏｃａｌｈｏｓｔ",
    "good@127.0.0.1",
    "good.test:80@127.0.0.1",
    "good.test%2f@127.0.0.1",
]
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "app.localhost": ["127.0.0.1"],
    "LOCALHOST": ["::1"],
    "127.0.0.1.nip.test": ["127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "metadata6.test": ["fd00:ec2::254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "scoped.test": ["fe80::1%eth0"],
    "private.test": ["10.0.0.1", "192.168.0.1"],
    "nothing.test": ["0.0.0.0"],  # noqa: S104 - refused, not bound
}
TARGETS = [*LITERAL, *DISGUISED, *NAMES]


async def resolve(host: str, _port: int) -> list[str]:
    """Answer for the names above; whatever else is asked for would be loopback."""
    return NAMES.get(host, NAMES.get(host.upper(), ["127.0.0.1"]))


@asynccontextmanager
async def transport_of(policy: EgressPolicy, lookup: Lookup) -> AsyncIterator[TargetTransport]:
    """Open a transport and close it."""
    transport = TargetTransport(policy, lookup)
    try:
        yield transport
    finally:
        await transport.aclose()


async def attempt(transport: TargetTransport, url: str) -> Exchange:
    """Make one request as a work item would ask for it."""
    return await perform(Item.model_validate(work_item(1, url)).request, transport)


async def refused(transport: TargetTransport, url: str) -> None:
    """Make a request that egress refuses."""
    with pytest.raises(TargetError) as denied:
        await attempt(transport, url)
    assert denied.value.category == "egress_denied", str(denied.value)


@pytest.mark.parametrize("host", TARGETS)
async def test_it_is_refused_and_never_connected_to(host: str) -> None:
    """The server that all of these lead to sees nobody."""
    async with serve_bytes(OK) as (inside, connections):
        port = inside.rpartition(":")[2]
        async with transport_of(EgressPolicy(), resolve) as transport:
            await refused(transport, f"http://{host}:{port}/")
            await refused(transport, f"https://{host}:{port}/")

    assert connections == []


@pytest.mark.parametrize("host", TARGETS)
async def test_a_redirect_to_it_is_refused_and_never_followed(host: str) -> None:
    """The first hop is allowed, and arrives; the second is not."""
    async with serve_bytes(OK) as (inside, connections):
        location = f"http://{host}:{inside.rpartition(':')[2]}/"
        answer = f"HTTP/1.1 307 X\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n"
        async with (
            outside(answer.encode()) as (port, visits),
            transport_of(EgressPolicy([OUTSIDE]), resolve) as transport,
        ):
            await refused(transport, f"http://{OUTSIDE}:{port}/")

    assert len(visits) == 1
    assert connections == []


@asynccontextmanager
async def outside(answer: bytes) -> AsyncIterator[tuple[int, list[int]]]:
    """Serve *answer* on the outside; yields the port, and a list with an entry for each visit."""
    visits: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, OUTSIDE, 0)
    try:
        yield server.sockets[0].getsockname()[1], visits
    finally:
        server.close()


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() -> None:
    """It is asked once for each connection: what it says later, nobody hears."""
    answers = iter([[OUTSIDE], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    async def rebinds(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async with outside(OK) as (port, visits), serve_on(port) as connections:
        async with transport_of(EgressPolicy([OUTSIDE]), rebinds) as transport:
            answer = await attempt(transport, f"http://rebinds.test:{port}/")
            assert (answer.status, asked, visits) == (200, ["rebinds.test"], [1])
        async with transport_of(EgressPolicy([OUTSIDE]), rebinds) as transport:
            await refused(transport, f"http://rebinds.test:{port}/")

    assert len(asked) == 2
    assert connections == []


@asynccontextmanager
async def serve_on(port: int) -> AsyncIterator[list[int]]:
    """Count who comes to *port* of 127.0.0.1."""
    connections: list[int] = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    try:
        yield connections
    finally:
        server.close()


async def test_a_name_of_good_and_bad_addresses_leads_to_the_good_ones() -> None:
    """Also where the bad one comes first, and the good one does not answer."""

    async def mixed(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1", "169.254.169.254", OUTSIDE, "::1"]

    async with transport_of(EgressPolicy([OUTSIDE]), mixed) as transport:
        async with outside(OK) as (port, visits), serve_on(port) as connections:
            await attempt(transport, f"http://mixed.test:{port}/")
        assert (len(visits), connections) == (1, [])
        async with serve_on(port) as connections:
            with pytest.raises(TargetError, match="could not connect"):
                await attempt(transport, f"http://mixed.test:{port}/")

    assert connections == []


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_no_proxy_of_the_environment_is_gone_through(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It would connect to addresses that nobody checked, and see what is sent."""
    async with serve_bytes(OK) as (proxy, connections), outside(OK) as (port, visits):
        monkeypatch.setenv(name, proxy)
        async with transport_of(EgressPolicy([OUTSIDE]), resolve) as transport:
            await attempt(transport, f"http://{OUTSIDE}:{port}/")

    assert (connections, visits) == ([], [1])


async def test_a_name_is_still_the_name_that_tls_and_the_server_are_told() -> None:
    """Only the address is chosen by us."""
    hosts: list[str] = []

    async def notes(request: web.Request) -> web.Response:
        hosts.append(request.host)
        return web.Response()

    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with serve(notes=notes) as url, transport_of(EgressPolicy(["*.test"]), here) as transport:
        port = url.rpartition(":")[2]
        await attempt(transport, f"http://api.test:{port}/notes")

    assert hosts == [f"api.test:{port}"]
