"""What is sent to Supabase, and what its answers mean."""

import asyncio
import inspect
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fakes import FakeStore
from support_http import serve_bytes
from support_wait import HANG_S

from worker import cli_errors
from worker.cli_store import ConsoleStore
from worker.config import Settings
from worker.errors import AccessRefused, StoreError, StoreRejected, StoreUnavailable
from worker.models import Claim, Lease, Renewal
from worker.store import SupabaseStore

CLAIM = Claim(worker_id="w", call_id="c", free_slots=3, prefetch=4)
LEASE = Lease(item=1, attempt=2, lease="l")


WHO = {"name": "n", "concurrency": 3, "labels": "a"}


def store_at(
    handler: Callable[[httpx.Request], httpx.Response],
    kind: type[Any] = SupabaseStore,
    **given: str,
) -> Any:
    """Return a store whose requests *handler* answers."""
    return kind(settings(**given), httpx.MockTransport(handler))


def settings(**given: Any) -> Settings:
    """Return settings of a project that is not there."""
    env = {"supabase_url": "http://supabase.test/", "supabase_key": "eyJ.key"} | given
    return Settings.model_validate(env)


def answers(status: int = 200, body: object = None) -> Callable[[httpx.Request], httpx.Response]:
    """Answer everything alike."""
    return lambda _: httpx.Response(status, json=body)


class Recorder:
    """Remembers the requests it answers with *body*."""

    def __init__(self, body: object = None) -> None:
        """Remember nothing yet."""
        self.body = body
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer *request*."""
        self.requests.append(request)
        return httpx.Response(200, json=self.body)

    @property
    def sent(self) -> Any:
        """What the last request carried."""
        return json.loads(self.requests[-1].content)


async def test_registering_gives_an_id() -> None:
    """The function is called by name with named arguments, key in both headers."""
    recorder = Recorder("the-id")

    worker_id = await store_at(recorder).register_worker(settings(**WHO), "1")

    assert worker_id == "the-id"
    request = recorder.requests[0]
    assert request.url.path == "/rest/v1/rpc/register_worker"
    assert (request.headers["apikey"], request.headers["authorization"]) == (
        "eyJ.key",
        "Bearer eyJ.key",
    )
    assert recorder.sent == {"name": "n", "version": "1", "capacity": 3, "labels": ["a"]}


async def test_a_newer_key_is_no_bearer_token() -> None:
    """The gateway would refuse it."""
    recorder = Recorder("id")

    await store_at(recorder, supabase_key="sb_secret_x").register_worker(settings(), "1")

    assert "authorization" not in recorder.requests[0].headers


async def test_claimed_work_keeps_its_digits() -> None:
    """1.10 in a body is not 1.1."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b'{"work":[{"price":1.10}],"retry_ms":50}')

    reply = await store_at(answer).claim_work(CLAIM)

    assert reply.work == ({"price": Decimal("1.10")},)
    assert reply.retry_ms == 50


async def test_reports_are_sent_as_they_were_written() -> None:
    """Joined into one call."""
    recorder = Recorder({"accepted": [1, 2], "work": []})

    reply = await store_at(recorder).report_work(CLAIM, [b'{"item":1}', b'{"item":2}'])

    assert reply.accepted == (1, 2)
    assert recorder.sent == {
        "worker_id": "w",
        "call_id": "c",
        "reports": [{"item": 1}, {"item": 2}],
        "free_slots": 3,
        "prefetch": 4,
    }


