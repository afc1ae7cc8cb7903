"""The only module of the worker that knows Supabase: one method per function of the database."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import httpx
from realtime import (
    AsyncRealtimeClient,
    RealtimeChannelOptions,
    RealtimePostgresChangesListenEvent,
    RealtimeSubscribeStates,
)

from worker import __version__, jsontext
from worker.config import Settings
from worker.errors import AccessRefused, StoreError, StoreRejected, StoreUnavailable
from worker.models import Lease, Renewal, Reply
from worker.transport import platform_client, platform_client_for_threads

# SQLSTATE classes and PostgREST codes that mean "not now": connection, rollback, resources,
# operator intervention; lock not available; PostgREST cannot reach its database.
_TRANSIENT = ("08", "40", "53", "57", "55P03", "PGRST000", "PGRST001", "PGRST002", "PGRST003")
# The Realtime client can fall silent without an error; a fresh one now and then bounds that.
_REBUILD_S = 600
_CHECK_S = 5.0
_PRIVATE: RealtimeChannelOptions = {
    "config": {"private": True, "broadcast": None, "presence": None}
}


class SupabaseStore:
    """Calls one project, as its secret key or as the account the settings name."""

    def __init__(
        self,
        settings: Settings,
        client: httpx.AsyncClient | None = None,
        thread_client: httpx.Client | None = None,
    ) -> None:
        """Talk to the project of *settings*, over the clients given or ordinary ones."""
        self._url = settings.supabase_url.rstrip("/")
        self._key = settings.supabase_key.get_secret_value()
        self._account = (settings.email, settings.password)
        self._client = client or platform_client(self._url)
        self._thread_client = thread_client or platform_client_for_threads(self._url)
        self._token = self._key

    async def __aenter__(self) -> Self:
        """Sign in where there is an account to sign in as."""
        try:
            if self._account[0]:
                await self._sign_in()
        except StoreError:
            await self.__aexit__()
            raise
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
            response = self._thread_client.post(
                "/rest/v1/rpc/renew_work", content=body, headers=self._headers()
            )
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
            f"{self._url}/realtime/v1", token=self._key, auto_reconnect=False
        )
        try:
            await client.set_auth(self._token)
            runs = client.channel("assay-runs").on_postgres_changes(
                RealtimePostgresChangesListenEvent.Insert,
                schema="public",
                table="test_runs",
                callback=lambda _: wake(),
            )
            hints = client.channel("workers", _PRIVATE)
            hints.on_broadcast("run_queued", lambda _: wake())
            await runs.subscribe(subscribed)
            await hints.subscribe(subscribed)
            until = time.monotonic() + _REBUILD_S
            while client.is_connected and (runs.is_joined or hints.is_joined):
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
        response = await self._exchange(method, path, **request)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._account[0]:
            await self._sign_in()  # a session lasts an hour, a worker longer
            response = await self._exchange(method, path, **request)
        return _answer(response)

    async def _exchange(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401
        try:
            return await self._client.request(method, path, headers=self._headers(), **request)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error

    async def _sign_in(self) -> None:
        email, password = self._account
        secret = password.get_secret_value() if password else ""
        self._token = self._key
        path = "/auth/v1/token?grant_type=password"
        body = _encode({"email": email, "password": secret})
        try:
            session = _answer(await self._exchange("POST", path, content=body))
        except StoreRejected as error:
            raise AccessRefused(str(error), error.code, status=error.status) from None
        self._token = session["access_token"]

    def _headers(self) -> dict[str, str]:
        headers = {"apikey": self._key, "content-type": "application/json"}
        headers["user-agent"] = f"assay/{__version__}"
        # The newer keys are no tokens: the gateway turns them into one.
        if not self._token.startswith("sb_"):
            headers["authorization"] = f"Bearer {self._token}"
        return headers


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
    is_from_gateway = not code and (status >= 500 or status == httpx.codes.TOO_MANY_REQUESTS)  # noqa: PLR2004
    kind: type[StoreError] = StoreRejected
    if is_from_gateway or code.startswith(_TRANSIENT):
        kind = StoreUnavailable
    elif code == "42501" or (status in {401, 403} and not code.startswith("PT")):
        kind = AccessRefused
    said = fault.get("message") or fault.get("msg") or f"Supabase answered with status {status}"
    slug, hint = str(fault.get("details") or ""), str(fault.get("hint") or "")
    raise kind(str(said), code, slug, status, hint)
