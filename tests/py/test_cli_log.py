"""One JSON object per line."""

import json
import logging
from typing import Any

import pytest
from aiohttp import web
from fakes import FakeStore, work_item
from support_http import serve
from support_wait import HANG_S

from worker import cli_log as log
from worker.config import Settings
from worker.egress import EgressPolicy
from worker.errors import StoreRejected, StoreUnavailable
from worker.evaluator import Evaluator
from worker.loop import Worker
from worker.runner import Runner
from worker.transport import TargetTransport


@pytest.fixture(autouse=True)
def _restored():  # noqa: ANN202
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_holds_event_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Time and level too; what is below the level is not written."""
    log.set_up("INFO")

    logging.getLogger("worker.x").info("started", extra={"f": {"name": "n"}})
    logging.getLogger("worker.x").debug("detail")

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line).items() >= {"event": "started", "level": "info", "name": "n"}.items()


def test_an_exception_is_named_but_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    """Its text may hold what must not be logged."""
    log.set_up("INFO")

    try:
        int("secret")
    except ValueError:
        logging.getLogger("worker.x").exception("internal_error")

    out = capsys.readouterr().out
    assert json.loads(out)["exception"] == "ValueError"
    assert "secret" not in out


@pytest.mark.parametrize(
    "library",
    ["httpx", "realtime._async.client", "websockets.client", "aiohttp.access", "jsonpath_ng", ""],
)
def test_libraries_are_kept_quiet(capsys: pytest.CaptureFixture[str], library: str) -> None:
    """Some of them write whole URLs, keys included; one that is added tomorrow too."""
    log.set_up("DEBUG")

    logging.getLogger(library).debug("GET http://x?apikey=secret")
    logging.getLogger(library).error("wss://x?apikey=secret")

    assert capsys.readouterr().out == ""


SECRET = "hunter2hunter2"


async def leaks(request: web.Request) -> web.Response:
    """Send back what was sent, everywhere."""
    headers = {"Location": f"/leaks?key={SECRET}", "Set-Cookie": f"s={SECRET}", "X": SECRET}
    return web.Response(status=302, body=await request.read(), headers=headers)


def careless(url: str) -> list[dict[str, Any]]:
    """Return work with the secret wherever there is room for it, going wrong in every way."""
    body = {"kind": "text", "value": SECRET}
    headers = [["Authorization", f"Bearer {SECRET}"], ["Cookie", SECRET]]
    full = {"method": "POST", "body": body, "headers": headers}
    broken = work_item(7, f"{url}?key={SECRET}", **full)
    broken["request"]["timeout_ms"] = SECRET
    schema = work_item(8, f"{url}?key={SECRET}", **full, max_redirects=0)
    schema |= {"json_schema": {"const": SECRET}, "observe": [{"id": 0, "source": SECRET}]}
    return [
        work_item(1, f"{url}?key={SECRET}", **full, max_redirects=0),
        work_item(2, f"{url}?key={SECRET}", **full),
        work_item(3, f"http://user:{SECRET}@10.0.0.1/{SECRET}?key={SECRET}", **full),
        work_item(4, f"http://user:{SECRET}@127.0.0.1:1/{SECRET}?key={SECRET}", **full),
        work_item(5, f"http://127.0.0.1:{SECRET}/", **full),
        work_item(6, url, method="POST", headers=[["X", f"{SECRET}\nY: z"]]),
        broken,
        schema,
        {"lease": SECRET},
        work_item(9, url, method="POST", body=body, headers=[["X", "refused"]]),
    ]


async def test_nothing_that_is_sent_or_comes_back_is_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At the most talkative level, whatever goes wrong: with the target and with the database."""
    log.set_up("DEBUG")
    store = FakeStore()
    lost: list[str] = []

    def before(call: str) -> None:
        if call == "report_work" and not lost:
            lost.append(call)
            raise StoreUnavailable(SECRET, "08006")

    def judge(report: dict[str, Any]) -> list[dict[str, Any]]:
        if report["item"] == 9 and report["error"] is None:
            raise StoreRejected(SECRET, "22P05", status=400)
        return []

    store.before, store.judge = before, judge
    transport, evaluator = TargetTransport(EgressPolicy(["127.0.0.1"])), Evaluator(HANG_S)
    settings = {"supabase_url": "http://x", "supabase_key": SECRET, "log_level": "DEBUG"}
    async with serve(leaks=leaks) as url:
        store.queue.extend(careless(f"{url}/leaks"))
        store.queue[-1]["request"]["max_redirects"] = 0
        worker = Worker(
            store,  # type: ignore[arg-type]
            Runner(transport, evaluator),
            Settings.model_validate(settings),
        )
        await worker.run(once=True)
    await transport.aclose()
    await evaluator.aclose()

    captured = capsys.readouterr()
    events = {json.loads(line)["event"] for line in captured.out.splitlines()}
    assert events >= {"attempt", "store_unavailable", "unreportable", "work_without_lease"}
    assert sorted(report["item"] for report in store.reports) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert SECRET not in captured.out + captured.err
