"""The only module that knows Supabase: one method per function of the database."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import httpx
from realtime import (
    AsyncRealtimeClient,
    RealtimePostgresChangesListenEvent,
    RealtimeSubscribeStates,
)

from worker import __version__, jsontext
from worker.config import Settings
from worker.errors import StoreError, StoreRejected, StoreUnavailable
from worker.models import Lease, Renewal, Reply
from worker.transport import platform_client, platform_client_for_threads

_log = logging.getLogger(__name__)

# SQLSTATE classes and PostgREST codes that mean "not now": connection, rollback, resources,
# operator intervention; lock not available; PostgREST cannot reach its database.
_TRANSIENT = ("08", "40", "53", "57", "55P03", "PGRST000", "PGRST001", "PGRST002", "PGRST003")
# The Realtime client can fall silent without an error; a fresh one now and then bounds that.
_REBUILD_S = 600
_CHECK_S = 5.0
_OK = 200


class SupabaseStore:
    """Calls one project, as its secret key or as the account the settings name."""

    def __init__(
        self,
        settings: Settings,
        client: httpx.AsyncClient | None = None,
        thread_client: httpx.Client | None = None,
    ) -> None:
        """Talk to the project of *settings*, over the clients given or ordinary ones."""
        self._settings = settings
        self._client = client or platform_client(settings.supabase_url)
        self._thread_client = thread_client or platform_client_for_threads(settings.supabase_url)
        self._token = settings.supabase_key.get_secret_value()

    async def __aenter__(self) -> Self:
        """Sign in where there is an account to sign in as."""
        if self._settings.email:
            await self._sign_in()
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
        return str(await self._call("register_worker", values))

    async def claim_work(
        self, worker_id: str, call_id: UUID, free_slots: int, prefetch: int
    ) -> Reply:
        """Take work: up to *free_slots* to start at once and *prefetch* to hold ready."""
        values = {
            "worker_id": worker_id,
            "call_id": str(call_id),
            "free_slots": free_slots,
            "prefetch": prefetch,
        }
        return Reply.model_validate(await self._call("claim_work", values))

    async def report_work(
        self,
        worker_id: str,
        call_id: UUID,
        reports: Sequence[bytes],
        free_slots: int,
        prefetch: int,
    ) -> Reply:
        """Hand in *reports*, each already JSON, and take work in the same call."""
        # Joined, not parsed again: a batch may be 4 MB.
        body = b'{"worker_id":"%b","call_id":"%b","reports":[%b],"free_slots":%d,"prefetch":%d}' % (
            worker_id.encode(),
            str(call_id).encode(),
            b",".join(reports),
            free_slots,
            prefetch,
        )
        return Reply.model_validate(await self._call("report_work", body))

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
        await self._call("release_work", {"worker_id": worker_id, "items": _shape(items)})

    async def queue_run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Queue a run; *request* holds the function's arguments. Returns the run's row."""
        return _row(await self._call("queue_run", request))

    async def get_run_state(self, run_id: str, since: int) -> dict[str, Any]:
        """Return a run's counters and what finished after *since*."""
        return _row(await self._call("get_run_state", {"run_id": run_id, "since": since}))

    async def get_run_report(self, run_id: str) -> dict[str, Any]:
        """Return everything there is to say about a run."""
        return _row(await self._call("get_run_report", {"run_id": run_id}))

    async def cancel_run(self, run_id: str) -> dict[str, Any]:
        """Cancel a run; returns its row."""
        return _row(await self._call("cancel_run", {"run_id": run_id}))

    async def select(self, table: str, **query: str) -> list[dict[str, Any]]:
        """Read rows of a public table with PostgREST's *query*; for commands, not for the loop."""
        answer = await self._send("GET", f"/rest/v1/{table}", params=query)
        return answer if isinstance(answer, list) else []

    async def watch_runs(self, wake: Callable[[], None]) -> None:
        """Call *wake* whenever work may be waiting, until cancelled or the connection is gone.

        Each event is a hint and any may be missed: also called once when the watch is set up.
        """
        base = self._settings.supabase_url.rstrip("/")
        key = self._settings.supabase_key.get_secret_value()
        client = AsyncRealtimeClient(f"{base}/realtime/v1", token=key, auto_reconnect=False)
        try:
            await client.set_auth(self._token)
            await client.connect()
            changes = client.channel("assay-runs")
            changes.on_postgres_changes(
                RealtimePostgresChangesListenEvent.Insert,
                schema="public",
                table="test_runs",
                callback=lambda _: wake(),
            )
            workers = client.channel(
                "workers", {"config": {"private": True, "broadcast": None, "presence": None}}
            )
            workers.on_broadcast("run_queued", lambda _: wake())
            for channel in (changes, workers):
                await channel.subscribe(lambda state, _: wake() if _is_open(state) else None)
            until = time.monotonic() + _REBUILD_S
            while client.is_connected and time.monotonic() < until:
                if not (changes.is_joined or workers.is_joined):
                    return
                await asyncio.sleep(_CHECK_S)
        except Exception as error:  # the client raises whatever its socket does
            raise StoreUnavailable(f"Realtime: {type(error).__name__}") from error
        finally:
            await client.close()

    async def _call(self, function: str, values: Mapping[str, Any] | bytes) -> Any:  # noqa: ANN401
        body = values if isinstance(values, bytes) else _encode(values)
        return await self._send("POST", f"/rest/v1/rpc/{function}", content=body)

    async def _send(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401
        try:
            response = await self._client.request(method, path, headers=self._headers(), **request)
            if response.status_code == httpx.codes.UNAUTHORIZED and self._settings.email:
                await self._sign_in()  # a session lasts an hour, a worker longer
                response = await self._client.request(
                    method, path, headers=self._headers(), **request
                )
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return _answer(response)

    async def _sign_in(self) -> None:
        password = self._settings.password
        account = {
            "email": self._settings.email,
            "password": password.get_secret_value() if password else "",
        }
        self._token = self._settings.supabase_key.get_secret_value()
        try:
            response = await self._client.post(
                "/auth/v1/token",
                params={"grant_type": "password"},
                content=_encode(account),
                headers=self._headers(),
            )
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        self._token = _answer(response)["access_token"]

    def _headers(self) -> dict[str, str]:
        key = self._settings.supabase_key.get_secret_value()
        headers = {
            "apikey": key,
            "content-type": "application/json",
            "user-agent": f"assay/{__version__}",
        }
        # The newer keys are no tokens: the gateway turns them into one.
        if not self._token.startswith("sb_"):
            headers["authorization"] = f"Bearer {self._token}"
        return headers


def _encode(values: Mapping[str, Any]) -> bytes:
    return jsontext.dumps(values).encode()


def _shape(items: Sequence[Lease]) -> list[dict[str, Any]]:
    return [{"item": one.item, "attempt": one.attempt, "lease": one.lease} for one in items]


def _row(answer: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the single row, whether the function answers with a row or with a set of one."""
    row = answer[0] if isinstance(answer, list) and answer else answer
    return row if isinstance(row, dict) else {}


def _is_open(state: RealtimeSubscribeStates) -> bool:
    return state is RealtimeSubscribeStates.SUBSCRIBED


def _unreachable(error: httpx.HTTPError) -> StoreUnavailable:
    return StoreUnavailable(f"Supabase cannot be reached ({type(error).__name__})")


def _answer(response: httpx.Response) -> Any:  # noqa: ANN401
    """Return what *response* holds; raises ``StoreError`` of the kind its code asks for."""
    try:
        answer = jsontext.loads(response.content) if response.content else None
    except ValueError:
        answer = None
    if response.is_success:
        return answer
    fault = answer if isinstance(answer, dict) else {}
    code = str(fault.get("code") or fault.get("error_code") or "")
    slug = str(fault.get("details") or "")
    said = fault.get("message") or fault.get("msg") or f"Supabase answered {response.status_code}"
    is_transient = code.startswith(_TRANSIENT) or (
        not code
        and (response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS)
    )
    kind: type[StoreError] = StoreUnavailable if is_transient else StoreRejected
    return _raise(kind(str(said), code, slug, response.status_code))


def _raise(error: StoreError) -> Any:  # noqa: ANN401
    raise error
