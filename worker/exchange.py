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
from aiohttp.http_exceptions import LineTooLong

from worker import __version__, jsontext
from worker.errors import TargetError
from worker.models import FormBody, JsonBody, Pairs, Request, Timeouts, Timing
from worker.transport import Clock

# What every client sends unless the test says otherwise.
_DEFAULT_HEADERS = (
    ("user-agent", f"assay/{__version__}"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_OF_BODY = frozenset({"content-type", "content-length", "content-encoding"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """The final answer of an attempt and how it came about; ``body`` is decoded, at most the cap."""

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
        default = 443 if self.url.scheme == "https" else 80
        return f"{self.url.host}:{self.url.port or default}"


async def perform(request: Request, transport: httpx.AsyncBaseTransport) -> Exchange:
    """Make *request*, following its redirects; raises ``TargetError`` when no answer came."""
    if request.auth is not None:
        kind = request.auth.get("kind", "unknown")
        raise TargetError("definition", f"this worker does not know the authentication {kind!r}")
    try:
        content, headers = _content(request)
        hop = _Hop(request.method, httpx.URL(request.url), headers, content)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise TargetError("definition", f"the request cannot be built: {error}") from error
    try:
        async with asyncio.timeout(request.timeout_ms.total / 1000):
            return await _follow(hop, request, transport)
    except (aiohttp.ClientError, httpx.TransportError, OSError, zlib.error) as error:
        raise _as_target_error(error, hop.place, request.timeout_ms) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise TargetError("definition", "the request is not valid HTTP") from error


async def _follow(hop: _Hop, request: Request, transport: httpx.AsyncBaseTransport) -> Exchange:
    clock = Clock()
    extensions = {
        "clock": clock,
        "verify_tls": request.verify_tls,
        "http_versions": request.http_versions,
        "timeout": httpx.Timeout(None, connect=request.timeout_ms.connect / 1000).as_dict(),
    }
    while True:
        if hop.url.scheme not in {"http", "https"} or not hop.url.host:
            raise TargetError("definition", "the URL is not an http or https address")
        raw = [(name.encode(), value.encode()) for name, value in hop.headers]
        response = await transport.handle_async_request(
            httpx.Request(
                hop.method, hop.url, headers=raw, content=hop.content, extensions=extensions
            )
        )
        try:
            pairs = tuple((_text(name), _text(value)) for name, value in response.headers.raw)
            hop.set_cookie += [value for name, value in pairs if name.lower() == "set-cookie"]
            location = response.headers.get("location")
            if response.status_code in _REDIRECTS and location and request.max_redirects:
                hop.redirects.append({"status": response.status_code, "location": location})
                if len(hop.redirects) > request.max_redirects:
                    raise TargetError("protocol", f"more than {request.max_redirects} redirects")
                _redirect(hop, response.status_code, location, request.secret_headers)
                continue
            first_byte = clock.elapsed()
            body, truncated = await _read(response, request.max_body_bytes)
        finally:
            await response.aclose()
        return Exchange(
            status=response.status_code,
            http_version=response.extensions.get("http_version", b"HTTP/1.1").decode(),
            headers=pairs,
            body=body,
            truncated=truncated,
            redirects=tuple(hop.redirects),
            set_cookie=tuple(hop.set_cookie),
            timing=Timing(
                dns=round(clock.dns, 3),
                connect=round(max(clock.connect, 0.0), 3),
                tls=round(clock.tls, 3),
                first_byte=round(first_byte, 3),
                total=round(clock.elapsed(), 3),
            ),
        )


def _redirect(hop: _Hop, status: int, location: str, secret: frozenset[str]) -> None:
    """Turn *hop* into the next one, by the rules browsers follow."""
    try:
        target = hop.url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise TargetError("protocol", f"{hop.place} redirects to what is no URL") from error
    drop = {"host"}
    becomes_get = status == 303 or (status in {301, 302} and hop.method == "POST")  # noqa: PLR2004
    if becomes_get and hop.method != "HEAD":
        hop.method, hop.content = "GET", b""
        drop |= _OF_BODY
    if (target.scheme, target.host, target.port) != (hop.url.scheme, hop.url.host, hop.url.port):
        drop |= secret | _CREDENTIALS
    hop.headers = [(name, value) for name, value in hop.headers if name.lower() not in drop]
    hop.url = target


async def _read(response: httpx.Response, cap: int) -> tuple[bytes, bool]:
    """Return the decoded body, at most *cap* bytes of it, and whether there was more."""
    inflate = _inflater(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        # One byte more than allowed is enough to know, and keeps a bomb from going off.
        body += inflate(chunk, cap + 1 - len(body)) if inflate else chunk
        if len(body) > cap:
            return bytes(body[:cap]), True
    return bytes(body), False


def _inflater(encoding: str) -> Callable[[bytes, int], bytes] | None:
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
    body = request.body
    given = {name.lower() for name, _ in request.headers}
    kind = None
    match body:
        case None:
            content = b""
        case JsonBody():
            content, kind = jsontext.dumps(body.value).encode(), "application/json"
        case FormBody():
            content, kind = urlencode(body.value).encode(), "application/x-www-form-urlencoded"
        case _:
            content, kind = body.value.encode(), body.content_type
    headers = [*request.headers]
    headers += [(name, value) for name, value in _DEFAULT_HEADERS if name not in given]
    if kind and "content-type" not in given:
        headers.append(("content-type", kind))
    return content, headers


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _as_target_error(error: Exception, place: str, limits: Timeouts) -> TargetError:  # noqa: PLR0911
    """Say in the wire contract's words what went wrong on the way to or from *place*."""
    match error:
        case httpx.ConnectTimeout() | aiohttp.ServerTimeoutError():
            return TargetError("timeout", f"no connection to {place} within {limits.connect} ms")
        case TimeoutError():
            return TargetError("timeout", f"no whole answer from {place} within {limits.total} ms")
        case aiohttp.ClientConnectorDNSError():
            return TargetError("dns", f"the name of {place} could not be resolved")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
            reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "")
            return TargetError("tls", f"no trusted connection to {place}: {reason}".rstrip(": "))
        case aiohttp.ClientConnectorError():
            reason = errno.errorcode.get(error.os_error.errno or 0, "no route")
            return TargetError("connect", f"could not connect to {place}: {reason}")
        case httpx.ConnectError():
            return TargetError("connect", f"could not connect to {place}")
        case zlib.error():
            return TargetError("protocol", f"{place} sent a body that is not in its own encoding")
        case aiohttp.ClientResponseError() if isinstance(error.__cause__, LineTooLong):
            return TargetError("too_large", f"{place} sent a header that is too long")
        case aiohttp.ClientResponseError() | httpx.RemoteProtocolError():
            return TargetError("protocol", f"what {place} sent is not HTTP")
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError() | OSError():
            return TargetError("protocol", f"{place} broke off before its answer was complete")
        case _:
            return TargetError("protocol", f"the exchange with {place} broke down")
