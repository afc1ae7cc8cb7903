"""The command line where a real project refuses: one line tells why, and what to do."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from supabase import Client
from support_project import Project, running_target

from worker import cli
from worker.embedded.stack import Connection

RUN = str(uuid.UUID(int=7))
COMMANDS: dict[str, tuple[str, ...]] = {
    "worker": ("worker", "--once"),
    "run": ("run", "--env", "environment"),
    "report": ("report", RUN),
    "cancel": ("cancel", RUN),
    "health": ("health",),
}
Assay = Callable[..., tuple[int, str]]


@pytest.fixture
def assay(
    stack: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Assay:
    """Run a command with settings; returns its exit code and what it wrote to stderr."""

    def command(*arguments: str, **settings: str) -> tuple[int, str]:
        given = {"SUPABASE_URL": stack.url, "SUPABASE_KEY": stack.secret_key, **settings}
        variables = {f"ASSAY_{name}": value for name, value in given.items()}
        if arguments[0] == "worker":  # it takes over signals and the log
            done = subprocess.run(
                [sys.executable, "-m", "worker", *arguments],
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                check=False,
            )
            return done.returncode, done.stderr
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        code = cli.run(arguments)
        return code, capsys.readouterr().err

    return command


def expired_key(stack: Connection) -> str:
    """Return a key that this project's own secret signed, and whose time is over."""
    claims = {"role": "service_role", "iss": "supabase", "exp": int(time.time()) - 60}
    return jwt.encode(claims, stack.jwt_secret, "HS256")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_wrong_key_is_told(assay: Assay, command: tuple[str, ...]) -> None:
    """It may be mistyped, revoked, or another project's."""
    code, err = assay(*command, SUPABASE_KEY="sb_secret_of_another_project")

    assert code == 3
    assert err == (
        "assay: Supabase does not accept ASSAY_SUPABASE_KEY (Invalid API key). "
        "Take the secret key from the API settings of the project in ASSAY_SUPABASE_URL.\n"
    )


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_expired_key_is_told(stack: Connection, assay: Assay, command: tuple[str, ...]) -> None:
    """With the time of its end."""
    code, err = assay(*command, SUPABASE_KEY=expired_key(stack))

    assert code == 3
    assert err.startswith("assay: ASSAY_SUPABASE_KEY expired at 20")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_key_without_the_rights_is_told(
    stack: Connection, assay: Assay, command: tuple[str, ...]
) -> None:
    """The publishable key opens the door and nothing behind it."""
    code, err = assay(*command, SUPABASE_KEY=stack.publishable_key)

    assert code == 3
    assert err.startswith("assay: ASSAY_SUPABASE_KEY may not do this (permission denied for ")
    assert "It takes the project's secret key; or its publishable key, with an account" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_key_that_is_missing_is_a_setting_that_is_missing(
    assay: Assay, command: tuple[str, ...]
) -> None:
    """There is nothing to be refused: exit code 2."""
    code, err = assay(*command, SUPABASE_KEY="")

    assert (code, err) == (
        2,
        "assay: ASSAY_SUPABASE_KEY is wrong: it takes a key, without blanks\n",
    )


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_project_that_is_not_there_is_told(assay: Assay, command: tuple[str, ...]) -> None:
    """With its address and the reason."""
    code, err = assay(*command, SUPABASE_URL="http://127.0.0.1:1")

    assert code == 3
    assert err == (
        "assay: Supabase cannot be reached at http://127.0.0.1:1: connection refused. "
        "Check ASSAY_SUPABASE_URL, and whether the project is running.\n"
    )


@pytest.fixture(scope="module")
def somebody_else() -> Iterator[str]:
    """Yield the address of a server that is not Supabase."""
    with running_target() as url:
        yield url


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_address_of_something_else_is_told(
    assay: Assay, somebody_else: str, command: tuple[str, ...]
) -> None:
    """A web page instead of JSON."""
    code, err = assay(*command, SUPABASE_URL=somebody_else)

    assert code == 3
    assert err == (
        "assay: what answered, with status 404, is not Supabase. "
        "Check ASSAY_SUPABASE_URL, and whether the project is running.\n"
    )


