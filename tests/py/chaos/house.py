"""What the faults happen to: a stack, a target that counts, workers, and runs of one suite."""

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import supabase
from conftest import push_migrations
from psycopg.rows import dict_row
from support_project import running_target, started
from support_wait import HANG_S, wait_until

from chaos.wire import Mode, Wire, Wires, strung
from worker.embedded import stack as embedded

# A lease of 30 s would make a round of most faults last as long.
LEASE_S = 3
SWEEP_S = 10
_PORTION = 20


@dataclasses.dataclass
class House:
    """Everything that a fault may touch."""

    connection: embedded.Connection
    folder: Path
    target: str
    wires: Wires
    wire: Wire
    database: psycopg.Connection[dict[str, Any]]
    client: supabase.Client
    environment_id: str = ""
    workers: list[subprocess.Popen[str]] = dataclasses.field(default_factory=list)
    stack: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    def become(self, mode: Mode) -> None:
        """Change what the wire between workers and gateway does."""
        self.wires.do(self.wire.become(mode))

    def start_worker(self, output: str | None = None) -> subprocess.Popen[str]:
        """Start one more worker, its log in *output* or a file of the folder."""
        settings = {
            "ASSAY_SUPABASE_URL": f"http://127.0.0.1:{self.wire.port}",
            "ASSAY_SUPABASE_KEY": self.connection.secret_key,
            "ASSAY_EGRESS_ALLOW": "127.0.0.1/32",
            "ASSAY_CONCURRENCY": "8",
            "ASSAY_PREFETCH": "16",
            "ASSAY_POLL_INTERVAL_S": "1",
        }
        log = Path(output) if output else self.folder / f"worker-{len(self.workers)}.log"
        child = self.stack.enter_context(
            started(
                [sys.executable, "-m", "worker", "worker"],
                {**os.environ, **settings},
                self.stack.enter_context(log.open("w")),
            )
        )
        self.workers.append(child)
        return child

    def alive(self) -> list[subprocess.Popen[str]]:
        """Return the workers that run."""
        return [worker for worker in self.workers if worker.poll() is None]

    def queue(self) -> tuple[str, str]:
        """Queue a run; returns its id and the tag that its requests carry."""
        tag = uuid.uuid4().hex[:10]
        arguments = {"environment_id": self.environment_id, "variables": {"tag": tag}}
        while True:
            try:
                run = self.client.rpc("queue_run", {**arguments, "idempotency_key": tag}).execute()
            except (httpx.HTTPError, supabase.PostgrestAPIError):
                continue  # the fault before this one is not over yet
            return run.data["id"], tag

    def counts(self, tag: str) -> Counter[str]:
        """Return how often the target was asked for each name of *tag*."""
        counts = httpx.get(f"{self.target}/counts", timeout=HANG_S).json()
        return Counter(
            {name.removeprefix(f"{tag}-"): n for name, n in counts.items() if name.startswith(tag)}
        )

    def ask(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of *query*, over a connection made anew when the server was gone."""
        for _ in range(600):
            try:
                return self.database.execute(query, values).fetchall()
            except psycopg.OperationalError:
                time.sleep(0.1)
                with contextlib.suppress(psycopg.OperationalError):
                    self.database = connect(self.connection)
        raise TimeoutError("the database does not come back")

    def signal(self, number: signal.Signals, *words: str) -> None:
        """Send *number* to the processes that were told all *words*; there must be one."""
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                if all(word.encode() in told.replace(b"\0", b" ") for word in words):
                    os.kill(int(folder.name), number)
                    found = True
        assert found, words

    @property
    def data(self) -> str:
        """The folder of the stack, which its processes are told."""
        return str(self.folder / "stack")


def connect(connection: embedded.Connection) -> psycopg.Connection[dict[str, Any]]:
    """Connect as the superuser, each statement on its own."""
    return psycopg.connect(connection.admin_db_url, autocommit=True, row_factory=dict_row)


def suite(project_id: str) -> dict[str, Any]:
    """Return the suite that every run executes: chains, fixture rows, and what may not repeat."""
    status = [{"source": "status", "operator": "equals", "expected": 200}]

    def test(name: str, method: str, path: str, **fields: Any) -> dict[str, Any]:
        request = {"method": method, "path": path, "query": [["ms", "60"]]}
        return {"name": name, "request": request, "assertions": status, **fields}

    def path(name: str) -> str:
        return f"/answer/{{{{tag}}}}-{name}"

    tests = [test("prepare", "POST", path("prepare"), phase="setup")]
    for number in range(_PORTION):
        capture = {"name": f"made{number}", "source": "body", "path": "$.count"}
        tests += [
            test(f"get {number}", "GET", path(f"get-{number}")),
            test(f"make {number}", "POST", path(f"make-{number}"), captures=[capture]),
            test(f"use {number}", "GET", path(f"use-{number}-of-{{{{made{number}}}}}")),
        ]
    tests += [
        test("rows", "POST", path("row-{{key}}"), fixture="rows"),
        test("clean", "POST", path("clean"), phase="teardown"),
    ]
    rows = [{"key": f"r{number}", "values": {"key": f"r{number}"}} for number in range(10)]
    return {
        "project": project_id,
        "name": "chaos",
        "fixtures": [{"name": "rows", "rows": rows}],
        "tests": tests,
    }


@contextlib.contextmanager
def furnished() -> Iterator[House]:
    """Set a house up, with two workers, and tear it down."""
    folder = Path(tempfile.mkdtemp(prefix="assay-chaos-"))
    folder.chmod(0o711)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        connection = embedded.up(folder / "stack", port=0, is_throwaway=True)
        cleanup.callback(embedded.down, folder / "stack")
        push_migrations(connection.db_url)
        wires, wire = cleanup.enter_context(strung(urlsplit(connection.url).port or 0))
        target = cleanup.enter_context(running_target())
        transport = cleanup.enter_context(httpx.Client(timeout=HANG_S))
        house = House(
            connection=connection,
            folder=folder,
            target=target,
            wires=wires,
            wire=wire,
            database=connect(connection),
            client=supabase.create_client(
                connection.url,
                connection.secret_key,
                supabase.ClientOptions(httpx_client=transport),
            ),
        )
        cleanup.enter_context(house.stack)
        write_project(house)
        for _ in range(2):
            house.start_worker()
        wait_until(lambda: len(house.ask("select from public.workers")) == len(house.workers))
        yield house


def write_project(house: House) -> None:
    """Write the suite, shorten the lease, and make an environment without a limit of its own."""
    house.database.execute(
        f"""
        create or replace function private.lease_duration() returns interval
        language sql immutable set search_path = '' as $$ select interval '{LEASE_S} s' $$
        """
    )

    def insert(table: str, **row: Any) -> str:
        return str(house.client.table(table).insert(row).execute().data[0]["id"])

    project = insert(
        "projects", organization_id=insert("organizations", name="chaos"), name="chaos"
    )
    house.environment_id = insert(
        "environments", project_id=project, name="chaos", base_url=house.target, max_parallel=200
    )
    house.client.rpc("save_suite", {"document": suite(project)}).execute()


def stop(child: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> None:
    """Send *number* to a worker, and wait for its end if it is to end."""
    child.send_signal(number)
    if number is signal.SIGKILL:
        child.wait()
