"""Whole runs: supabase-py, the stack, a worker process, and an API that counts its requests."""

import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from conftest import ROOT
from supabase import Client
from support_project import STATUS_OK, Project, running_target, running_worker
from support_wait import HANG_S, wait_until

from worker.embedded.stack import Connection

KEY = "Idempotency-Key"
ONE_KEY = {"source": "body", "path": "$.key_count", "operator": "equals", "expected": 1}


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Yield the URL of an API under test."""
    with running_target() as url:
        yield url


@pytest.fixture
def worker(stack: Connection, tmp_path: Path) -> Iterator[None]:
    """Keep one worker running."""
    with running_worker(stack, tmp_path / "worker.log"):
        yield


@pytest.fixture
def project(stack: Connection, target: str, client_for: Callable[[str], Client]) -> Project:
    """Return an empty project whose environment is the target."""
    return Project.create(client_for(stack.secret_key), target)


@pytest.mark.usefixtures("worker")
def test_green_run_shares_context(project: Project) -> None:
    """A captured value reaches its consumer with its type, and the run passes."""
    name = f"number-{uuid.uuid4()}"
    project.add_test(
        "make", f"/answer/{name}", captures=[{"name": "n", "source": "body", "path": "$.count"}]
    )
    project.add_test(
        "use",
        "/answer/other",
        method="POST",
        body={"kind": "json", "value": {"n": "{{n}}"}},
        assertions=[{"source": "body", "path": "$.sent.n", "operator": "equals", "expected": 1}],
    )

    run = project.queue()

    results = project.wait(run)
    assert {name: result["status"] for name, result in results.items()} == {
        "make": "passed",
        "use": "passed",
    }
    assert project.state(run)["run"]["status"] == "passed"


@pytest.mark.usefixtures("worker")
def test_a_body_is_held_to_its_schema(project: Project) -> None:
    """One answer has the shape that its test asks for, the other breaks it in a place told."""
    shape = {"properties": {"name": {"const": "right"}, "count": {"type": "integer"}}}
    project.add_test("right", "/answer/right", json_schema=shape)
    project.add_test("wrong", "/answer/wrong", json_schema=shape)

    results = project.wait(project.queue())

    assert results["right"]["status"] == "passed"
    assert results["wrong"]["slug"] == "assertion_failed"
    assert results["wrong"]["message"].endswith("at /name: 'right' was expected")


@pytest.mark.usefixtures("worker")
def test_failing_upstream_skips_its_data_closure_only(project: Project) -> None:
    """Data dependents of a failure are skipped with their root cause; order and teardown go on."""
    first = project.add_test(
        "first",
        "/answer/first?status=500",
        captures=[{"name": "made", "source": "body", "path": "$.name"}],
    )
    project.add_test(
        "second",
        "/answer/{{made}}",
        captures=[{"name": "next", "source": "body", "path": "$.name"}],
    )
    project.add_test("third", "/answer/{{next}}")
    project.add_test("after", "/answer/after", after=[(first, "order")])
    project.add_test("clean", "/answer/{{made}}", phase="teardown")

    run = project.queue()

    results = project.wait(run)
    assert {name: result["status"] for name, result in results.items()} == {
        "first": "failed",
        "second": "skipped",
        "third": "skipped",
        "after": "passed",
        "clean": "passed",
    }
    assert results["first"]["message"].startswith(
        'expected: status equals 200; got 500; the answer: {"name": "first"'
    )
    for skipped in ("second", "third"):
        assert results[skipped]["cause"] == {
            "result": results["first"]["result"],
            "test": "first",
            "status": "failed",
            "edge": "data",
        }
    assert project.state(run)["run"]["status"] == "failed"


@pytest.mark.usefixtures("worker")
def test_setup_failure_skips_main_and_runs_teardown(project: Project) -> None:
    """Main is skipped when setup did not pass; what was never made is not cleaned up."""
    project.add_test(
        "set up",
        "/answer/setup?status=500",
        phase="setup",
        captures=[{"name": "made", "source": "body", "path": "$.nothing", "required": False}],
    )
    project.add_test("main", "/answer/main")
    project.add_test("clean made", "/answer/{{made}}", phase="teardown")
    project.add_test("clean all", "/answer/clean", phase="teardown")

    results = project.wait(project.queue())

    assert {name: (result["status"], result["slug"]) for name, result in results.items()} == {
        "set up": ("failed", "assertion_failed"),
        "main": ("skipped", "setup_not_passed"),
        "clean made": ("skipped", "nothing_to_clean"),
        "clean all": ("passed", None),
    }


@pytest.mark.usefixtures("worker")
def test_retry_that_passes(project: Project) -> None:
    """Passed on a retry is passed, and the attempts before it are remembered."""
    name = f"flaky-{uuid.uuid4()}"
    project.add_test(
        "flaky", f"/answer/{name}?fail=2", retry={"attempts": 3, "base_ms": 10, "statuses": [503]}
    )

    run = project.queue()

    result = project.wait(run)["flaky"]
    assert (result["status"], result["attempt_count"]) == ("passed", 3)
    outcomes = (
        project.client.table("test_result_details")
        .select("attempt,outcome,http_status")
        .eq("run_id", run)
        .order("attempt")
        .execute()
        .data
    )
    assert [(row["outcome"], row["http_status"]) for row in outcomes] == [
        ("failed", 503),
        ("failed", 503),
        ("passed", 200),
    ]


@pytest.mark.usefixtures("worker")
def test_unreachable_host(project: Project) -> None:
    """A host that refuses is an error with its reason, not a failure."""
    project.add_test("nobody", "http://127.0.0.1:1/")

    run = project.queue()

    result = project.wait(run)["nobody"]
    assert (result["status"], result["category"], result["slug"]) == (
        "error",
        "network",
        "connect_failed",
    )
    assert "127.0.0.1:1" in result["message"]
    assert project.state(run)["run"]["status"] == "error"


@pytest.mark.usefixtures("worker")
def test_egress_is_refused_by_default(project: Project) -> None:
    """An address that the worker's operator did not allow is never connected to."""
    project.add_test("metadata", "http://169.254.169.254/latest/meta-data/")

    result = project.wait(project.queue())["metadata"]

    assert (result["status"], result["slug"]) == ("error", "egress_denied")


