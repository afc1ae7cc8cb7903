"""The only module that builds HTTP clients: aiohttp's for targets, httpx's for Supabase.

httpx's own pool is slow under load. aiohttp also lets us choose the address to connect to, and see
the phases.
"""

import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import certifi
import httpx
import yarl

from worker import __version__
from worker.egress import CheckedResolver, EgressPolicy, Lookup
from worker.models import Request

# Servers commonly close idle connections after 5 s; a request on a connection that is being
# closed is lost, and one that may not be repeated is then lost for good.
_KEEPALIVE_S = 2.0
_SKIP_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_HEADER_BYTES = 64 * 1024
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
# Supabase ends a statement after 8 s, one that plans a large run after 60.
_PLATFORM_TIMEOUT = httpx.Timeout(65, connect=5)
# A renewal that takes longer is better made again before the lease runs out.
_RENEWAL_TIMEOUT_S = 8.0


@dataclass(slots=True)
class Clock:
    """Milliseconds an attempt spent per phase, added up over its redirects."""

    spent: dict[str, float] = field(default_factory=dict)
    phase: str = "connect"
    is_reused: bool = False
    _started: float = field(default_factory=time.perf_counter)
    _mark: float = 0.0

    def elapsed(self) -> float:
        """Milliseconds since the attempt began."""
        return (time.perf_counter() - self._started) * 1000

    def begin(self) -> None:
        """Set out to connect, on a connection that is new until told otherwise."""
        self._mark, self.phase, self.is_reused = self.elapsed(), "connect", False

    def end(self, phase: str) -> None:
        """Book the time since the last phase on *phase*."""
        now = self.elapsed()
        self.spent[phase] = self.spent.get(phase, 0.0) + now - self._mark
        self._mark = now


@dataclass(slots=True)
class Hop:
    """A request as it stands after the redirects so far."""

    method: str
    url: yarl.URL
    headers: list[tuple[str, str]]
    content: bytes
    clock: Clock = field(default_factory=Clock)

    @property
    def place(self) -> str:
        """Host and port, as messages name it."""
        return f"{self.url.host}:{self.url.port}"


# What aiohttp calls back knows the task it runs in, not the request it is for.
_clock: ContextVar[Clock] = ContextVar("clock")


class TargetTransport:
    """Makes the requests under test; it follows no redirect and keeps no cookie."""

    def __init__(self, policy: EgressPolicy, lookup: Lookup | None = None) -> None:
        """Hold every connection to *policy*; *lookup* replaces the system's name resolution.

        Takes a running event loop.
        """
        self._policy = policy
        self._session = _open_session(CheckedResolver(policy, lookup))
        self._tls = {True: _tls_context(verify=True), False: _tls_context(verify=False)}

    async def send(self, hop: Hop, request: Request) -> aiohttp.ClientResponse:
        """Make *hop* of *request* and return the answer, its body unread and undecoded.

        Raises ``TargetError`` for what egress refuses, else whatever aiohttp raises.
        """
        self._policy.check_host(hop.url.raw_host or "")
        _clock.set(hop.clock)
        may_repeat = hop.method in _REPEATABLE
        while True:
            hop.clock.begin()
            try:
                return await self._session.request(
                    hop.method,
                    hop.url,
                    headers=hop.headers,
                    data=hop.content or None,
                    allow_redirects=False,
                    ssl=self._tls[request.verify_tls],
                    timeout=aiohttp.ClientTimeout(sock_connect=request.timeout_ms.connect / 1000),
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # Its server may have given up a reused connection just as we took it.
                if not (hop.clock.is_reused and may_repeat):
                    raise
                may_repeat = False

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()


class _TimedContext(ssl.SSLContext):
    """Notes when a handshake begins, which no trace of aiohttp tells."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401
        clock = _clock.get()
        clock.end(clock.phase)
        clock.phase = "tls"
        return super().wrap_bio(*args, **kwargs)


def platform_clients(
    url: str,
    auth: httpx.Auth,
    transport: Any = None,  # noqa: ANN401
) -> tuple[httpx.AsyncClient, httpx.Client]:
    """Return clients for Supabase's own interfaces, for the event loop and for a thread.

    They honour the operator's proxy, unless *transport* is given.
    """
    headers = {"content-type": "application/json", "user-agent": f"assay/{__version__}"}
    how: dict[str, Any] = {"base_url": url, "auth": auth, "headers": headers}
    how |= {"timeout": _PLATFORM_TIMEOUT, "transport": transport}
    return httpx.AsyncClient(**how), httpx.Client(**how | {"timeout": _RENEWAL_TIMEOUT_S})


def _open_session(resolver: CheckedResolver) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,  # the worker's slots are the limit
        resolver=resolver,
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