async def test_renewing_and_releasing_name_the_whole_lease() -> None:
    """Item, attempt and token; nothing else of the item."""
    recorder = Recorder({"cancelled": [1], "lost": []})
    store = store_at(recorder)

    renewal = store.renew_work("w", [LEASE])
    await store.release_work("w", [LEASE])

    assert renewal == Renewal(cancelled=(1,))
    assert [request.url.path[-12:] for request in recorder.requests] == [
        "c/renew_work",
        "release_work",
    ]
    assert recorder.sent == {"worker_id": "w", "items": [{"item": 1, "attempt": 2, "lease": "l"}]}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"code": "40P01", "message": "deadlock"}, StoreUnavailable),
        (500, {"code": "57014", "message": "statement timeout"}, StoreUnavailable),
        (503, {"code": "PGRST001", "message": "no connection"}, StoreUnavailable),
        (409, {"code": "55P03", "message": "lock"}, StoreUnavailable),
        (502, None, StoreUnavailable),
        (429, None, StoreUnavailable),
        (500, {"code": "XX000", "message": "bug"}, StoreRejected),
        (500, {"code": "55000", "message": "state"}, StoreRejected),
        (400, {"code": "22P05", "message": "NUL"}, StoreRejected),
        (404, None, StoreUnavailable),
        (404, {"code": "PGRST202", "message": "no function"}, StoreRejected),
        (405, {"code": "25006", "message": "read-only transaction"}, StoreUnavailable),
        (503, {"code": "57P03", "message": "starting up"}, StoreUnavailable),
        (504, {"code": "PGRST003", "message": "no connection in time"}, StoreUnavailable),
        (413, None, StoreRejected),
        (403, None, StoreUnavailable),
        (500, {}, StoreUnavailable),
        (502, {"message": "An invalid response was received"}, StoreUnavailable),
        (404, {"code": "PT404", "message": "no", "details": "unknown_worker"}, AccessRefused),
        (401, {"code": "PGRST301", "message": "JWT", "details": "None"}, AccessRefused),
        (400, {"code": 400, "error_code": "validation_failed", "msg": "no"}, StoreRejected),
        (422, {"code": 422, "msg": "no"}, StoreRejected),
        (401, {"message": "Invalid API key"}, AccessRefused),
        (403, {"code": "42501", "message": "no"}, AccessRefused),
        (403, {"code": "PT403", "message": "no", "details": "not_allowed"}, StoreRejected),
        (403, {"code": "PT403", "message": "no", "details": "worker_revoked"}, AccessRefused),
        (429, {"code": "PT429", "message": "no", "details": "a limit"}, StoreRejected),
        (429, {"code": 429, "error_code": "over_request_rate_limit"}, StoreUnavailable),
    ],
)
async def test_the_code_decides_whether_to_try_again(
    status: int, body: object, kind: type[StoreError]
) -> None:
    """Not the HTTP status, which is 500 for a deadlock and for a bug."""
    with pytest.raises(StoreError) as failure:
        await store_at(answers(status, body)).claim_work(CLAIM)

    assert type(failure.value) is kind
    assert failure.value.status == status


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [(401, "", 3), (403, "42501", 3), (400, "PT400", 2), (403, "PT403", 2)],
)
async def test_a_refusal_keeps_what_the_database_said(
    status: int, code: str, exit_code: int
) -> None:
    """Slug and hint; a key that is not let in is like a Supabase that cannot be reached."""
    fault = {"code": code, "message": "no", "details": "slug", "hint": "ask nicely"}

    with pytest.raises(StoreRejected) as failure:
        await store_at(answers(status, fault)).claim_work(CLAIM)

    assert (failure.value.slug, failure.value.hint) == ("slug", "ask nicely")
    assert cli_errors.exit_code(failure.value) == exit_code


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_what_answers_is_not_supabase(status: int) -> None:
    """A page of somebody else's, such as a proxy's: it may be gone in a moment."""
    page = lambda _: httpx.Response(status, text="<html>Sign in to the wireless network</html>")  # noqa: E731

    with pytest.raises(StoreUnavailable, match=f"status {status}, is not Supabase"):
        await store_at(page).claim_work(CLAIM)


