"""A worker that is signed in as a runner: a process with the publishable key, against the stack."""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from supabase import Client
from support_project import Project, running_target, running_worker
from support_wait import HANG_S, soon, wait_until

from worker.cli_settings import read_settings
from worker.embedded.stack import Connection
from worker.store import SupabaseStore

PASSWORD = "runs-by-itself"


@dataclasses.dataclass(frozen=True)
class Runner:
    """A runner account of an organization, and what a worker needs to sign in as it."""

    user_id: str
    organization_id: str
    token: str
    settings: dict[str, str]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Yield the URL of an API under test."""
    with running_target() as url:
        yield url


@pytest.fixture
def operator(stack: Connection, client_for: Callable[[str], Client]) -> Client:
    """Return a client with the secret key."""
    return client_for(stack.secret_key)


@pytest.fixture
def project(operator: Client, target: str) -> Project:
    """Return an empty project whose environment is the target."""
    return Project.create(operator, target)


@pytest.fixture
def runner(
    stack: Connection, operator: Client, client_for: Callable[[str], Client], project: Project
) -> Runner:
    """Return an account that was invited as a runner of the project's organization."""
    organization = organization_of(project)
    email = f"runner-{uuid.uuid4()}@example.org"
    account = client_for(stack.publishable_key)
    session = account.auth.sign_up({"email": email, "password": PASSWORD}).session
    assert session
    asked = {"organization_id": organization, "role": "runner", "labels": ["lan"], "email": email}
    token = operator.rpc("invite_member", asked).execute().data["token"]
    account.rpc("accept_invitation", {"token": token}).execute()
    return Runner(
        session.user.id,
        organization,
        session.access_token,
        {
            "ASSAY_SUPABASE_KEY": stack.publishable_key,
            "ASSAY_EMAIL": email,
            "ASSAY_PASSWORD": PASSWORD,
            "ASSAY_LABELS": "lan",
        },
    )


def organization_of(project: Project) -> str:
    """Return the organization of *project*."""
    query = project.client.table("projects").select("organization_id").eq("id", project.project_id)
    return str(query.execute().data[0]["organization_id"])


def test_it_gets_its_own_runs_and_no_others(
    stack: Connection, project: Project, runner: Runner, target: str, tmp_path: Path
) -> None:
    """Of its organization, with its labels; a foreign run waits, and one for other labels."""
    foreign = Project.create(project.client, target)
    for one in (project, foreign):
        one.add_test("one", f"/answer/{uuid.uuid4()}")
    labelled(project, "lan")
    elsewhere = dataclasses.replace(project, environment_id=environment(project, target, "moon"))

    with running_worker(stack, tmp_path / "worker.log", **runner.settings):
        waiting = [foreign.queue(), elsewhere.queue()]
        results = project.wait(project.queue())

    assert results["one"]["status"] == "passed"
    assert [project.state(run)["run"]["status"] for run in waiting] == ["queued", "queued"]


def labelled(project: Project, *labels: str) -> None:
    """Let the runs of the project's environment go to workers with *labels* only."""
    changed = project.client.table("environments").update({"labels": labels})
    changed.eq("id", project.environment_id).execute()


def environment(project: Project, target: str, label: str) -> str:
    """Return another environment of *project*, for workers with a *label*."""
    row = {"project_id": project.project_id, "name": label, "base_url": target, "labels": [label]}
    return str(project.client.table("environments").insert(row).execute().data[0]["id"])


async def test_it_is_woken_by_its_own_runs_only(
    stack: Connection, operator: Client, project: Project, runner: Runner, target: str
) -> None:
    """On the channel of its organization: a foreign run before its own says nothing."""
    foreign = await asyncio.to_thread(Project.create, operator, target)
    for one in (project, foreign):
        await asyncio.to_thread(one.add_test, "one", "/answer/one")
    wakes: list[int] = []
    env = {"ASSAY_SUPABASE_URL": stack.url} | runner.settings

    async with SupabaseStore(read_settings(env)) as store:
        watch = asyncio.create_task(store.watch_runs(lambda: wakes.append(1)))
        await soon(lambda: wakes or watch.done())
        before = len(wakes)
        await asyncio.to_thread(foreign.queue)
        await asyncio.to_thread(project.queue)
        await soon(lambda: len(wakes) > before or watch.done())
        # what the foreign run might have said was sent first
        heard = len(wakes) - before
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    assert (before, heard) == (1, 1)


def test_it_reads_nothing(stack: Connection, project: Project, runner: Runner) -> None:
    """Of no table anything but its own account, and it queues nothing."""
    project.add_test("one", "/answer/one")
    project.queue()
    headers = {"apikey": stack.publishable_key, "authorization": f"Bearer {runner.token}"}
    rest = httpx.Client(base_url=f"{stack.url}/rest/v1", headers=headers, timeout=HANG_S)

    def read(table: str) -> list[dict[str, Any]]:
        answer = rest.get(f"/{table}")
        return answer.json() if answer.is_success else []

    with contextlib.closing(rest), psycopg.connect(stack.db_url) as connection:
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p', 'v')"
        ).fetchall()
        found = {name: rows for (name,) in tables if (rows := read(name))}
        queued = rest.post("/rpc/queue_run", json={"environment_id": project.environment_id})

    assert [row["id"] for row in found.pop("users")] == [runner.user_id]
    assert found == {}
    assert queued.json()["details"] == "unknown_environment"


def test_it_is_revoked_in_the_middle_of_a_run(
    stack: Connection, project: Project, runner: Runner, target: str, tmp_path: Path
) -> None:
    """Its worker leaves with one line, its reports count for nothing, another takes over."""
    tag = uuid.uuid4().hex[:8]
    for method in ("GET", "POST"):
        project.add_test(method, f"/answer/{tag}-{method}?hold={tag}", method=method)
    log = tmp_path / "runner.log"

    def asked() -> int:
        counts = httpx.get(f"{target}/counts", timeout=HANG_S).json()
        return sum(count for name, count in counts.items() if name.startswith(tag))

    with running_worker(stack, log, **runner.settings) as worker:
        run = project.queue()
        wait_until(lambda: asked() == 2)
        revoked = {"organization_id": runner.organization_id, "user_id": runner.user_id}
        project.client.rpc("revoke_runner", revoked).execute()
        lost = project.results(run)["POST"]
        httpx.post(f"{target}/release/{tag}", timeout=HANG_S)
        worker.wait(HANG_S)
    told = [line for line in log.read_text().splitlines() if line.startswith("assay: ")]
    details = project.client.table("test_result_details").select("attempt").eq("run_id", run)
    kept = details.execute().data
    with running_worker(stack, tmp_path / "operator.log"):
        results = project.wait(run)

    assert worker.returncode == 3
    assert len(told) == 1
    assert "was revoked. Its account is no runner" in told[0]
    assert (lost["status"], lost["slug"]) == ("error", "lost")
    assert kept == []
    assert results["GET"]["status"] == "passed"
    assert results["POST"] == lost
    assert asked() == 3


def test_a_person_is_no_worker(
    stack: Connection, operator: Client, runner: Runner, tmp_path: Path
) -> None:
    """A worker that signs in as somebody else than a runner leaves with the reason."""
    demoted = {"organization_id": runner.organization_id, "user_id": runner.user_id}
    operator.rpc("set_member_role", {**demoted, "role": "viewer"}).execute()

    with (
        pytest.raises(AssertionError, match="this account is no runner of any organization"),
        running_worker(stack, tmp_path / "worker.log", **runner.settings),
    ):
        pass
