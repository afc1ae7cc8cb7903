"""The command line, by exit code and by what it prints."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from fakes import work_item
from support_wait import HANG_S, soon

from worker import cli, cli_origin


class Project:
    """A stand-in for a Supabase project: functions and tables as plain data."""

    def __init__(self) -> None:
        """Have a project, a suite and an environment."""
        self.url = ""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.work: list[dict[str, Any]] = []
        self.tables: dict[str, list[dict[str, Any]]] = {
            "projects": [{"id": "p1", "name": "Legito"}],
            "test_suites": [{"id": "s1", "name": "smoke"}],
            "environments": [{"id": "e1", "name": "local"}],
            "test_runs": [],
        }
        self.run: dict[str, Any] = {"id": "r1", "status": "passed", "total_count": 1}
        self.is_finished = True
        self.waiting: list[dict[str, str] | None] = [None]
        self.is_hanging = asyncio.Event()

    async def call(self, request: web.Request) -> web.Response:
        """Answer an RPC."""
        name, values = request.match_info["name"], await request.json()
        self.calls.append((name, values))
        answers: dict[str, Any] = {
            "register_worker": lambda: str(uuid4()),
            "claim_work": lambda: {"work": [self.work.pop(0) for _ in self.work[:]]},
            "report_work": lambda: {"accepted": [], "work": []},
            "release_work": lambda: {"released": []},
            "queue_run": lambda: {"id": "r1", "status": "queued"},
            "get_run_state": lambda: {
                "run": self.run,
                "finished": self.is_finished,
                "waiting": self.waiting.pop(0) if self.waiting[1:] else self.waiting[0],
                "results": [],
                "next": 0,
            },
            "get_run_report": lambda: {"run": self.run, "results": []},
            "cancel_run": lambda: {"id": "r1", "status": "cancelled"},
        }
        return web.json_response(answers[name]())

    async def read(self, request: web.Request) -> web.Response:
        """Answer a read of a table."""
        return web.json_response(self.tables[request.match_info["table"]])

    async def hang(self, _: web.Request) -> web.Response:
        """Be an API under test that never answers."""
        self.is_hanging.set()
        await asyncio.Event().wait()
        return web.Response()


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    project = Project()
    app = web.Application()
    app.router.add_post("/rest/v1/rpc/{name}", project.call)
    app.router.add_get("/rest/v1/{table}", project.read)
    app.router.add_get("/hang", project.hang)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    project.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield project
    await runner.cleanup()


Assay = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what a CI job that runs these tests would say."""
    for name in (*cli_origin.SIGNS_OF_CI, *cli_origin.COMMITS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def assay(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Assay:
    """Run a command against the project; returns exit code, stdout and stderr."""

    async def command(*arguments: str, url: str = "") -> tuple[int, str, str]:
        monkeypatch.setenv("ASSAY_SUPABASE_URL", url or project.url)
        monkeypatch.setenv("ASSAY_SUPABASE_KEY", "sb_secret_k")
        # In a thread of its own, since it starts an event loop.
        code = await asyncio.to_thread(cli.run, arguments)
        return code, *capsys.readouterr()

    return command


@asynccontextmanager
async def program(project: Project, *arguments: str, **settings: str) -> AsyncIterator[Process]:
    """Run the command line as a program of its own, which signals need, until the block ends."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    settings |= {"SUPABASE_URL": project.url, "SUPABASE_KEY": "sb_secret_k"}
    env = clean | {f"ASSAY_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", *arguments, env=env, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # which closes its pipes


RUN = "5e9d0000-0000-4000-8000-000000000001"
QUEUE = ("run", "--suite", "smoke", "--env", "local")


async def test_a_worker_that_has_done_all_leaves_with_0(project: Project) -> None:
    """``--once`` is for demos, tests and cron."""
    project.work.append(work_item(1, "http://127.0.0.1:1/"))

    async with program(project, "worker", "--once", "--name", "w1") as process:
        out, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    calls = dict(project.calls)
    assert calls["register_worker"]["name"] == "w1"
    assert calls["report_work"]["reports"][0]["error"]["category"] == "egress_denied"
    assert json.loads(out.splitlines()[0])["event"] == "started"


async def test_a_signal_stops_a_worker_with_0(project: Project) -> None:
    """What it had not sent is handed back."""
    project.work.extend(work_item(number, f"{project.url}/hang") for number in range(40))
    settings = {"EGRESS_ALLOW": "127.0.0.1", "GRACE_S": "0.2", "KILL_S": str(HANG_S)}
    async with program(project, "worker", **settings, CONCURRENCY="4") as process:
        await soon(lambda: project.is_hanging.is_set() or process.returncode is not None)

        process.send_signal(signal.SIGTERM)
        await process.communicate()

    assert process.returncode == 0
    assert len(dict(project.calls)["release_work"]["items"]) == 36


@pytest.mark.parametrize(
    ("status", "code"),
    [("passed", 0), ("failed", 1), ("error", 1), ("cancelled", 1), ("timed_out", 4)],
)
async def test_waiting_for_a_run_ends_with_its_verdict(
    project: Project, assay: Assay, status: str, code: int
) -> None:
    """Names are turned into ids; the report is printed."""
    project.run["status"] = status

    got, out, err = await assay(*QUEUE, "--wait", "--var", "a=b=c", "--tag", "t")

    assert (got, err) == (code, "")
    assert f"run r1  {status}" in out
    assert dict(project.calls)["queue_run"] == {
        "environment_id": "e1",
        "selection": {"suites": ["s1"], "tags": ["t"]},
        "variables": {"a": "b=c"},
        "idempotency_key": None,
        "timeout_ms": None,
        "max_parallel": None,
        "commit_sha": None,
        "api_version": None,
        "trigger_kind": "manual",
    }


async def test_without_suites_all_of_the_project_run(project: Project, assay: Assay) -> None:
    """An empty list, as the function takes it."""
    assert (await assay("run", "--env", "local"))[0] == 0
    assert dict(project.calls)["queue_run"]["selection"]["suites"] == []


async def test_a_run_that_is_not_waited_for_is_named(assay: Assay) -> None:
    """For ``assay report`` later."""
    assert await assay(*QUEUE) == (0, "r1\n", "")


async def test_a_run_may_have_limits(project: Project, assay: Assay) -> None:
    """The time is in seconds for people, in milliseconds for the database."""
    await assay(*QUEUE, "--time-limit", "1.5", "--max-parallel", "3")

    asked = dict(project.calls)["queue_run"]
    assert (asked["timeout_ms"], asked["max_parallel"]) == (1500, 3)


async def test_a_run_may_say_what_it_tests(project: Project, assay: Assay) -> None:
    """As given; what the job says counts less, and nothing can be said, too."""
    await assay(*QUEUE, "--commit", "0123abc", "--api-version", "2.1", "--trigger", "schedule")

    asked = dict(project.calls)["queue_run"]
    assert (asked["commit_sha"], asked["api_version"]) == ("0123abc", "2.1")
    assert asked["trigger_kind"] == "schedule"


async def test_in_a_ci_job_the_commit_is_known(
    project: Project, assay: Assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is taken away: the job may be of another repository than the API."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_SHA", "4" * 40)

    await assay(*QUEUE)
    await assay(*QUEUE, "--commit", "")

    asked = [values for name, values in project.calls if name == "queue_run"]
    assert [one["commit_sha"] for one in asked] == ["4" * 40, None]
    assert [one["trigger_kind"] for one in asked] == ["ci", "ci"]


async def test_waiting_has_an_end(project: Project, assay: Assay) -> None:
    """4, as for a run that timed out by itself."""
    project.is_finished = False

    code, _, err = await assay(*QUEUE, "--wait", "--timeout", "0.3")

    assert (code, err) == (4, "assay: run r1 did not end within 0.3 s\n")


async def test_what_a_run_waits_for_is_told(
    project: Project, assay: Assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reason once, in the database's words; the run is followed all the same."""
    monkeypatch.setattr("worker.cli_run._PATIENCE_S", 0)
    project.is_finished = False
    forsaken = {"slug": "no_worker", "message": "no worker has called", "hint": "Start one."}
    paused = {"slug": "project_paused", "message": "it is paused [x]", "hint": "Resume it."}
    project.waiting = [None, forsaken, forsaken, paused, None]

    code, _, err = await assay(*QUEUE, "--wait", "--timeout", "2")

    assert code == 4
    assert err.splitlines()[:2] == [
        "assay: the run waits: no worker has called. Start one.",
        "assay: the run waits: it is paused [x]. Resume it.",
    ]
    assert err.count("the run waits") == 2


async def test_json_is_one_object_and_nothing_else(assay: Assay) -> None:
    """For programs."""
    code, out, _ = await assay(*QUEUE, "--wait", "--json")

    assert code == 0
    assert json.loads(out)["run"]["id"] == "r1"


async def test_reports_and_cancellations_take_a_run_id(project: Project, assay: Assay) -> None:
    """As printed when it was queued."""
    project.run["status"] = "failed"

    assert (await assay("report", RUN))[0] == 1
    assert await assay("cancel", RUN) == (0, f"{RUN} cancelled\n", "")
    assert dict(project.calls)["cancel_run"] == {"run_id": RUN}


async def test_health_is_one_line(assay: Assay) -> None:
    """And 0."""
    assert await assay("health") == (0, '{"status": "ok"}\n', "")


async def test_nobody_there_is_3(project: Project, assay: Assay) -> None:
    """One line on stderr, from a command and from a worker."""
    said = (
        "assay: Supabase cannot be reached at http://127.0.0.1:1: connection refused. "
        "Check ASSAY_SUPABASE_URL, and whether the project is running.\n"
    )
    assert await assay("health", url="http://127.0.0.1:1") == (3, "", said)

    project.url = "http://127.0.0.1:1"
    async with program(project, "worker") as process:
        _, err = await process.communicate()

    assert (process.returncode, err.decode()) == (3, said)


def test_a_setting_that_is_wrong_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named on stderr."""
    monkeypatch.setenv("ASSAY_SUPABASE_URL", "http://x")
    monkeypatch.delenv("ASSAY_SUPABASE_KEY", raising=False)

    assert cli.run(["worker"]) == 2
    assert capsys.readouterr().err == "assay: ASSAY_SUPABASE_KEY is not set\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["run"],
        ["worker", "--concurrency", "x"],
        ["report", "latest"],
        ["cancel", "latest"],
        ["run", "--env", "e", "--timeout", "0"],
        ["run", "--env", "e", "--timeout", "soon"],
    ],
)
def test_a_command_line_that_is_wrong_is_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage."""
    assert cli.run(arguments) == 2
    assert "usage: assay" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["worker", "run", "report", "cancel"])
def test_a_command_shows_how_it_is_used(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With examples that can be copied."""
    assert cli.run([command, "--help"]) == 0
    assert f"\n  assay {command}" in capsys.readouterr().out


def test_help_and_version_are_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The help tells the exit codes."""
    assert cli.run(["--help"]) == 0
    assert cli.run(["--version"]) == 0
    assert "Exit codes:" in capsys.readouterr().out


def test_an_argument_that_is_no_text_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """A shell passes any bytes on."""
    assert cli.run(["run", "--env", "local", "--var", "a=\udcff"]) == 2
    assert capsys.readouterr().err == "assay: the argument 'a=\\udcff' is not UTF-8\n"


def test_a_fault_of_our_own_is_70(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line even then."""

    def breaks(_: object) -> int:
        raise ExceptionGroup("many", [ZeroDivisionError("x")])

    monkeypatch.setattr(cli, "_worker", breaks)

    assert cli.run(["worker"]) == 70
    assert capsys.readouterr().err == "assay: internal error: ZeroDivisionError('x')\n"


@pytest.mark.parametrize(
    ("table", "rows", "said"),
    [
        ("test_suites", [], "there is no suite named 'smoke'"),
        ("environments", [], "there is no environment named 'local'"),
        ("projects", [], "there is no project"),
        (
            "projects",
            [{"id": 1, "name": "B"}, {"id": 2, "name": "A"}],
            "there are several projects, name one: A, B",
        ),
    ],
)
async def test_a_name_that_leads_nowhere_is_2(
    project: Project, assay: Assay, table: str, rows: list[dict[str, Any]], said: str
) -> None:
    """It says which."""
    project.tables[table] = rows

    assert await assay(*QUEUE) == (2, "", f"assay: {said}\n")


async def test_a_variable_without_a_value_is_2(assay: Assay) -> None:
    """It shows what it should look like."""
    code, _, err = await assay(*QUEUE, "--var", "novalue")

    assert (code, err) == (2, "assay: --var takes NAME=VALUE, not 'novalue'\n")
