"""The only module of the worker that knows Supabase: one method per function of the database."""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from realtime import AsyncRealtimeClient, RealtimeChannelOptions, RealtimeSubscribeStates
from realtime.types import BroadcastPayload

from worker import jsontext
from worker.config import Settings
from worker.errors import AccessRefused, StoreError, StoreRejected, StoreUnavailable
from worker.models import Claim, Lease, Renewal, Reply, Session
from worker.transport import platform_clients

_Model = TypeVar("_Model", bound=BaseModel)
# SQLSTATE classes and PostgREST codes that mean "not now": connection, rollback, resources,
# operator intervention; read only, as a standby is; lock not available; PostgREST cannot reach its
# database.
_TRANSIENT = ("08", "25006", "40", "53", "57", "55P03", "PGRST00")
# After these every call of this process would be refused.
_FINAL = frozenset({"worker_revoked", "unknown_worker"})
# Supabase ends a statement after 8 s, and lets a call wait 10 s for a connection.
_WORK_S = 20.0
# What it asks for is honoured up to here.
_RETRY_AFTER_MAX_S = 300.0
# Realtime can fall silent without an error, but on every channel with a worker something comes
# once a minute.
_SILENCE_S = 150.0
_PRIVATE: RealtimeChannelOptions = {
    "config": {"private": True, "broadcast": None, "presence": None}
}


