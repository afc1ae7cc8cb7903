"""A real worker and the real stack, with trouble on the wire between them and with its clock."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from chaos.wire import strung
from supabase import Client
from support_project import Project, running_target, running_worker
from support_wait import HANG_S, wait_until

from worker import loop, runner
from worker.cli_settings import read_settings
from worker.egress import EgressPolicy
from worker.embedded.stack import Connection
from worker.evaluator import Evaluator
from worker.loop import Worker
from worker.runner import Runner
from worker.store import SupabaseStore
from worker.transport import TargetTransport


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Yield the URL of an API under test."""
    with running_target() as url:
        yield url


@pytest.fixture
def project(stack: Connection, target: str, client_for: Callable[[str], Client]) -> Project:
    """Return an empty project whose environment is the target."""
    return Project.create(client_for(stack.secret_key), target)


def test_trouble_on_the_wire_loses_and_repeats_nothing(
    stack: Connection, project: Project, target: str, tmp_path: Path
) -> None:
    """Replies torn in their middle, replies lost, no connection at all: while it reports."""
    tag, log = uuid.uuid4().hex[:8], tmp_path / "worker.log"
    for number in range(30):
        method = "POST" if number % 2 else "GET"
        path = f"/answer/{tag}-{number}?hold={tag}-{number // 10}"
        project.add_test(f"test {number}", path, method=method, position=number)

    def asked() -> dict[str, int]:
        counts = httpx.get(f"{target}/counts", timeout=HANG_S).json()
        return {name: count for name, count in counts.items() if name.startswith(f"{tag}-")}

    def failures() -> int:
        events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        return events.count("store_unavailable")

    with strung(urlsplit(stack.url).port or 0) as (wires, wire):
        settings = {
            "ASSAY_SUPABASE_URL": f"http://127.0.0.1:{wire.port}",
            "ASSAY_CONCURRENCY": "10",
            "ASSAY_PREFETCH": "0",
        }
        with running_worker(stack, log, **settings):
            run = project.queue()
            for number, mode in enumerate(("torn", "mute", "cut")):
                wait_until(lambda number=number: len(asked()) == 10 * (number + 1))
                before = failures()
                wires.do(wire.become(mode))
                httpx.post(f"{target}/release/{tag}-{number}", timeout=HANG_S)
                wait_until(lambda before=before: failures() >= before + 2)
                wires.do(wire.become("whole"))
            results = project.wait(run)

    assert {result["status"] for result in results.values()} == {"passed"}
    assert list(asked().values()) == [1] * 30
    assert '"dropped"' not in log.read_text()


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_worker_whose_clock_is_wrong_works(
    stack: Connection, project: Project, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Only the start that it reports is off: leases, limits and durations are not by its clock."""
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    for module in (loop, runner):
        monkeypatch.setattr(module, "now", wrong.isoformat)
    project.add_test("one", "/answer/one")
    run = project.queue()
    settings = read_settings(
        {
            "ASSAY_SUPABASE_URL": stack.url,
            "ASSAY_SUPABASE_KEY": stack.secret_key,
            "ASSAY_EGRESS_ALLOW": "127.0.0.1/32",
        }
    )

    async def work() -> None:
        transport, evaluator = TargetTransport(EgressPolicy(settings.egress_allow)), Evaluator(1)
        async with SupabaseStore(settings) as store:
            await Worker(store, Runner(transport, evaluator), settings).run(once=True)
        await transport.aclose()
        await evaluator.aclose()

    asyncio.run(work())

    result = project.results(run)["one"]
    assert result["status"] == "passed"
    row = project.client.table("test_results").select("started_at").eq("run_id", run).execute()
    assert datetime.fromisoformat(row.data[0]["started_at"]) == wrong
    assert project.state(run)["finished"]
