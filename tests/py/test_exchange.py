"""One attempt over HTTP, against real servers on this machine."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from fakes import work_item
from support_http import serve, serve_bytes
from support_wait import HANG_S

from worker import transport as transport_module
from worker.egress import EgressPolicy
from worker.errors import TargetError
from worker.exchange import Exchange, perform
from worker.models import Item
from worker.transport import TargetTransport

LOCAL = EgressPolicy(["127.0.0.0/8"])


@pytest.fixture
async def transport(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TargetTransport]:
    # However slow the machine, a connection that was kept is still there for the next request.
    monkeypatch.setattr(transport_module, "_KEEPALIVE_S", HANG_S)
    transport = TargetTransport(LOCAL)
    yield transport
    await transport.aclose()


async def exchange(transport: TargetTransport, url: str, **changes: Any) -> Exchange:
    """Make one request as a work item would ask for it."""
    return await perform(Item.model_validate(work_item(1, url, **changes)).request, transport)


async def echo(request: web.Request) -> web.Response:
    """Answer with what was asked."""
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
    )


def seen(answer: Exchange) -> dict[str, Any]:
    """Return what ``echo`` saw."""
    return dict(httpx.Response(200, content=answer.body).json())


async def test_an_answer_is_reported_with_headers_and_phases(transport: TargetTransport) -> None:
    """Status, headers as sent, body, and the time each phase took."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(
            status=201, text="hi", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        )

    async with serve(hello=hello) as url:
        first = await exchange(transport, f"{url}/hello")
        second = await exchange(transport, f"{url}/hello")

    assert (first.status, first.http_version, first.body) == (201, "HTTP/1.1", b"hi")
    assert first.set_cookie == ("a=1", "b=2")
    assert ("Set-Cookie", "a=1") in first.headers
    assert 0 < first.timing.connect <= first.timing.first_byte <= first.timing.total
    assert (second.timing.dns, second.timing.connect, second.timing.tls) == (0, 0, 0)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"kind": "json", "value": {"a": [1.5, None]}}, "application/json", '{"a":[1.5,null]}'),
        (
            {"kind": "form", "value": [["a", "1 2"], ["a", "é"]]},
            "application/x-www-form-urlencoded",
            "a=1+2&a=%C3%A9",
        ),
        ({"kind": "text", "value": "é"}, "text/plain", "é"),
        ({"kind": "text", "value": "<a/>", "content_type": "text/xml"}, "text/xml", "<a/>"),
    ],
)
async def test_a_body_is_written_as_its_kind_asks(
    transport: TargetTransport, body: dict[str, Any], content_type: str, sent: str
) -> None:
    """With the content type that goes with it."""
    async with serve(echo=echo) as url:
        told = seen(await exchange(transport, f"{url}/echo", method="POST", body=body))

    assert (told["headers"]["content-type"], told["body"]) == (content_type, sent)


async def test_a_content_type_that_is_given_stands(transport: TargetTransport) -> None:
    """The test knows better."""
    headers = [["Content-Type", "application/problem+json"], ["User-Agent", "mine"]]

    async with serve(echo=echo) as url:
        told = seen(
            await exchange(
                transport,
                f"{url}/echo",
                method="POST",
                headers=headers,
                body={"kind": "json", "value": 1},
            )
        )

    assert told["headers"]["content-type"] == "application/problem+json"
    assert told["headers"]["user-agent"] == "mine"


async def test_escapes_in_a_url_arrive_as_written(transport: TargetTransport) -> None:
    """A signature over the path would not survive tidying up."""
    async with serve(echo=echo) as url:
        told = seen(await exchange(transport, f"{url}/echo?a=%7e%2F+%20b&c=1,2"))

    assert told["path"] == "/echo?a=%7e%2F+%20b&c=1,2"


