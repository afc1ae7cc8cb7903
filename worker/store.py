"""The only module of the worker that knows Supabase: one method per function of the database."""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import httpx
from realtime import (
    AsyncRealtimeClient,
    RealtimeChannelOptions,
    RealtimeSubscribeStates,
)

from worker import jsontext
from worker.config import Settings
from worker.errors import AccessRefused, StoreError, StoreRejected, StoreUnavailable
from worker.models import Lease, Renewal, Reply
from worker.transport import platform_clients

# SQLSTATE classes and PostgREST codes that mean "not now": connection, rollback, resources,
# operator intervention; lock not available; PostgREST cannot reach its database.
_TRANSIENT = ("08", "40", "53", "57", "55P03", "PGRST000", "PGRST001", "PGRST002", "PGRST003")
# The Realtime client can fall silent without an error; a fresh one now and then bounds that.
_REBUILD_S = 600
_CHECK_S = 5.0
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
                    self.token = _answer(session)["access_token"]
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

    async def register_worker(
        self, name: str, version: str, capacity: int, labels: Sequence[str]
    ) -> str:
        """Make this worker known; returns its id."""
        values = {"name": name, "version": version, "capacity": capacity, "labels": labels}
        return str(await self.call("register_worker", values))

    async def claim_work(
        self, worker_id: str, call_id: UUID, free_slots: int, prefetch: int
    ) -> Reply:
        """Take work: up to *free_slots* to start at once and *prefetch* to hold ready."""
        values = {"worker_id": worker_id, "call_id": str(call_id)}
        room = {"free_slots": free_slots, "prefetch": prefetch}
        return Reply.model_validate(await self.call("claim_work", values | room))

    async def report_work(
        self,
        worker_id: str,
        call_id: UUID,
        reports: Sequence[bytes],
        free_slots: int,
        prefetch: int,
    ) -> Reply:
        """Hand in *reports*, each already JSON, and take work in the same call."""
        # Joined, not parsed and written again: a batch may be 4 MB.
        ids = f'"worker_id":"{worker_id}","call_id":"{call_id}"'.encode()
        room = b'"free_slots":%d,"prefetch":%d' % (free_slots, prefetch)
        body = b'{%b,"reports":[%b],%b}' % (ids, b",".join(reports), room)
        return Reply.model_validate(await self.call("report_work", body))

    def renew_work(self, worker_id: str, items: Sequence[Lease]) -> Renewal:
        """Keep the leases of *items*. Blocks: it is called from the lease keeper's thread."""
        body = _encode({"worker_id": worker_id, "items": _shape(items)})
        try:
            response = self._thread_client.post("/rest/v1/rpc/renew_work", content=body)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return Renewal.model_validate(_answer(response))

    async def release_work(self, worker_id: str, items: Sequence[Lease]) -> None:
        """Hand back *items* that were not sent."""
        await self.call("release_work", {"worker_id": worker_id, "items": _shape(items)})

    async def watch_runs(self, wake: Callable[[], None]) -> None:
        """Call *wake* whenever work may be waiting, until the connection is gone or grown old.

        Each event is a hint and any may be missed, so *wake* is also called once the watch is set
        up. Raises ``StoreUnavailable`` when it cannot be.
        """

        def subscribed(state: RealtimeSubscribeStates, _: Exception | None) -> None:
            if state is RealtimeSubscribeStates.SUBSCRIBED:
                wake()

        client = AsyncRealtimeClient(
            f"{self._url}/realtime/v1", token=self._access.key, auto_reconnect=False
        )
        try:
            # First, for the call signs in again where the session of an account has ended.
            topics = await self.call("get_wakeup_topics", {})
            await client.set_auth(self._access.token)
            hints = [client.channel(topic, _PRIVATE) for topic in topics]
            for one in hints:
                one.on_broadcast("run_queued", lambda _: wake())
                await one.subscribe(subscribed)
            until = time.monotonic() + _REBUILD_S
            while client.is_connected and any(one.is_joined for one in hints):
                if time.monotonic() > until:
                    return
                await asyncio.sleep(_CHECK_S)
        except Exception as error:
            # The client raises whatever its socket does.
            raise StoreUnavailable(f"Realtime is not available: {type(error).__name__}") from error
        finally:
            await client.close()

    async def call(self, function: str, values: Mapping[str, Any] | bytes) -> Any:  # noqa: ANN401
        """Call a *function* of the database with *values*, or with a body already encoded."""
        body = values if isinstance(values, bytes) else _encode(values)
        return await self._send("POST", f"/rest/v1/rpc/{function}", content=body)

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


def _answer(response: httpx.Response) -> Any:  # noqa: ANN401
    """Return what *response* holds; raises the ``StoreError`` that its code asks for."""
    status = response.status_code
    try:
        answer = jsontext.loads(response.content or b"null")
    except ValueError:
        said = f"what answered, with status {status}, is not Supabase"
        raise StoreUnavailable(said, status=status) from None
    if response.is_success:
        return answer
    fault = answer if isinstance(answer, dict) else {}
    code = fault.get("error_code") or fault.get("code")  # the sign-in's "code" is the HTTP status
    code = code if isinstance(code, str) else ""
    # What limits the sign-in has a code of its own; what limits an organization is ours.
    is_crowded = status == httpx.codes.TOO_MANY_REQUESTS and not code.startswith("PT")
    kind: type[StoreError] = StoreRejected
    if is_crowded or code.startswith(_TRANSIENT) or (not code and status >= 500):  # noqa: PLR2004
        kind = StoreUnavailable
    elif (
        code == "42501"
        or (status in {401, 403} and not code.startswith("PT"))
        or fault.get("details") == "worker_revoked"
    ):
        kind = AccessRefused
    said = fault.get("message") or fault.get("msg") or f"Supabase answered with status {status}"
    slug, hint = str(fault.get("details") or ""), str(fault.get("hint") or "")
    raise kind(str(said), code, slug, status, hint)
