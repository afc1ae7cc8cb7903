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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import supabase
from conftest import push_migrations
from psycopg.rows import dict_row
from support_project import running_target
from support_wait import HANG_S, wait_until

from chaos import clock
from chaos.sabotage import SABOTAGES
from chaos.suite import Run, bad_tests, suite
from chaos.wire import Mode, Wire, Wires, strung
from worker.embedded import stack as embedded

# A lease of 30 s would make a round of most faults last as long.
LEASE_S = 3
SWEEP_S = 10
WORKERS = 2
# What a worker says whenever a call to Supabase did not get through.
_TROUBLE = (b'"store_unavailable"', b'"renewal_failed"', b'"no_hints"')
# Every lease that was ever taken, written by whoever takes it: nobody has to look at the moment.
_WITNESS = """
    create schema chaos;
    create table chaos.leases (
        lease uuid primary key, result_id uuid not null, worker_id uuid not null,
        taken_at timestamptz not null default clock_timestamp(),
        transaction xid8 not null default pg_current_xact_id()
    );
    create function chaos.note_lease() returns trigger
    language plpgsql security definer set search_path = '' as $$
    begin
        insert into chaos.leases (lease, result_id, worker_id)
        values (new.lease, new.result_id, new.worker_id);
        return null;
    end
    $$;
    create trigger note_lease after update on private.work_items for each row
    when (new.lease is distinct from old.lease and new.lease is not null)
    execute function chaos.note_lease();
"""


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
    workers: list[subprocess.Popen[bytes]] = dataclasses.field(default_factory=list)
    logs: dict[int, Path] = dataclasses.field(default_factory=dict)
    odd: set[int] = dataclasses.field(default_factory=set)
    stopped: set[int] = dataclasses.field(default_factory=set)
    killed: set[int] = dataclasses.field(default_factory=set)
    clocks: dict[int, Path] = dataclasses.field(default_factory=dict)
    runs: list[Run] = dataclasses.field(default_factory=list)
    cancelled: set[str] = dataclasses.field(default_factory=set)
    is_kept: bool = False

    def become(self, mode: Mode) -> None:
        """Change what the wire between workers and gateway does."""
        self.wires.do(self.wire.become(mode))

    def start_worker(
        self,
        output: Path | None = None,
        through: Sequence[str] = (),
        **settings: str,
    ) -> subprocess.Popen[bytes]:
        """Start one more worker, its log in *output* or a file of the folder.

        An odd one, which no later round should have, is started *through* another program or with
        further *settings*.
        """
        environment = {
            "ASSAY_SUPABASE_URL": f"http://127.0.0.1:{self.wire.port}",
            "ASSAY_SUPABASE_KEY": self.connection.secret_key,
            "ASSAY_EGRESS_ALLOW": "127.0.0.1/32",
            "ASSAY_CONCURRENCY": "8",
            "ASSAY_PREFETCH": "16",
            "ASSAY_POLL_INTERVAL_S": "1",
        }
        log = output or self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as told:
            child = subprocess.Popen(
                [*through, sys.executable, "-m", "worker", "worker"],
                env={**os.environ, **environment, **settings},
                stdout=told,
                stderr=told,
            )
        self.workers.append(child)
        self.logs[child.pid] = log
        if output or through or settings:
            self.odd.add(child.pid)
        return child

    def start_clocked_workers(self) -> None:
        """Put workers whose clocks can be set in the place of the others."""
        before = self.alive()
        for _ in range(WORKERS):
            path = self.folder / f"clock-{len(self.workers)}"
            clock.put(path, 0)
            self.clocks[self.start_worker(**clock.settings(path)).pid] = path
        for worker in before:
            self.dismiss(worker)

    def alive(self) -> list[subprocess.Popen[bytes]]:
        """Return the workers that run."""
        return [worker for worker in self.workers if worker.poll() is None]

    def wait_for_workers(self) -> None:
        """Wait until all workers have registered; who cannot leaves, and is started again."""

        def has_registered(worker: subprocess.Popen[bytes]) -> bool:
            return b'"started"' in self.logs[worker.pid].read_bytes()

        def are_at_work() -> bool:
            for worker in [*self.workers]:
                is_gone = worker.poll() is not None and worker.pid not in self.stopped
                if is_gone and not has_registered(worker):
                    self.stopped.add(worker.pid)
                    self.start_worker()
            return all(map(has_registered, self.alive()))

        wait_until(are_at_work, lambda: f"workers do not start: {self.folder}")

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill *worker*."""
        self.stopped.add(worker.pid)
        self.killed.add(worker.pid)
        worker.kill()
        worker.wait()

    def dismiss(self, worker: subprocess.Popen[bytes]) -> None:
        """Ask *worker* to stop, and wait until it has."""
        self.stopped.add(worker.pid)
        worker.terminate()
        worker.wait(HANG_S)

    def gave_up(self) -> int:
        """Count the workers that ended though nobody had stopped them, once each."""
        gone = {one.pid for one in self.workers if one.poll() is not None} - self.stopped
        self.stopped |= gone
        return len(gone)

    def queue(self, bad: str | None = None) -> Run:
        """Queue a run, which meets a *bad* target if one is named."""
        tag = uuid.uuid4().hex[:10]
        arguments = {
            "environment_id": self.environment_id,
            "selection": {"tags": ["plain", bad] if bad else ["plain"]},
            "variables": {"tag": tag},
            "idempotency_key": tag,
        }
        deadline = time.monotonic() + HANG_S
        while True:
            try:
                row = self.client.rpc("queue_run", arguments).execute().data
                break
            except (httpx.HTTPError, supabase.PostgrestAPIError):
                # A fault is not over yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.runs.append(Run(row["id"], tag, bad))
        return self.runs[-1]

    @property
    def run_ids(self) -> list[str]:
        """The runs of this round."""
        return [run.id for run in self.runs]

    def wait_for_first_test(self, run: Run) -> None:
        """Wait until a test of *run* was handed out."""
        query = "select from public.test_runs where id = %s and started_at is not null"
        wait_until(lambda: self.ask(query, run.id), lambda: f"run {run.id} does not begin")

    def counts(self, tag: str) -> Counter[str]:
        """Return how often the target was asked for each name of *tag*."""
        counts = httpx.get(f"{self.target}/counts", timeout=HANG_S).json()
        return Counter(
            {name.removeprefix(f"{tag}-"): n for name, n in counts.items() if name.startswith(tag)}
        )

    def ask(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of *query*, over a connection made anew when the server was gone."""
        deadline = time.monotonic() + HANG_S
        while True:
            try:
                return self.database.execute(query.encode(), values).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
                with contextlib.suppress(psycopg.OperationalError):
                    self.database = connect(self.connection)

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

    @property
    def database_clock(self) -> Path:
        """What the database's clock is off by; without this file it is the machine's."""
        return self.folder / "clock"

    def restart_database(self) -> None:
        """Stop PostgreSQL in fast mode, and wait until another one is there."""
        (before,) = self.ask("select pg_postmaster_start_time() as began")
        self.signal(signal.SIGINT, f"-D {self.data}/pg")
        wait_until(lambda: self.ask("select pg_postmaster_start_time() as began") != [before])

    def trouble(self) -> int:
        """Count the calls that did not get through, as the logs of all workers tell."""
        logs = [log.read_bytes() for log in self.folder.glob("worker-*.log")]
        return sum(log.count(word) for log in logs for word in _TROUBLE)

    def tidy(self) -> None:
        """Take back what the fault of a round left behind, once its runs are over."""
        self.runs.clear()
        self.cancelled.clear()
        self.become("whole")
        for worker in self.alive():
            if worker.pid in self.odd or len(self.alive()) > WORKERS:
                self.kill(worker)
        if self.database_clock.exists():
            self.database_clock.unlink()
            self.restart_database()
        for _ in range(WORKERS - len(self.alive())):
            self.start_worker()

    def close(self) -> None:
        """Kill the workers, and stop the stack."""
        for worker in self.alive():
            self.kill(worker)
        self.database.close()
        embedded.down(self.folder / "stack")