async def test_redirects_are_followed_and_told(transport: TargetTransport) -> None:
    """One entry for each hop, cookies of all of them."""

    async def start(_: web.Request) -> web.Response:
        headers = {"Location": "/middle", "Set-Cookie": "hop=1"}
        return web.Response(status=302, headers=headers)

    async def middle(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "echo?x=1"})

    async with serve(start=start, middle=middle, echo=echo) as url:
        answer = await exchange(transport, f"{url}/start")

    assert answer.redirects == (
        {"status": 302, "location": "/middle"},
        {"status": 307, "location": "echo?x=1"},
    )
    assert seen(answer)["path"] == "/echo?x=1"
    assert answer.set_cookie == ("hop=1",)


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "x"), (308, "POST", "x")],
)
async def test_a_redirected_post_does_what_browsers_do(
    transport: TargetTransport, status: int, method: str, body: str
) -> None:
    """307 and 308 repeat it, the others turn it into a GET without a body."""

    async def start(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/echo"})

    async with serve(start=start, echo=echo) as url:
        answer = await exchange(
            transport, f"{url}/start", method="POST", body={"kind": "text", "value": "x"}
        )

    told = seen(answer)
    assert (told["method"], told["body"]) == (method, body)
    assert ("content-type" in told["headers"]) is bool(body)


async def test_secret_headers_do_not_leave_their_origin(transport: TargetTransport) -> None:
    """Another port is another origin, and what was dropped does not come back."""
    secret = [["X-Key", "s1"], ["Authorization", "s2"], ["Cookie", "s3"], ["X-Open", "o"]]
    changes = {"headers": secret, "secret_headers": ["x-key"]}

    async with serve(echo=echo) as other:

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"{other}/echo"})

        async def near(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": "/echo"})

        async with serve(away=away, near=near, echo=echo) as url:
            there = seen(await exchange(transport, f"{url}/away", **changes))["headers"]
            here = seen(await exchange(transport, f"{url}/near", **changes))["headers"]

    assert there["x-open"] == "o"
    assert not {"x-key", "authorization", "cookie"} & set(there)
    assert (here["x-key"], here["authorization"], here["cookie"]) == ("s1", "s2", "s3")


@pytest.mark.parametrize(
    ("status", "is_secret", "arrives"),
    [(307, True, 0), (308, True, 0), (307, False, 1), (303, True, 1)],
)
async def test_a_body_with_a_secret_does_not_leave_its_origin(
    transport: TargetTransport, status: int, is_secret: object, arrives: int
) -> None:
    """Unless the redirect turns the request into one without a body."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    body = {"kind": "text", "value": "hunter2"}

    async with serve_bytes(answer) as (other, connections):

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": other})

        async with serve(away=away) as url:
            asked = exchange(
                transport, f"{url}/away", method="POST", body=body, secret_body=is_secret
            )
            if arrives:
                await asked
            else:
                with pytest.raises(TargetError, match="redirects a body") as denied:
                    await asked
                assert denied.value.category == "secret_host_denied"

    assert len(connections) == arrives


async def test_a_body_with_a_secret_stays_with_its_origin(transport: TargetTransport) -> None:
    """A redirect within it is followed as any other."""

    async def near(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/echo"})

    async with serve(near=near, echo=echo) as url:
        body = {"kind": "text", "value": "hunter2"}
        answer = await exchange(
            transport, f"{url}/near", method="POST", body=body, secret_body=True
        )

    assert seen(answer)["body"] == "hunter2"


async def test_redirects_end_somewhere(transport: TargetTransport) -> None:
    """Too many are an error; none allowed means the first answer is the answer."""

    async def again(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/again"})

    async with serve(again=again) as url:
        with pytest.raises(TargetError, match="more than 3 redirects") as failure:
            await exchange(transport, f"{url}/again", max_redirects=3)
        answer = await exchange(transport, f"{url}/again", max_redirects=0)

    assert failure.value.category == "protocol"
    assert (answer.status, answer.redirects) == (302, ())


@pytest.mark.parametrize("location", ["http://a:99999999/", "ftp://a/", "mailto:a@b"])
async def test_a_redirect_to_no_address_is_the_targets_fault(
    transport: TargetTransport, location: str
) -> None:
    """Not the test's: it asked for something else."""

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serve(away=away) as url:
        with pytest.raises(TargetError, match="no http or https address") as failure:
            await exchange(transport, f"{url}/away")

    assert failure.value.category == "protocol"


async def test_a_redirect_is_held_to_the_egress_policy() -> None:
    """The address it leads to is refused and never connected to."""
    async with serve_bytes(b"HTTP/1.1 200 OK\r\n\r\n") as (inside, connections):

        async def away(_: web.Request) -> web.Response:
            port = httpx.URL(inside).port
            return web.Response(status=302, headers={"Location": f"http://127.0.0.2:{port}/"})

        async with serve(away=away) as url:
            transport = TargetTransport(EgressPolicy(["127.0.0.1"]))
            with pytest.raises(
                TargetError, match=r"127\.0\.0\.2 is not a public address"
            ) as denied:
                await exchange(transport, f"{url}/away")
            await transport.aclose()

    assert denied.value.category == "egress_denied"
    assert connections == []


async def test_a_name_is_connected_to_where_it_was_checked() -> None:
    """The resolver's answer is used; the host header keeps the name."""

    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    transport = TargetTransport(EgressPolicy(["*.test"]), here)
    async with serve(echo=echo) as url:
        port = httpx.URL(url).port
        answer = await exchange(transport, f"http://api.test:{port}/echo")
    await transport.aclose()

    assert seen(answer)["headers"]["host"] == f"api.test:{port}"
    assert answer.timing.dns > 0


async def test_a_slow_answer_is_a_timeout(transport: TargetTransport) -> None:
    """The deadline covers the whole attempt."""

    async def slow(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with serve(slow=slow) as url:
        with pytest.raises(TargetError, match=r"no whole answer from 127.*within 300 ms") as late:
            await exchange(transport, f"{url}/slow", timeout_ms={"connect": 60_000, "total": 300})

    assert late.value.category == "timeout"


async def test_an_answer_that_drips_is_a_timeout_too(transport: TargetTransport) -> None:
    """However often something arrives: nothing starts the clock anew."""

    async def drips(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x")
            await asyncio.sleep(0.01)

    async with serve(drips=drips) as url:
        with pytest.raises(TargetError, match="no whole answer") as late:
            await exchange(transport, f"{url}/drips", timeout_ms={"connect": 60_000, "total": 500})

    assert late.value.category == "timeout"


async def test_a_body_beyond_the_cap_is_cut(transport: TargetTransport) -> None:
    """Exactly at the cap; a body of that very size is whole."""

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    async with serve(large=large) as url:
        cut = await exchange(transport, f"{url}/large", max_body_bytes=1000)
        whole = await exchange(transport, f"{url}/large", max_body_bytes=100_000)

    assert (len(cut.body), cut.truncated) == (1000, True)
    assert (len(whole.body), whole.truncated) == (100_000, False)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b"hello" * 9)), ("deflate", zlib.compress(b"hello" * 9))],
    ids=["gzip", "deflate"],
)
async def test_a_packed_body_is_unpacked(
    transport: TargetTransport, encoding: str, packed: bytes
) -> None:
    """Headers still say how it came."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": encoding})

    async with serve(answer=answer) as url:
        got = await exchange(transport, f"{url}/answer")

    assert got.body == b"hello" * 9
    assert ("Content-Encoding", encoding) in got.headers


async def test_a_bomb_does_not_go_off(transport: TargetTransport) -> None:
    """A hundred megabytes of zeros are unpacked as far as the cap."""
    packed = gzip.compress(bytes(100_000_000))

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with serve(bomb=bomb) as url:
        got = await exchange(transport, f"{url}/bomb", max_body_bytes=5000)

    assert (len(got.body), got.truncated) == (5000, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_unpacks_to_too_much_is_too_large(
    transport: TargetTransport, encoding: str
) -> None:
    """Beyond the first megabyte, two hundred times what was sent is no answer but an attack."""
    zeros = bytes(20_000_000)
    packed = gzip.compress(zeros) if encoding == "gzip" else zlib.compress(zeros)
    words = b"".join(b'{"id": %d}' % number for number in range(500_000))
    packed_words = gzip.compress(words) if encoding == "gzip" else zlib.compress(words)

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": encoding})

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=packed_words, headers={"Content-Encoding": encoding})

    async with serve(bomb=bomb, large=large) as url:
        with pytest.raises(TargetError, match="200 times") as failure:
            await exchange(transport, f"{url}/bomb", max_body_bytes=50_000_000)
        got = await exchange(transport, f"{url}/large", max_body_bytes=50_000_000)

    assert failure.value.category == "too_large"
    assert got.body == words


async def test_encodings_that_are_not_offered_are_not_undone(transport: TargetTransport) -> None:
    """Only gzip and deflate are asked for; of others the bytes are the answer."""

    async def answer(request: web.Request) -> web.Response:
        offered = request.headers["Accept-Encoding"]
        return web.Response(text=offered, headers={"Content-Encoding": "br"})

    async with serve(answer=answer) as url:
        got = await exchange(transport, f"{url}/answer")

    assert got.body == b"gzip, deflate"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "broke off"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nplain", "encoding it names"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", "is not HTTP"),
    ],
)
async def test_broken_answers_are_told_apart(
    transport: TargetTransport, answer: bytes, said: str
) -> None:
    """All of them are the target's fault."""
    async with serve_bytes(answer) as (url, _):
        with pytest.raises(TargetError, match=said) as failure:
            await exchange(transport, url)

    assert failure.value.category == "protocol"