@pytest.mark.parametrize("command", ["run", "report", "cancel", "health"])
def test_an_account_that_is_wrong_is_told(stack: Connection, assay: Assay, command: str) -> None:
    """Apart from the key, which is fine."""
    settings = {"SUPABASE_KEY": stack.publishable_key, "EMAIL": "nobody@example.org"}
    code, err = assay(*COMMANDS[command], **settings, PASSWORD="guessed-wrong")

    assert (code, err) == (
        3,
        (
            "assay: the account in ASSAY_EMAIL is not let in (Invalid login credentials). "
            "Check ASSAY_EMAIL and ASSAY_PASSWORD.\n"
        ),
    )


def test_a_misspelt_setting_is_told(assay: Assay) -> None:
    """With the one that was probably meant."""
    assert assay("health", CONCURENCY="5") == (
        2,
        "assay: ASSAY_CONCURENCY is not a setting of this worker; ASSAY_CONCURRENCY is\n",
    )


def test_a_run_that_is_not_there_is_told(assay: Assay) -> None:
    """By both commands that take one; it is a name that leads nowhere."""
    assert assay("report", RUN) == (
        2,
        f"assay: there is no run {RUN}, or it is not yours to see\n",
    )
    code, err = assay("cancel", RUN)
    assert code == 2
    assert err.startswith(f"assay: there is no run {RUN}")


@pytest.fixture
def project(stack: Connection, client_for: Callable[[str], Client]) -> Project:
    """Return a project of one test, with a name of its own."""
    project = Project.create(client_for(stack.secret_key), "http://127.0.0.1:1")
    project.add_test("one", "/", tags=["smoke"])
    return project


def named(project: Project) -> tuple[str, ...]:
    """Return the arguments that queue a run of *project*."""
    name = f"project {project.project_id}"
    project.client.table("projects").update({"name": name}).eq("id", project.project_id).execute()
    return ("run", "--project", name, "--env", "environment")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--suite", "nowhere"), "there is no suite named 'nowhere'"),
        (("--env", "nowhere"), "there is no environment named 'nowhere'"),
        (("--project", "nowhere"), "there is no project named 'nowhere'"),
        (
            ("--tag", "nowhere"),
            (
                "the selection holds no test that could run. Check suites, tests and tags; "
                "disabled and archived tests, and tests without a request, are left out."
            ),
        ),
    ],
)
def test_a_selection_that_holds_nothing_is_told(
    assay: Assay, project: Project, arguments: tuple[str, ...], said: str
) -> None:
    """And nothing is queued."""
    assert assay(*named(project), *arguments) == (2, f"assay: {said}\n")
    assert runs_of(project) == []


def test_an_idempotency_key_is_for_one_run(assay: Assay, project: Project) -> None:
    """Used again as it was it gives the same run; with other parameters it is refused."""
    queue = (*named(project), "--idempotency-key", "build 7")

    assert assay(*queue) == (0, "")
    assert assay(*queue) == (0, "")
    code, err = assay(*queue, "--var", "a=b")

    assert code == 2
    assert err == (
        'assay: the idempotency key "build 7" was used with other parameters. '
        "Use a new key for a new run.\n"
    )
    assert len(runs_of(project)) == 1


def test_a_cycle_is_named(assay: Assay, project: Project) -> None:
    """In the order in which the tests wait for each other."""
    two = project.add_test("two", "/")
    three = project.add_test("three", "/", after=[(two, "order")])
    ids = {"test_case_id": two, "project_id": project.project_id}
    dependency = {**ids, "depends_on_id": three, "kind": "order"}
    project.client.table("test_dependencies").insert(dependency).execute()

    code, err = assay(*named(project))

    assert code == 2
    assert '"two" -> "three" -> "two"' in err or '"three" -> "two" -> "three"' in err
    assert runs_of(project) == []


def runs_of(project: Project) -> list[Any]:
    """Return the project's runs."""
    runs = project.client.table("test_runs").select("id").eq("project_id", project.project_id)
    return runs.execute().data