async def test_an_unreachable_project_is_unavailable() -> None:
    """For the event loop and for the thread; the key is not in the message."""

    def fails(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("http://supabase.test?apikey=eyJ.key")

    with pytest.raises(StoreUnavailable, match="cannot be reached") as failure:
        await store_at(fails).claim_work(CLAIM)
    with pytest.raises(StoreUnavailable):
        store_at(fails).renew_work("w", [LEASE])

    assert "eyJ" not in str(failure.value)
    assert cli_errors.exit_code(failure.value) == 3


async def test_an_account_signs_in_and_again_when_its_session_ends() -> None:
    """The call that found out is repeated."""
    tokens = iter(["first", "second"])
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/v1/token":
            assert json.loads(request.content) == {"email": "a@b.c", "password": "p"}
            return httpx.Response(200, json={"access_token": next(tokens)})
        seen.append(request.headers["authorization"])
        if request.headers["authorization"] == "Bearer first":
            return httpx.Response(401, json={"code": "PGRST303", "message": "JWT expired"})
        return httpx.Response(200, json={"work": []})

    async with store_at(answer, email="a@b.c", password="p") as store:
        await store.claim_work(CLAIM)

    assert seen == ["Bearer first", "Bearer second"]


async def test_leases_are_renewed_under_a_session_of_the_account_too() -> None:
    """The thread signs in for itself where the session has ended."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/v1/token":
            return httpx.Response(200, json={"access_token": "session"})
        assert request.headers["authorization"] == "Bearer session"
        return httpx.Response(200, json={"cancelled": [1], "lost": []})

    store = store_at(answer, email="a@b.c", password="p")

    assert store.renew_work("w", [LEASE]) == Renewal(cancelled=(1,))


async def test_wrong_credentials_are_a_refusal() -> None:
    """Said by the sign-in, in its own words."""
    refusal = {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid"}
    store = store_at(answers(400, refusal), email="a")

    with pytest.raises(AccessRefused, match="Invalid") as failure:
        await store.claim_work(CLAIM)

    assert failure.value.code == "invalid_credentials"


async def test_a_refused_websocket_is_unavailable() -> None:
    """The loop goes on without hints."""
    async with serve_bytes(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as (url, _):
        store = store_at(answers(), supabase_url=url)

        with pytest.raises(StoreUnavailable, match="Realtime is not available"):
            await asyncio.wait_for(store.watch_runs(lambda: None), HANG_S)


@pytest.mark.parametrize("body", ["null", "{}", "[]", '{"work": 1}', '{"work": [', ""])
async def test_an_answer_that_is_none_is_no_answer(body: str) -> None:
    """Cut in the middle, or somebody else's: else reports would be taken for accepted."""
    store = store_at(lambda _: httpx.Response(200, text=body))

    with pytest.raises(StoreUnavailable):
        await store.report_work(CLAIM, [b"{}"])


async def test_a_sign_in_without_a_session_is_no_answer() -> None:
    """Whatever answered, it may be the right one next time."""
    with pytest.raises(StoreUnavailable):
        await store_at(answers(200, {}), email="a").claim_work(CLAIM)


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [("7", 7.0), ("86400", 300.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), (None, 0.0)],
)
async def test_the_platform_may_say_when_to_come_back(told: str | None, wait_s: float) -> None:
    """In seconds, up to five minutes; a date would be by a clock that may be wrong."""
    headers = {"retry-after": told} if told else {}
    store = store_at(lambda _: httpx.Response(429, headers=headers))

    with pytest.raises(StoreUnavailable) as failure:
        await store.claim_work(CLAIM)

    assert failure.value.retry_after_s == wait_s


@pytest.mark.parametrize("body", [{"id": "r"}, [{"id": "r"}]])
async def test_commands_take_a_row_or_a_set_of_one(body: object) -> None:
    """Whichever the function returns."""
    store = store_at(answers(200, body), ConsoleStore)

    assert await store.queue_run({}) == {"id": "r"}
    assert await store.get_run_state("r", 0) == {"id": "r"}
    assert await store.get_run_report("r") == {"id": "r"}
    assert await store.cancel_run("r") == {"id": "r"}


async def test_a_long_report_is_put_together() -> None:
    """Page after page, until there is no next."""
    pages = {None: ([1, 2], "p2"), "p2": ([3], "p3"), "p3": ([4], None)}

    def answer(request: httpx.Request) -> httpx.Response:
        results, following = pages[json.loads(request.content).get("after")]
        return httpx.Response(200, json={"run": {}, "results": results, "next": following})

    report = await store_at(answer, ConsoleStore).get_run_report("r")

    assert report == {"run": {}, "results": [1, 2, 3, 4], "next": None}


async def test_commands_read_tables_through_rest() -> None:
    """With PostgREST's own filters."""
    recorder = Recorder([{"id": 1}])

    rows = await store_at(recorder, ConsoleStore).select("projects", select="id", name="eq.a b")

    assert rows == [{"id": 1}]
    assert str(recorder.requests[0].url).endswith("/rest/v1/projects?select=id&name=eq.a+b")


def test_the_fake_store_takes_the_same_calls() -> None:
    """What the loop is tested with is what it is run with."""
    for name in ("register_worker", "claim_work", "report_work", "renew_work", "release_work"):
        real = inspect.signature(getattr(SupabaseStore, name))
        assert inspect.signature(getattr(FakeStore, name)) == real
