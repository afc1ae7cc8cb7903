"""The only module that builds httpx clients and transports.

httpx's own pool is slow under load, so requests travel over aiohttp, which also lets us choose the
address to connect to and see the phases. It is used directly rather than through httpx-aiohttp,
which rewrites escapes in URLs and calls a reset connection a connect timeout.
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
_HEADER_BYTES = 64 * 1024
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
# Supabase ends a statement after 8 s, one that plans a large run after 60.
_PLATFORM_TIMEOUT = httpx.Timeout(65, connect=5)


@dataclass(slots=True)
class Clock:
    """Milliseconds an attempt spent per phase, added up over its redirects."""

    started: float = field(default_factory=time.perf_counter)
    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    phase: str = "connect"
    is_reused: bool = False
    _mark: float = 0.0

    def elapsed(self) -> float:
        """Milliseconds since the attempt began."""
        return (time.perf_counter() - self.started) * 1000

    def begin(self) -> None:
        """Set out to connect, on a connection that is new until told otherwise."""
        self._mark, self.phase, self.is_reused = time.perf_counter(), "connect", False

    def end(self, phase: str) -> None:
        """Book the time since the last phase on *phase*."""
        now = time.perf_counter()
        setattr(self, phase, getattr(self, phase) + (now - self._mark) * 1000)
        self._mark = now


# What aiohttp calls back knows the task it runs in, not the request it is for.
_clock: ContextVar[Clock] = ContextVar("clock")


class TargetTransport(httpx.AsyncBaseTransport):
    """Makes the requests under test; it follows no redirect and keeps no cookie."""

    def __init__(self, policy: EgressPolicy, lookup: Lookup | None = None) -> None:
        """Hold every connection to *policy*; *lookup* replaces the system's name resolution."""
        self._policy = policy
        self._resolver = CheckedResolver(policy, lookup)
        self._session: aiohttp.ClientSession | None = None
        self._tls = {True: _tls_context(verify=True), False: _tls_context(verify=False)}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make one request; its extensions hold a ``Clock``, ``verify_tls`` and ``connect_s``.

        Raises ``TargetError`` for what egress refuses, else whatever aiohttp raises.
        """
        url = yarl.URL(str(request.url), encoded=True)
        self._policy.check_host(url.host or "")
        self._session = self._session or self._open_session()
        clock: Clock = request.extensions["clock"]
        _clock.set(clock)
        for may_repeat in (request.method in _REPEATABLE, False):
            clock.begin()
            try:
                reply = await self._session.request(
                    request.method,
                    url,
                    headers=[(name.decode(), text.decode()) for name, text in request.headers.raw],
                    data=request.content or None,
                    allow_redirects=False,
                    ssl=self._tls[request.extensions["verify_tls"]],
                    timeout=aiohttp.ClientTimeout(sock_connect=request.extensions["connect_s"]),
                )
                break
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # Its server may have given up a reused connection just as we took it.
                if not (clock.is_reused and may_repeat):
                    raise
        version = reply.version or aiohttp.HttpVersion11
        extensions = {"http_version": b"HTTP/%d.%d" % version}
        return httpx.Response(
            reply.status, headers=reply.raw_headers, stream=_Stream(reply), extensions=extensions
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the worker's slots are the limit
            resolver=self._resolver,
            keepalive_timeout=_KEEPALIVE_S,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_SKIP_AUTO,
            auto_decompress=False,
            max_field_size=_HEADER_BYTES,
            max_line_size=_HEADER_BYTES,
            trace_configs=[_phase_trace()],
        )
        # aiohttp would also send PUT and DELETE again; which requests may be is our decision.
        session._retry_connection = False  # noqa: SLF001
        return session


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
        clock = _clock.get()
        clock.end(clock.phase)
        clock.phase = "tls"
        return super().wrap_bio(*args, **kwargs)


def platform_client(base_url: str) -> httpx.AsyncClient:
    """Return the client for Supabase's own interfaces; it honours the operator's proxy."""
    return httpx.AsyncClient(base_url=base_url, timeout=_PLATFORM_TIMEOUT)


def platform_client_for_threads(base_url: str) -> httpx.Client:
    """Return a client like ``platform_client`` that needs no event loop."""
    return httpx.Client(base_url=base_url, timeout=_PLATFORM_TIMEOUT)


def _tls_context(*, verify: bool) -> ssl.SSLContext:
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_default_certs()
        context.load_verify_locations(cafile=certifi.where())
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _phase_trace() -> aiohttp.TraceConfig:
    """Return the trace that fills the clock of the attempt under way."""

    async def resolved(*_: object) -> None:
        _clock.get().end("dns")

    async def connected(*_: object) -> None:
        _clock.get().end(_clock.get().phase)

    async def reused(*_: object) -> None:
        _clock.get().is_reused = True

    trace = aiohttp.TraceConfig()
    trace.on_dns_resolvehost_end.append(resolved)
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(reused)
    return trace