def test_lost_reply(project: Project) -> None:
    """The same call again gives the same work; the same report again changes nothing."""
    project.add_test("one", "/answer/{{$uuid}}")
    run = project.queue()
    client = project.client
    worker = (
        client.rpc("register_worker", {"name": "test", "version": "0", "capacity": 1})
        .execute()
        .data
    )
    claim = {"worker_id": worker, "call_id": str(uuid.uuid4()), "free_slots": 1}

    first = client.rpc("claim_work", claim).execute().data
    again = client.rpc("claim_work", claim).execute().data

    assert first["work"]
    assert again == first
    item = first["work"][0]
    report = {
        "worker_id": worker,
        "call_id": str(uuid.uuid4()),
        "reports": [
            {
                "item": item["item"],
                "result": item["result"],
                "attempt": item["attempt"],
                "lease": item["lease"],
                "started_at": "2026-01-01T00:00:00Z",
                "response": {"status": 200, "headers": [], "body": "", "body_bytes": 0},
                "timing_ms": {"total": 1},
                "observed": [],
                "error": None,
            }
        ],
    }
    assert client.rpc("report_work", report).execute().data["accepted"] == [item["item"]]
    before = project.state(run)
    assert client.rpc("report_work", report).execute().data["accepted"] == [item["item"]]
    assert project.state(run) == before
    assert before["run"]["passed_count"] == 1


def test_killed_worker(stack: Connection, project: Project, target: str, tmp_path: Path) -> None:
    """After kill -9 every test has one verdict; only unsafe requests in flight are lost.

    One with an idempotency key is not: it is sent again, with the same key.
    """
    tag = uuid.uuid4().hex[:8]
    for number in range(30):
        held = f"?hold={tag}" if number >= 4 else ""
        for kind in ("GET", "KEYED", "POST"):
            project.add_test(
                f"{kind} {number}",
                f"/answer/{tag}-{kind}-{number}{held}",
                method="GET" if kind == "GET" else "POST",
                request={"idempotency_header": KEY if kind == "KEYED" else None},
                assertions=[STATUS_OK, ONE_KEY],
                position=number,
            )
    run = project.queue()

    def asked() -> dict[str, int]:
        counts = httpx.get(f"{target}/counts", timeout=HANG_S).json()
        prefix = f"{tag}-"
        return {
            name.removeprefix(prefix).replace("-", " "): count
            for name, count in counts.items()
            if name.startswith(prefix)
        }

    with running_worker(
        stack, tmp_path / "first.log", ASSAY_CONCURRENCY="8", ASSAY_PREFETCH="0"
    ) as worker:
        # Twelve are answered, and eight more are in flight.
        wait_until(lambda: project.state(run)["run"]["passed_count"] == 12 and len(asked()) == 20)
        worker.kill()
        worker.wait()
    passed = {name for name, result in project.results(run).items() if result["status"] == "passed"}
    in_flight = asked().keys() - passed
    httpx.post(f"{target}/release/{tag}", timeout=HANG_S)
    with psycopg.connect(stack.admin_db_url) as database:
        # What would come true after 30 s.
        database.execute(
            "update private.work_items set lease_until = clock_timestamp() "
            "where run_id = %s and state = 'leased'",
            [run],
        )
    with running_worker(stack, tmp_path / "second.log", ASSAY_CONCURRENCY="8"):
        results = project.wait(run)

    lost = {name for name, result in results.items() if result["status"] != "passed"}
    assert len(results) == 90
    assert lost == {name for name in in_flight if name.startswith("POST")} != set()
    assert {name for name in in_flight if name.startswith("KEYED") and asked()[name] == 2}
    assert {results[name]["slug"] for name in lost} == {"lost"}
    assert max(count for name, count in asked().items() if name.startswith("POST")) == 1