class _Access(httpx.Auth):
    """Puts on every request the key, and the session of the account if there is one."""

    requires_response_body = True

    def __init__(self, settings: Settings, url: str) -> None:
        self._url = f"{url}/auth/v1/token?grant_type=password"
        self.key = self.token = settings.supabase_key.get_secret_value()
        self._account: dict[str, str] = {}
        if settings.email:
            password = settings.password.get_secret_value() if settings.password else ""
            self._account = {"email": settings.email, "password": password}
            self.token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign in first where there is no session, and again where it has ended."""
        for _ in range(2):
            if not self.token:
                session = yield self._signed(httpx.Request("POST", self._url, json=self._account))
                try:
                    self.token = _shaped(Session, _answer(session)).access_token
                except StoreRejected as error:
                    raise AccessRefused(str(error), error.code, status=error.status) from None
            response = yield self._signed(request)
            if not self._account or response.status_code != httpx.codes.UNAUTHORIZED:
                return
            self.token = ""

    def _signed(self, request: httpx.Request) -> httpx.Request:
        token = self.token or self.key
        request.headers["apikey"] = self.key
        # The newer keys are no tokens: the gateway turns them into one.
        if not token.startswith("sb_"):
            request.headers["authorization"] = f"Bearer {token}"
        return request


class SupabaseStore:
    """Calls one project, as its secret key or as the account the settings name."""

    def __init__(self, settings: Settings, transport: Any = None) -> None:  # noqa: ANN401
        """Talk to the project of *settings*, over an httpx *transport* other than the network."""
        self._url = settings.supabase_url.rstrip("/")
        self._access = _Access(settings, self._url)
        self._client, self._thread_client = platform_clients(self._url, self._access, transport)

    async def __aenter__(self) -> Self:
        """Signing in is left to the first call."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()
        self._thread_client.close()

    async def register_worker(self, settings: Settings, version: str) -> str:
        """Make a worker of *settings* known; returns its id."""
        values = settings.model_dump(include={"name", "labels"})
        values |= {"version": version, "capacity": settings.concurrency}
        return str(await self.call("register_worker", values))

    async def claim_work(self, claim: Claim) -> Reply:
        """Take work."""
        return _shaped(Reply, await self.call("claim_work", claim.model_dump(), timeout=_WORK_S))

    async def report_work(self, claim: Claim, reports: Sequence[bytes]) -> Reply:
        """Hand in *reports*, each already JSON, and take work in the same call."""
        # Joined, not parsed and written again: a batch may be 4 MB.
        body = b'%b,"reports":[%b]}' % (_encode(claim.model_dump())[:-1], b",".join(reports))
        return _shaped(Reply, await self.call("report_work", body, timeout=_WORK_S))

    def renew_work(self, worker_id: str, items: Sequence[Lease]) -> Renewal:
        """Keep the leases of *items*. Blocks: it is called from the lease keeper's thread."""
        body = _encode({"worker_id": worker_id, "items": _shape(items)})
        try:
            response = self._thread_client.post("/rest/v1/rpc/renew_work", content=body)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return _shaped(Renewal, _answer(response))

    async def release_work(self, worker_id: str, items: Sequence[Lease]) -> None:
        """Hand back *items* that were not sent."""
        await self.call("release_work", {"worker_id": worker_id, "items": _shape(items)})

    async def watch_runs(self, wake: Callable[[], None], silence_s: float = _SILENCE_S) -> None:
        """Call *wake* whenever work may be waiting, until the watch fails or *silence_s* go by.

        Each event is a hint and any may be missed, so *wake* is also called once the watch is set
        up. It ends by ``StoreUnavailable``, always.
        """
        loop, lost = asyncio.get_running_loop(), asyncio.Event()

        def changed(state: RealtimeSubscribeStates, _: Exception | None) -> None:
            (wake if state is RealtimeSubscribeStates.SUBSCRIBED else lost.set)()

        def heard(message: BroadcastPayload) -> None:
            silence.reschedule(loop.time() + silence_s)
            if message["event"] == "run_queued":
                wake()

        url, key = f"{self._url}/realtime/v1", self._access.key
        # A heartbeat, the most often it can be, finds out that the other side hung up.
        client = AsyncRealtimeClient(url, key, auto_reconnect=False, hb_interval=15)
        try:
            async with asyncio.timeout(silence_s) as silence:
                # First, for the call signs in again where the session of an account has ended.
                topics = await self.call("get_wakeup_topics", {})
                await client.set_auth(self._access.token)
                for topic in topics:
                    hints = client.channel(topic, _PRIVATE).on_broadcast("*", heard)
                    await hints.subscribe(changed)
                await lost.wait()
        except Exception as error:
            # The client raises whatever its socket does.
            said = "is silent" if silence.expired() else f"is not available: {type(error).__name__}"
            raise StoreUnavailable(f"Realtime {said}") from error
        finally:
            await client.close()
        raise StoreUnavailable("Realtime ended the subscription")

    async def call(self, function: str, values: Mapping[str, Any] | bytes, **how: Any) -> Any:  # noqa: ANN401
        """Call a *function* of the database with *values*, or with a body already encoded."""
        body = values if isinstance(values, bytes) else _encode(values)
        return await self._send("POST", f"/rest/v1/rpc/{function}", content=body, **how)

    async def _send(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401
        try:
            response = await self._client.request(method, path, **request)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return _answer(response)


def _encode(values: Mapping[str, Any]) -> bytes:
    return jsontext.dumps(values).encode()


def _shape(items: Sequence[Lease]) -> list[dict[str, Any]]:
    return [{"item": one.item, "attempt": one.attempt, "lease": one.lease} for one in items]


def _unreachable(error: httpx.HTTPError) -> StoreUnavailable:
    return StoreUnavailable(f"Supabase cannot be reached ({type(error).__name__})")


def _shaped(kind: type[_Model], answer: Any) -> _Model:  # noqa: ANN401
    """Read *answer* as a *kind*; what is none is not Supabase's."""
    try:
        return kind.model_validate(answer)
    except ValidationError:
        raise StoreUnavailable(f"what answered gave no {kind.__name__.lower()}") from None


def _answer(response: httpx.Response) -> Any:  # noqa: ANN401
    """Return what *response* holds; raises the ``StoreError`` that its code asks for."""
    status = response.status_code
    try:
        answer = jsontext.loads(response.content or b"null")
        if response.is_success:
            return answer
    except ValueError:
        answer = None
    # A page, or nothing, comes from something on the way, such as a proxy.
    fault = answer if isinstance(answer, dict) else {}
    code = fault.get("error_code") or fault.get("code")  # the sign-in's "code" is the HTTP status
    code = code if isinstance(code, str) else ""
    # What limits the sign-in has a code of its own; what limits an organization is ours.
    is_crowded = status == httpx.codes.TOO_MANY_REQUESTS and not code.startswith("PT")
    kind: type[StoreError] = StoreRejected
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        pass  # whoever says so
    elif not fault or is_crowded or code.startswith(_TRANSIENT) or (not code and status >= 500):  # noqa: PLR2004
        kind = StoreUnavailable
    elif (
        code == "42501"
        or (status in {401, 403} and not code.startswith("PT"))
        or fault.get("details") in _FINAL
    ):
        kind = AccessRefused
    said = fault.get("message") or fault.get("msg") or f"Supabase answered with status {status}"
    if not fault:
        said = f"what answered, with status {status}, is not Supabase"
    slug, hint = str(fault.get("details") or ""), str(fault.get("hint") or "")
    error = kind(str(said), code, slug, status, hint)
    after = response.headers.get("retry-after", "")
    error.retry_after_s = min(float(after), _RETRY_AFTER_MAX_S) if after.isdecimal() else 0.0
    raise error
