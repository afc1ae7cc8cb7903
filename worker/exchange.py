"""One attempt over HTTP: deadline, redirects hop by hop, size cap, and what went wrong."""

import asyncio
import errno
import re
import ssl
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from multidict import CIMultiDict

from worker import __version__, jsontext
from worker.egress import locate
from worker.errors import TargetError
from worker.models import Body, Pairs, Request, Timing
from worker.transport import Hop, TargetTransport

# A packed body longer than the first is held to the second: text shrinks to a tenth, zeros to a
# thousandth.
_UNSUSPECTED_BYTES, _MOST_INFLATION = 1024 * 1024, 200
_HEAD_BYTES = 256 * 1024
# How aiohttp begins to say that a header is too long, and that there are too many.
_TOO_LARGE = ("Got more than", "Too many headers")

# What every client sends unless the test says otherwise.
_DEFAULT_HEADERS = (
    ("user-agent", f"assay/{__version__}"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_PACKED, _GZIP_OR_ZLIB = frozenset({"gzip", "x-gzip", "deflate"}), 32
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OF_BODY = frozenset({"content-type", "content-length", "content-encoding"})


@dataclass(frozen=True)
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


async def perform(request: Request, transport: TargetTransport) -> Exchange:
    """Make *request*, following its redirects; raises ``TargetError`` when no answer came."""
    if request.auth is not None or "1.1" not in request.http_versions:
        wanted = request.auth.get("kind") if request.auth else " or ".join(request.http_versions)
        raise TargetError("definition", f"this worker speaks plain HTTP/1.1, not {wanted}")
    try:
        content, headers = _content(request)
        hop = Hop(request.method, locate(request.url), headers, content)
        async with asyncio.timeout(request.timeout_ms.total / 1000):
            return await _follow(hop, request, transport)
    # A certificate error is a ValueError too: what the network raises comes first.
    except (aiohttp.ClientError, OSError, zlib.error) as error:
        raise _as_target_error(error, hop.place, request) from error
    except (ValueError, TypeError) as error:
        # The text of these errors quotes the request, and with it its secrets.
        kind = type(error).__name__
        raise TargetError("definition", f"the request is not valid HTTP ({kind})") from error


async def _follow(hop: Hop, request: Request, transport: TargetTransport) -> Exchange:
    redirects: list[dict[str, Any]] = []
    set_cookie: list[str] = []
    head_bytes = 0
    while True:
        with closing(await transport.send(hop, request)) as reply:
            pairs = tuple((_text(name), _text(value)) for name, value in reply.raw_headers)
            named = CIMultiDict(pairs)
            head_bytes += sum(len(name) + len(value) for name, value in reply.raw_headers)
            if head_bytes > _HEAD_BYTES:
                raise TargetError("too_large", f"{hop.place} sent more than 256 KB of headers")
            set_cookie += named.getall("set-cookie", ())
            location = named.get("location")
            if reply.status in _REDIRECTS and location and request.max_redirects:
                redirects.append({"status": reply.status, "location": location})
                if len(redirects) > request.max_redirects:
                    raise TargetError("protocol", f"more than {request.max_redirects} redirects")
                _redirect(hop, reply.status, location, request)
                continue
            first_byte = hop.clock.elapsed()
            encoding = named.get("content-encoding", "")
            body, truncated = await _read(reply.content, encoding, request.max_body_bytes)
        version = reply.version or aiohttp.HttpVersion11
        return Exchange(
            status=reply.status,
            http_version=f"HTTP/{version.major}.{version.minor}",
            headers=pairs,
            body=body,
            truncated=truncated,
            redirects=tuple(redirects),
            set_cookie=tuple(set_cookie),
            timing=Timing(**hop.clock.spent, first_byte=first_byte, total=hop.clock.elapsed()),
        )


def _redirect(hop: Hop, status: int, location: str, request: Request) -> None:
    """Turn *hop* into the next one, by the rules browsers follow."""
    try:
        target = locate(location, str(hop.url))
    except ValueError:
        said = f"{hop.place} redirects to what is no http or https address"
        raise TargetError("protocol", said) from None
    drop = {"host"}
    if hop.method != "HEAD" and (
        status == 303 or (status in {301, 302} and hop.method == "POST")  # noqa: PLR2004
    ):
        hop.method, hop.content = "GET", b""
        drop |= _OF_BODY
    if target.origin() != hop.url.origin():
        if request.secret_body and hop.content:
            said = f"{hop.place} redirects a body that holds a secret to {target.host}"
            raise TargetError("secret_host_denied", said)
        drop |= request.secret_headers | _CREDENTIALS
    hop.headers = [(name, value) for name, value in hop.headers if name.lower() not in drop]
    hop.url = target


async def _read(stream: aiohttp.StreamReader, encoding: str, cap: int) -> tuple[bytes, bool]:
    """Return the body without *encoding*, at most *cap* bytes of it, and whether there was more."""
    # What else it is packed in is best left as it is: nobody asked for that.
    is_packed = encoding.strip().lower() in _PACKED
    inflater = zlib.decompressobj(zlib.MAX_WBITS | _GZIP_OR_ZLIB) if is_packed else None
    body, received = bytearray(), 0
    async for chunk in stream.iter_any():
        received += len(chunk)
        room = min(cap, max(_UNSUSPECTED_BYTES, received * _MOST_INFLATION))
        # One byte more than allowed is enough to know, and keeps a bomb from going off.
        body += inflater.decompress(chunk, room + 1 - len(body)) if inflater else chunk
        if len(body) > cap:
            return bytes(body[:cap]), True
        if len(body) > room:
            said = f"the body unpacks to more than {_MOST_INFLATION} times what was sent"
            raise TargetError("too_large", said)
    return bytes(body), False


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
    # Connections are kept for the next request, which may be another tenant's: where this one ends
    # is ours to say, and nobody else's to doubt.
    framing = {"content-length": str(len(content)), "transfer-encoding": None}
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name) or framing.get(name.lower(), value) != value:
            said = "a header has no proper name, or says another length than the body has"
            raise TargetError("definition", said)
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
        case aiohttp.ServerTimeoutError():
            category, message = "timeout", late
        case aiohttp.InvalidURL():
            category, message = "definition", "the URL is not valid"
        case TimeoutError():
            category, message = "timeout", f"no whole answer from {place} within {limits.total} ms"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
            reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "handshake")
            category, message = "tls", f"no trusted connection to {place}: {reason}"
        case aiohttp.ClientConnectorError():
            reason = errno.errorcode.get(error.os_error.errno or 0, "unreachable")
            category, message = "connect", f"could not connect to {place}: {reason}"
        case aiohttp.ClientResponseError() if error.message.startswith(_TOO_LARGE):
            category, message = "too_large", f"{place} sent a header too long, or too many of them"
        case aiohttp.ClientResponseError():
            message = f"what {place} sent is not HTTP"
        case zlib.error():
            message = f"{place} sent a body that is not in the encoding it names"
    return TargetError(category, message)