@pytest.mark.parametrize(
    "headers",
    [
        b"X: " + b"x" * 100_000,
        b"X: x\r\n" * 1000 + b"\r\n",
        (b"X: " + b"x" * 60_000 + b"\r\n") * 5 + b"Content-Length: 0\r\n\r\n",
    ],
    ids=["endless", "many", "large together"],
)
async def test_headers_can_be_too_large(transport: TargetTransport, headers: bytes) -> None:
    """One of them, all of them, or their number."""
    async with serve_bytes(b"HTTP/1.1 200 OK\r\n" + headers) as (url, _):
        with pytest.raises(TargetError) as failure:
            await exchange(transport, url)

    assert failure.value.category == "too_large"


async def test_headers_of_redirects_add_up(transport: TargetTransport) -> None:
    """Each hop is small, and all of them are kept."""

    async def again(_: web.Request) -> web.Response:
        cookie = "x" * 60_000
        return web.Response(status=302, headers={"Location": "/again", "Set-Cookie": cookie})

    async with serve(again=again) as url:
        with pytest.raises(TargetError, match="256 KB of headers") as failure:
            await exchange(transport, f"{url}/again", max_redirects=50)

    assert failure.value.category == "too_large"


async def test_nobody_there_is_a_connect_error(transport: TargetTransport) -> None:
    """Named by host and port, without path or query."""
    with pytest.raises(TargetError, match=r"^could not connect to 127\.0\.0\.1:1: ECONNREFUSED$"):
        await exchange(transport, "http://127.0.0.1:1/path?token=secret")


