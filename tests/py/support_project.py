"""A project in the stack, written through supabase-py, and workers that are real processes."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import httpx
from supabase import Client
from support_wait import HANG_S, wait_until

from worker.embedded import ports
from worker.embedded.stack import Connection

HERE = Path(__file__).parent
STATUS_OK = {"source": "status", "operator": "equals", "expected": 200}
OVER = {"passed", "failed", "error", "cancelled", "timed_out"}


@dataclasses.dataclass(frozen=True)
class Project:
    """One project with a suite and an environment, empty at first."""

    client: Client
    project_id: str
    suite_id: str
    environment_id: str

    @classmethod
    def create(cls, client: Client, base_url: str, **environment: Any) -> "Project":
        """Create it in an organization of its own, with the secret key's *client*."""

        def insert(table: str, **row: Any) -> str:
            return client.table(table).insert(row).execute().data[0]["id"]

        organization = insert("organizations", name=f"organization {uuid.uuid4()}")
        project = insert("projects", organization_id=organization, name="project")
        return cls(
            client,
            project,
            insert("test_suites", project_id=project, name="suite"),
            insert(
                "environments",
                project_id=project,
                name="environment",
                base_url=base_url,
                **{"max_parallel": 50, **environment},
            ),
        )

    def add_test(
        self,
        name: str,
        path: str,
        *,
        method: str = "GET",
        body: Any = None,
        request: Mapping[str, Any] = MappingProxyType({}),
        assertions: Sequence[dict[str, Any]] = (STATUS_OK,),
        captures: Sequence[dict[str, Any]] = (),
        json_schema: Any = None,
        after: Sequence[tuple[str, str]] = (),
        **case: Any,
    ) -> str:
        """Add a test; returns its id.

        *request* holds further columns of its request; *after* lists (test id, kind) of explicit
        dependencies.
        """
        test_id = str(uuid.uuid4())
        ids = {"test_case_id": test_id, "project_id": self.project_id}
        self.client.table("test_cases").insert(
            {
                "id": test_id,
                "project_id": self.project_id,
                "suite_id": self.suite_id,
                "name": name,
                **case,
            }
        ).execute()
        self.client.table("test_request_configs").insert(
            {**ids, "method": method, "path": path, "body": body, **request}
        ).execute()
        self.client.table("test_response_specs").insert(
            {
                **ids,
                "assertions": list(assertions),
                "captures": list(captures),
                "json_schema": json_schema,
            }
        ).execute()
        for upstream, kind in after:
            self.client.table("test_dependencies").insert(
                {**ids, "depends_on_id": upstream, "kind": kind}
            ).execute()
        return test_id

    def queue(self, **arguments: Any) -> str:
        """Queue a run of everything; returns its id."""
        run = self.client.rpc(
            "queue_run", {"environment_id": self.environment_id, **arguments}
        ).execute()
        return run.data["id"]

    def wait(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Wait until the run is over; returns its results by test name."""
        wait_until(lambda: self.state(run_id)["finished"], lambda: self.state(run_id)["run"])
        return self.results(run_id)

    def results(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the results that get_run_report lists, by test name and row key."""
        report = self.client.rpc("get_run_report", {"run_id": run_id}).execute().data
        return {
            result["name"] + (f" {result['row_key']}" if result["row_key"] else ""): result
            for result in report["results"]
        }

    def state(self, run_id: str) -> dict[str, Any]:
        """Return what get_run_state says."""
        return self.client.rpc("get_run_state", {"run_id": run_id}).execute().data


@contextlib.contextmanager
def running_target(program: str = "support_target.py") -> Iterator[str]:
    """Run *program* of this folder until the block ends; yields its URL."""
    (port,) = ports.pick_free(1)
    url = f"http://127.0.0.1:{port}"
    with (
        started([sys.executable, str(HERE / program), str(port)]),
        httpx.Client(timeout=HANG_S) as client,
    ):
        wait_until(lambda: answers(client, url))
        yield url


def answers(client: httpx.Client, url: str) -> bool:
    """Tell whether anybody listens at *url* yet."""
    try:
        client.get(url)
    except httpx.ConnectError:
        return False
    except httpx.RemoteProtocolError:
        pass
    return True


@contextlib.contextmanager
def running_worker(stack: Connection, log: Path, **settings: str) -> Iterator[subprocess.Popen]:
    """Run ``assay worker`` until the block ends; yields the process once it has registered."""
    environment = {
        **os.environ,
        "ASSAY_SUPABASE_URL": stack.url,
        "ASSAY_SUPABASE_KEY": stack.secret_key,
        "ASSAY_EGRESS_ALLOW": "127.0.0.1/32",
        **settings,
    }
    with (
        log.open("w") as output,
        started([sys.executable, "-m", "worker", "worker"], environment, output) as child,
    ):
        wait_until(lambda: "started" in log.read_text() or child.poll() is not None, log.read_text)
        assert child.poll() is None, log.read_text()
        yield child


@contextlib.contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    output: IO[str] | None = None,
) -> Iterator[subprocess.Popen]:
    """Run *command* until the block ends."""
    child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(HANG_S)
        finally:
            child.kill()
            child.wait()