def connect(connection: embedded.Connection) -> psycopg.Connection[dict[str, Any]]:
    """Connect as the superuser, each statement on its own."""
    return psycopg.connect(connection.admin_db_url, autocommit=True, row_factory=dict_row)


@contextlib.contextmanager
def furnished(sabotage: str | None = None) -> Iterator[House]:
    """Set a house up, with two workers, and tear it down; a kept one leaves its folder."""
    folder = Path(tempfile.mkdtemp(prefix="assay-chaos-"))
    folder.chmod(0o711)
    with contextlib.ExitStack() as cleanup:
        connection = embedded.up(folder / "stack", port=0, is_throwaway=True)
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
        cleanup.callback(house.close)
        write_project(house, sabotage)
        for _ in range(WORKERS):
            house.start_worker()
        yield house
    if not house.is_kept:
        shutil.rmtree(folder, ignore_errors=True)


def write_project(house: House, sabotage: str | None) -> None:
    """Write the suite, shorten the lease, and make an environment without a limit of its own."""
    house.database.execute(
        f"""
        create or replace function private.lease_duration() returns interval
        language sql immutable set search_path = '' as $$ select interval '{LEASE_S} s' $$
        """.encode()
    )
    house.database.execute(_WITNESS)
    if sabotage:
        SABOTAGES[sabotage](house.database)

    def insert(table: str, **row: Any) -> str:
        return str(house.client.table(table).insert(row).execute().data[0]["id"])

    project = insert(
        "projects", organization_id=insert("organizations", name="chaos"), name="chaos"
    )
    house.environment_id = insert(
        "environments", project_id=project, name="chaos", base_url=house.target, max_parallel=200
    )
    # Long enough that a fault falls into the middle of runs, whatever the machine.
    document = suite(project, ms=250)
    document["tests"] += bad_tests()
    house.client.rpc("save_suite", {"document": document}).execute()