async def test_plain_text_where_tls_is_expected_is_a_tls_error(transport: TargetTransport) -> None:
    """The reason comes along."""
    async with serve_bytes(b"hello", at_once=True) as (url, _):
        with pytest.raises(TargetError, match="no trusted connection") as failure:
            await exchange(transport, url.replace("http:", "https:"))

    assert failure.value.category == "tls"


async def test_only_safe_requests_are_sent_again(transport: TargetTransport) -> None:
    """On a kept connection that its server drops, and never a PUT."""
    requests: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answers in (True, False):
            line = await reader.readline()
            while await reader.readline() not in {b"\r\n", b""}:
                pass
            if line:
                requests.append(line.split()[0].decode())
            if answers:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await exchange(transport, url)
    await exchange(transport, url)
    assert requests == ["GET", "GET", "GET"]

    with pytest.raises(TargetError, match="broke off"):
        await exchange(transport, url, method="PUT")
    assert requests == ["GET", "GET", "GET", "PUT"]
    server.close()


@pytest.mark.parametrize(
    "headers",
    [
        [["Content-Length", "3"]],
        [["content-length", "500"]],
        [["Content-Length", "3"], ["Content-Length", "33"]],
        [["Content-Length", "+33"]],
        [["Transfer-Encoding", "chunked"]],
        [["transfer-encoding", ""]],
        [["Transfer-Encoding ", "chunked"]],
        [["X\x0bTransfer-Encoding", "chunked"]],
        [["", "x"]],
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_no_request_says_where_another_begins(
    transport: TargetTransport, method: str, headers: list[list[str]]
) -> None:
    """The rest of it would be the beginning of the next one on the connection, another tenant's."""
    body = {"kind": "text", "value": "0\r\n\r\nGET /smuggled HTTP/1.1\r\nX: "}

    async with serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, connections):
        for given in (body, None):
            with pytest.raises(TargetError, match="another length") as failure:
                await exchange(transport, url, method=method, headers=headers, body=given)

    assert failure.value.category == "definition"
    assert connections == []


async def test_a_length_that_is_right_may_be_given(transport: TargetTransport) -> None:
    """Imported tests often bring one along."""
    async with serve(echo=echo) as url:
        headers = [["Content-Length", "2"]]
        body = {"kind": "text", "value": "é"}
        answer = await exchange(transport, f"{url}/echo", method="POST", headers=headers, body=body)

    assert seen(answer)["body"] == "é"


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "file:///etc/passwd"},
        {"url": "http://"},
        {"url": "http://a:99999999/"},
        {"headers": [["bad\nname", "x"]]},
        {"headers": [["x", "split\r\nHost: evil"]]},
        {"method": "GE T"},
        {"auth": {"kind": "digest"}},
        {"http_versions": ["2"]},
        {"body": {"kind": "form", "value": 3}},
    ],
)
async def test_a_request_that_cannot_be_sent_is_a_definition_error(
    transport: TargetTransport, changes: dict[str, Any]
) -> None:
    """Nothing is sent."""
    async with serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, connections):
        with pytest.raises(TargetError) as failure:
            await exchange(transport, **({"url": url} | changes))

    assert failure.value.category == "definition"
    assert "evil" not in str(failure.value)
    assert connections == [] or "headers" in changes or "method" in changes


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (aiohttp.ClientPayloadError("x"), "protocol"),
        (ssl.SSLError("x"), "tls"),
        (ConnectionResetError("x"), "protocol"),
    ],
)
async def test_whatever_the_network_raises_has_a_category(
    monkeypatch: pytest.MonkeyPatch, error: Exception, category: str
) -> None:
    """Also what no server here can be made to cause."""

    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(TargetTransport, "send", fails)

    with pytest.raises(TargetError) as failure:
        await exchange(TargetTransport(LOCAL), "http://api.test/")

    assert failure.value.category == category
