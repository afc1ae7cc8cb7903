"""``/rest/v1``: hands requests to PostgREST and its answers back, without reading either."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import yarl
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

PREFIX = "/rest/v1"
_UNSENT_REQUEST_HEADERS = frozenset(
    (
        b"host",
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"transfer-encoding",
        b"expect",
    ),
)
# Besides the hop-by-hop ones: the gateway sets the date, and CORS for all its services alike.
_UNSENT_RESPONSE_HEADERS = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"date"))


class RestProxy:
    """ASGI application in front of PostgREST's socket; connections are kept and reused."""

    def __init__(self, socket: Path) -> None:
        """Proxy to the PostgREST that listens on *socket*; ``start`` comes first."""
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool of connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self._socket), limit=0, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def stop(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def is_ready(self) -> bool:
        """Whether PostgREST has read the schema and answers from it."""
        assert self._session is not None  # noqa: S101 - start() was called
        try:
            # A call of a function that is not there: answered from the schema cache alone.
            async with self._session.head("http://postgrest/rpc/is_ready") as response:
                return response.status != 503  # noqa: PLR2004 - Service Unavailable
        except aiohttp.ClientError:
            return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        assert self._session is not None  # noqa: S101 - start() was called
        first = await receive()
        is_streamed = first.get("more_body", False)
        try:
            response = await self._session.request(
                scope["method"],
                _target(scope),
                headers=_request_headers(scope, is_streamed=is_streamed),
                data=_body(first, receive),
                allow_redirects=False,
                # PostgREST may answer without reading the body, and hang up: what is on its way
                # then would take the answer with it.
                expect100=is_streamed,
            )
        except aiohttp.ClientError:
            await _unavailable(scope, receive, send)
            return
        async with response:
            await _relay(response, send)


def _target(scope: Scope) -> yarl.URL:
    path = scope["raw_path"].decode("latin-1").removeprefix(PREFIX) or "/"
    query = scope["query_string"].decode("latin-1")
    return yarl.URL(
        f"http://postgrest{path}?{query}" if query else f"http://postgrest{path}", encoded=True
    )


def _request_headers(scope: Scope, *, is_streamed: bool) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in scope["headers"]
        # The client library counts a body it holds whole by itself.
        if name not in _UNSENT_REQUEST_HEADERS and (is_streamed or name != b"content-length")
    ]


def _body(first: Message, receive: Receive) -> bytes | AsyncIterator[bytes] | None:
    """Return the body whole when it came in one piece, as most do; else as it arrives."""
    if first.get("more_body"):
        return _pieces(first, receive)
    return first.get("body") or None


async def _pieces(first: Message, receive: Receive) -> AsyncIterator[bytes]:
    message = first
    while True:
        if message["type"] == "http.disconnect":
            raise aiohttp.ClientConnectionError("The client left in the middle of its request.")
        if body := message.get("body"):
            yield body
        if not message.get("more_body"):
            return
        message = await receive()


async def _relay(response: aiohttp.ClientResponse, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in response.raw_headers
        if name.lower() not in _UNSENT_RESPONSE_HEADERS
        and not name.lower().startswith(b"access-control-")
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    is_last = False
    while not is_last:
        piece = await response.content.readany()
        is_last = response.content.at_eof()
        await send({"type": "http.response.body", "body": piece, "more_body": not is_last})


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse(
        {
            "code": "PGRST000",
            "message": "The REST service does not answer.",
            "details": None,
            "hint": "It is being restarted; try again in a second.",
        },
        status_code=503,
        headers={"retry-after": "1"},
    )
    await answer(scope, receive, send)