@pytest.mark.usefixtures("worker")
def test_a_retry_that_was_not_answered_repeats_its_key(project: Project) -> None:
    """The API hung up on the first, so that nobody knows whether it did it."""
    project.add_test(
        "pay",
        f"/answer/{uuid.uuid4()}?drop=1",
        method="POST",
        request={"idempotency_header": KEY},
        assertions=[STATUS_OK, ONE_KEY],
        retry={"attempts": 2, "base_ms": 1},
    )

    result = project.wait(project.queue())["pay"]

    assert (result["status"], result["attempt_count"]) == ("passed", 2)


@pytest.fixture
def short_leases(stack: Connection) -> Iterator[None]:
    """Let leases hold 6 s, so that they are renewed every 2 s."""
    signature = "private.lease_duration()"
    with psycopg.connect(stack.db_url, autocommit=True) as database:
        row = database.execute(f"select pg_get_functiondef('{signature}'::regprocedure)").fetchone()
        assert row
        database.execute(row[0].replace("30 seconds", "6 seconds"))
        yield
        database.execute(row[0])


@pytest.mark.usefixtures("short_leases", "worker")
def test_a_cancelled_request_is_broken_off(project: Project, target: str) -> None:
    """Within a renewal, however long its answer would take; teardown runs."""
    tag = uuid.uuid4().hex[:8]
    project.add_test("hangs", f"/answer/{tag}?hold={tag}")
    project.add_test("cleans", f"/answer/{tag}-cleans", phase="teardown")
    run = project.queue()
    wait_until(lambda: tag in httpx.get(f"{target}/counts", timeout=HANG_S).json())

    project.client.rpc("cancel_run", {"run_id": run}).execute()
    results = project.wait(run)

    assert results["hangs"]["slug"] == "run_cancelled"
    assert results["cleans"]["status"] == "passed"
    assert project.state(run)["run"]["status"] == "cancelled"


def test_a_stopped_worker_hands_back(
    stack: Connection, project: Project, target: str, tmp_path: Path
) -> None:
    """On SIGTERM it ends what is in flight and gives the rest to others, at once and unsent."""
    tag = uuid.uuid4().hex[:8]
    for number in range(10):
        project.add_test(f"test {number}", f"/answer/{tag}-{number}?hold={tag}", position=number)
    run = project.queue()

    def asked() -> list[int]:
        counts = httpx.get(f"{target}/counts", timeout=HANG_S).json()
        return [count for name, count in counts.items() if name.startswith(f"{tag}-")]

    with running_worker(
        stack, tmp_path / "first.log", ASSAY_CONCURRENCY="2", ASSAY_PREFETCH="8"
    ) as worker:
        wait_until(lambda: len(asked()) == 2)
        worker.terminate()
        wait_until(lambda: len(states(project, run)) == 2)
        assert states(project, run) == {"leased": 2, "ready": 8}
        httpx.post(f"{target}/release/{tag}", timeout=HANG_S)
        assert worker.wait(HANG_S) == 0
    assert states(project, run) == {"over": 2, "ready": 8}
    with running_worker(stack, tmp_path / "second.log"):
        results = project.wait(run)

    assert {result["status"] for result in results.values()} == {"passed"}
    assert {result["rescue_count"] for result in results.values()} == {0}
    assert asked() == [1] * 10


