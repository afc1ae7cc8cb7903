"""The only module that builds httpx clients and transports.

httpx's own pool is slow under load (docs/decisions), so requests travel over aiohttp, which also
lets us choose the address to connect to and see the phases. It is used directly rather than
through httpx-aiohttp, which rewrites escapes in URLs and calls a reset a connect timeout.
"""

import ssl
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import certifi
import httpx
import yarl

from worker.egress import CheckedResolver, EgressPolicy, Lookup

# Servers commonly close idle connections after 5 s; a request on a connection that is being
# closed is lost, and one that may not be repeated is then lost for good.
_KEEPALIVE_S = 2.0
_SKIP_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
# Supabase ends a statement after 8 s; 30 s leaves room for a gateway that queues.
_PLATFORM_TIMEOUT = httpx.Timeout(30, connect=5)


@dataclass(slots=True)
class Clock:
    """Milliseconds an attempt spent per phase, added up over its redirects."""

    started: float = field(default_factory=time.perf_counter)
    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    reused: bool = False
    mark: float = 0.0
    dns_mark: float = 0.0
    dns_before: float = 0.0
    tls_mark: float = 0.0

    def elapsed(self) -> float:
        """Milliseconds since the attempt began."""
        return (time.perf_counter() - self.started) * 1000


_clock: ContextVar[Clock | None] = ContextVar("clock", default=None)


class TargetTransport(httpx.AsyncBaseTransport):
    """Makes the requests under test: HTTP/1.1 through aiohttp, HTTP/2 where a request asks."""

    def __init__(self, policy: EgressPolicy, lookup: Lookup | None = None) -> None:
        """Hold every connection to *policy*; *lookup* replaces the system's name resolution."""
        self._policy = policy
        self._resolver = CheckedResolver(policy, lookup)
        self._session: aiohttp.ClientSession | None = None
        self._http2: dict[bool, httpx.AsyncHTTPTransport] = {}
        self._tls = {True: _tls_context(verify=True), False: _tls_context(verify=False)}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make one request, following nothing.

        Raises ``TargetError`` for what egress refuses, else what aiohttp or httpx raise.
        """
        url = yarl.URL(str(request.url), encoded=True)
        self._policy.check_host(url.host or "")
        if "2" in request.extensions["http_versions"]:
            return await self._over_http2(request)
        return await self._over_http1(request, url)

    async def _over_http1(self, request: httpx.Request, url: yarl.URL) -> httpx.Response:
        self._session = self._session or self._open_session()
        clock: Clock = request.extensions["clock"]
        _clock.set(clock)
        for may_repeat in (request.method in {"GET", "HEAD", "OPTIONS"}, False):
            clock.reused = False
            try:
                reply = await self._session.request(
                    request.method,
                    url,
                    headers=[
                        (name.decode(), value.decode()) for name, value in request.headers.raw
                    ],
                    data=request.content or None,
                    allow_redirects=False,
                    ssl=self._tls[request.extensions["verify_tls"]],
                    timeout=aiohttp.ClientTimeout(
                        sock_connect=request.extensions["timeout"]["connect"]
                    ),
                )
                break
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # The connection was reused and its server had just given it up.
                if not (clock.reused and may_repeat):
                    raise
        version = reply.version or aiohttp.HttpVersion11
        return httpx.Response(
            reply.status,
            headers=reply.raw_headers,
            stream=_Stream(reply),
            extensions={"http_version": b"HTTP/%d.%d" % version},
        )

    async def _over_http2(self, request: httpx.Request) -> httpx.Response:
        # httpcore resolves names by itself; giving it the checked address keeps it honest.
        verify = request.extensions["verify_tls"]
        if verify not in self._http2:
            context = _tls_context(verify=verify, h2=True)
            self._http2[verify] = httpx.AsyncHTTPTransport(verify=context, http2=True)
        host = request.url.host
        found = await self._resolver.resolve(host, request.url.port or 443)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=found[0]["host"]),
            headers=request.headers,
            content=request.content,
            extensions=request.extensions | {"sni_hostname": host},
        )
        return await self._http2[verify].handle_async_request(pinned)

    def _open_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the worker's slots are the limit
            resolver=self._resolver,
            ttl_dns_cache=10,
            keepalive_timeout=_KEEPALIVE_S,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_SKIP_AUTO,
            auto_decompress=False,
            trace_configs=[_phase_trace()],
        )
        # aiohttp would also send PUT and DELETE again; which requests may be is our decision.
        session._retry_connection = False  # noqa: SLF001
        return session

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()
        for transport in self._http2.values():
            await transport.aclose()


class _Stream(httpx.AsyncByteStream):
    """The undecoded body; closing it before its end closes the connection."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._reply.content.iter_any():
            yield chunk

    async def aclose(self) -> None:
        self._reply.close()


class _TimedContext(ssl.SSLContext):
    """Notes when a handshake begins, which no trace of aiohttp tells."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401
        if clock := _clock.get():
            clock.tls_mark = time.perf_counter()
        return super().wrap_bio(*args, **kwargs)


def platform_client(base_url: str) -> httpx.AsyncClient:
    """Return the client for Supabase's own interfaces; it honours the operator's proxy settings."""
    return httpx.AsyncClient(base_url=base_url, timeout=_PLATFORM_TIMEOUT)


def platform_client_for_threads(base_url: str) -> httpx.Client:
    """Return a client like ``platform_client`` that needs no event loop."""
    return httpx.Client(base_url=base_url, timeout=_PLATFORM_TIMEOUT)


def _tls_context(*, verify: bool, h2: bool = False) -> ssl.SSLContext:
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_default_certs()
        context.load_verify_locations(cafile=certifi.where())
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"] if h2 else ["http/1.1"])
    return context


def _phase_trace() -> aiohttp.TraceConfig:
    """Return the trace that fills the clock of the attempt under way."""

    async def begin_connect(*_: object) -> None:
        if clock := _clock.get():
            clock.mark, clock.tls_mark, clock.dns_before = time.perf_counter(), 0.0, clock.dns

    async def end_connect(*_: object) -> None:
        if clock := _clock.get():
            now = time.perf_counter()
            tls = (now - clock.tls_mark) * 1000 if clock.tls_mark else 0.0
            clock.tls += tls
            clock.connect += (now - clock.mark) * 1000 - tls - (clock.dns - clock.dns_before)

    async def begin_dns(*_: object) -> None:
        if clock := _clock.get():
            clock.dns_mark = time.perf_counter()

    async def end_dns(*_: object) -> None:
        if clock := _clock.get():
            clock.dns += (time.perf_counter() - clock.dns_mark) * 1000

    async def reuse(*_: object) -> None:
        if clock := _clock.get():
            clock.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(begin_connect)
    trace.on_connection_create_end.append(end_connect)
    trace.on_dns_resolvehost_start.append(begin_dns)
    trace.on_dns_resolvehost_end.append(end_dns)
    trace.on_connection_reuseconn.append(reuse)
    return trace
