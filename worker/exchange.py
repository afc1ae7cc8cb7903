"""One attempt over HTTP: deadline, redirects hop by hop, size cap, and what went wrong."""

import asyncio
import errno
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
import httpx
import yarl
from aiohttp.http_exceptions import LineTooLong

from worker import __version__, jsontext
from worker.errors import TargetError
from worker.models import Body, Pairs, Request, Timing
from worker.transport import Clock

Inflate = Callable[[bytes, int], bytes]

# What every client sends unless the test says otherwise.
_DEFAULT_HEADERS = (
    ("user-agent", f"assay/{__version__}"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
)
_SCHEMES = frozenset({"http", "https"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_OF_BODY = frozenset({"content-type", "content-length", "content-encoding"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """The final answer of an attempt and how it came about; *body* is decoded, at most the cap."""

    status: int
    http_version: str
    headers: Pairs
    body: bytes
    truncated: bool
    redirects: tuple[dict[str, Any], ...]
    set_cookie: tuple[str, ...]
    timing: Timing


@dataclass(slots=True)
class _Hop:
    """The request as it stands after the redirects so far."""

    method: str
    url: httpx.URL
    headers: list[tuple[str, str]]
    content: bytes
    redirects: list[dict[str, Any]] = field(default_factory=list)
    set_cookie: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Host and port, as messages name it."""
        return f"{self.url.host}:{self.url.port or (443 if self.url.scheme == 'https' else 80)}"


async def perform(request: Request, transport: httpx.AsyncBaseTransport) -> Exchange:
    """Make *request*, following its redirects; raises ``TargetError`` when no answer came."""
    if request.auth is not None or "1.1" not in request.http_versions:
        wanted = request.auth.get("kind") if request.auth else " or ".join(request.http_versions)
        raise TargetError("definition", f"this worker speaks plain HTTP/1.1, not {wanted}")
    try:
        content, headers = _content(request)
        hop = _Hop(request.method, httpx.URL(request.url), headers, content)
        async with asyncio.timeout(request.timeout_ms.total / 1000):
            return await _follow(hop, request, transport)
    # A certificate error is a ValueError too: what the network raises comes first.
    except (aiohttp.ClientError, httpx.TransportError, OSError, zlib.error) as error:
        raise _as_target_error(error, hop.place, request) from error
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        # The text of these errors quotes the request, and with it its secrets.
        kind = type(error).__name__
        raise TargetError("definition", f"the request is not valid HTTP ({kind})") from error


async def _follow(hop: _Hop, request: Request, transport: httpx.AsyncBaseTransport) -> Exchange:
    clock = Clock()
    connect_s = request.timeout_ms.connect / 1000
    extensions = {"clock": clock, "verify_tls": request.verify_tls, "connect_s": connect_s}
    while True:
        if hop.url.scheme not in _SCHEMES or not hop.url.host:
            raise TargetError("definition", "the URL is not an http or https address")
        headers = [(name.encode(), value.encode()) for name, value in hop.headers]
        response = await transport.handle_async_request(
            httpx.Request(
                hop.method, hop.url, headers=headers, content=hop.content, extensions=extensions
            )
        )
        try:
            pairs = tuple((_text(name), _text(value)) for name, value in response.headers.raw)
            named = {name.lower(): value for name, value in pairs}
            if "set-cookie" in named:
                hop.set_cookie += [text for name, text in pairs if name.lower() == "set-cookie"]
            status, location = response.status_code, named.get("location")
            if status in _REDIRECTS and location and request.max_redirects:
                _redirect(hop, status, location, request)
                continue
            first_byte = clock.elapsed()
            inflate = _inflater(named.get("content-encoding", ""))
            body, truncated = await _read(response, request.max_body_bytes, inflate)
        finally:
            await response.aclose()
        spent = (clock.dns, clock.connect, clock.tls, first_byte, clock.elapsed())
        timing = zip(Timing.model_fields, (round(phase, 3) for phase in spent), strict=True)
        return Exchange(
            status=status,
            http_version=response.extensions.get("http_version", b"HTTP/1.1").decode(),
            headers=pairs,
            body=body,
            truncated=truncated,
            redirects=tuple(hop.redirects),
            set_cookie=tuple(hop.set_cookie),
            timing=Timing(**dict(timing)),
        )


def _redirect(hop: _Hop, status: int, location: str, request: Request) -> None:
    """Turn *hop* into the next one, by the rules browsers follow."""
    hop.redirects.append({"status": status, "location": location})
    if len(hop.redirects) > request.max_redirects:
        raise TargetError("protocol", f"more than {request.max_redirects} redirects")
    try:
        target = hop.url.join(location)
        is_usable = yarl.URL(str(target)).scheme in _SCHEMES and bool(target.host)
    except (httpx.InvalidURL, ValueError):
        is_usable = False
    if not is_usable:
        raise TargetError("protocol", f"{hop.place} redirects to what is no http or https address")
    drop = {"host"}
    if hop.method != "HEAD" and (
        status == 303 or (status in {301, 302} and hop.method == "POST")  # noqa: PLR2004
    ):
        hop.method, hop.content = "GET", b""
        drop |= _OF_BODY
    if (target.scheme, target.host, target.port) != (hop.url.scheme, hop.url.host, hop.url.port):
        drop |= request.secret_headers | _CREDENTIALS
    hop.headers = [(name, value) for name, value in hop.headers if name.lower() not in drop]
    hop.url = target


async def _read(response: httpx.Response, cap: int, inflate: Inflate | None) -> tuple[bytes, bool]:
    """Return the decoded body, at most *cap* bytes of it, and whether there was more."""
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        # One byte more than allowed is enough to know, and keeps a bomb from going off.
        body += inflate(chunk, cap + 1 - len(body)) if inflate else chunk
        if len(body) > cap:
            return bytes(body[:cap]), True
    return bytes(body), False


def _inflater(encoding: str) -> Inflate | None:
    """Return what undoes *encoding*, or None where the bytes are best left as they are."""
    match encoding.strip().lower():
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
        case "deflate":
            return zlib.decompressobj().decompress
        case _:
            return None


def _content(request: Request) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the body of *request* in bytes, and its headers completed with the usual ones."""
    match request.body:
        case None:
            content, kind = b"", None
        case Body(kind="json", value=value):
            content, kind = jsontext.dumps(value).encode(), "application/json"
        case Body(kind="form", value=value):
            pairs = [(name, text) for name, text in value]
            content, kind = urlencode(pairs).encode(), "application/x-www-form-urlencoded"
        case Body(value=value, content_type=content_type):
            content, kind = str(value).encode(), content_type or "text/plain"
    given = {name.lower() for name, _ in request.headers}
    usual = (*_DEFAULT_HEADERS, ("content-type", kind))
    missing = [(name, value) for name, value in usual if value and name not in given]
    return content, [*request.headers, *missing]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _as_target_error(error: Exception, place: str, request: Request) -> TargetError:
    """Say in the wire contract's words what went wrong on the way to or from *place*."""
    limits = request.timeout_ms
    late = f"no connection to {place} within {limits.connect} ms"
    category, message = "protocol", f"{place} broke off before its answer was complete"
    match error:
        case httpx.ConnectTimeout() | aiohttp.ServerTimeoutError():
            category, message = "timeout", late
        case aiohttp.InvalidURL():
            category, message = "definition", "the URL is not valid"
        case TimeoutError():
            category, message = "timeout", f"no whole answer from {place} within {limits.total} ms"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
            reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "handshake")
            category, message = "tls", f"no trusted connection to {place}: {reason}"
        case aiohttp.ClientConnectorError() | httpx.ConnectError():
            number = error.os_error.errno if isinstance(error, aiohttp.ClientOSError) else None
            reason = errno.errorcode.get(number or 0, "unreachable")
            category, message = "connect", f"could not connect to {place}: {reason}"
        case aiohttp.ClientResponseError(__cause__=Exception(__cause__=LineTooLong())):
            category, message = "too_large", f"{place} sent a header that is too long"
        case aiohttp.ClientResponseError() | httpx.RemoteProtocolError():
            message = f"what {place} sent is not HTTP"
        case zlib.error():
            message = f"{place} sent a body that is not in the encoding it names"
    return TargetError(category, message)