def states(project: Project, run: str) -> dict[str, int]:
    """Return how many tests of *run* are in which state."""
    answer = project.client.rpc("get_test_readiness", {"run_id": run}).execute()
    return dict(Counter(item["state"] for item in answer.data["items"]))


def test_three_workers_share_runs(
    stack: Connection, project: Project, target: str, tmp_path: Path
) -> None:
    """Each request is made once, whoever makes it, and every run ends."""
    tag = uuid.uuid4().hex[:8]
    for number in range(40):
        project.add_test(
            f"make {number}",
            f"/answer/{tag}-{number}",
            captures=[{"name": f"n{number}", "source": "body", "path": "$.name"}],
        )
        project.add_test(f"use {number}", f"/answer/{{{{n{number}}}}}-used", method="POST")

    with (
        running_worker(stack, tmp_path / "1.log", ASSAY_CONCURRENCY="8"),
        running_worker(stack, tmp_path / "2.log", ASSAY_CONCURRENCY="8"),
        running_worker(stack, tmp_path / "3.log", ASSAY_CONCURRENCY="8"),
    ):
        runs = [project.queue() for _ in range(3)]
        ends = [project.wait(run) for run in runs]

    asked = httpx.get(f"{target}/counts", timeout=HANG_S).json()
    assert {result["status"] for results in ends for result in results.values()} == {"passed"}
    assert {asked[f"{tag}-{number}"] for number in range(40)} == {3}
    assert {asked[f"{tag}-{number}-used"] for number in range(40)} == {3}


def test_workers_of_one_name_are_two_workers(
    stack: Connection, project: Project, target: str, tmp_path: Path
) -> None:
    """Both work, and each request is made once."""
    tag = uuid.uuid4().hex[:8]
    for number in range(10):
        project.add_test(f"test {number}", f"/answer/{tag}-{number}?hold={tag}")

    def asked() -> list[int]:
        counts = httpx.get(f"{target}/counts", timeout=HANG_S).json()
        return [count for name, count in counts.items() if name.startswith(f"{tag}-")]

    twin = {"ASSAY_NAME": f"twin {tag}", "ASSAY_CONCURRENCY": "1", "ASSAY_PREFETCH": "0"}
    with (
        running_worker(stack, tmp_path / "1.log", **twin),
        running_worker(stack, tmp_path / "2.log", **twin),
    ):
        run = project.queue()
        # Each has one slot, so that two requests in flight are two workers at work.
        wait_until(lambda: len(asked()) == 2)
        httpx.post(f"{target}/release/{tag}", timeout=HANG_S)
        results = project.wait(run)

    workers = project.client.table("workers").select("id").eq("name", twin["ASSAY_NAME"]).execute()
    assert len(workers.data) == 2
    assert {result["status"] for result in results.values()} == {"passed"}
    assert asked() == [1] * 10


def test_refused_plan_writes_nothing(project: Project) -> None:
    """A cycle is named, and no run is left behind."""
    one = project.add_test("one", "/answer/1")
    two = project.add_test("two", "/answer/2", after=[(one, "order")])
    project.client.table("test_dependencies").insert(
        {
            "test_case_id": one,
            "depends_on_id": two,
            "kind": "order",
            "project_id": project.project_id,
        }
    ).execute()

    with pytest.raises(Exception, match=r'"one" -> "two" -> "one"|"two" -> "one" -> "two"'):
        project.queue()

    runs = project.client.table("test_runs").select("id").eq("project_id", project.project_id)
    assert runs.execute().data == []


def run_demo(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the demo's own command."""
    return subprocess.run(
        [sys.executable, "-m", "worker", "demo", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_demo() -> None:
    """The seeded Legito suites are green from nothing."""
    demo = run_demo()

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "150/150  150 passed" in demo.stdout


def test_demo_of_a_failure() -> None:
    """With a fault the exit code is that of the red run, and the report ends with the reason."""
    demo = run_demo("--fault", "tokens")

    assert demo.returncode == 1, demo.stdout + demo.stderr
    (reason,) = demo.stdout.partition("Where it went wrong:\n")[2].partition("\n\n")[0].splitlines()
    assert reason.startswith("  Reference data/The API answers and takes the key failed: ")
    assert "status equals 200; got 401" in reason
    assert "; 149 skipped because of it" in reason


def test_demo_of_no_known_fault() -> None:
    """What makes no sense is told before anything else is started."""
    demo = run_demo("--fault", "weather")

    assert demo.returncode == 2
    assert "no fault 'weather', only latency, bursts" in demo.stderr
    assert "Supabase" not in demo.stdout
