"""Databases for the tests: a bare platform per test, and one whole stack per session.

Both come from ``worker.embedded``. ``ASSAY_TEST_POSTGRES`` names the programs of another
PostgreSQL for the former, such as ``/usr/lib/postgresql/15/bin``.
"""

import dataclasses
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import hypothesis
import psycopg
import pytest
import supabase
import support_bad_run
import support_pgtap
from pytest_postgresql.janitor import DatabaseJanitor
from support_wait import HANG_S

from worker.embedded import ports, postgres, programs
from worker.embedded import stack as embedded
from worker.embedded.account import Account
from worker.embedded.postgres import SUPERUSER, Cluster

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "supabase" / "migrations"
PLATFORM_TEMPLATE = "assay_platform"
TEMPLATE = "assay_template"
PGTAP_TEMPLATE = "assay_pgtap"

# A loaded machine is no reason to fail.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@dataclasses.dataclass(frozen=True)
class Database:
    """A database of its own for one test."""

    cluster: Cluster
    name: str

    def dsn(self, user: str = SUPERUSER) -> str:
        """Return how to connect as *user*, who needs no password."""
        return self.cluster.dsn(user=user, dbname=self.name)

    def connect(self, user: str = SUPERUSER) -> psycopg.Connection:
        """Connect as *user*, each statement on its own; close it, or use it in ``with``."""
        return psycopg.connect(self.dsn(user), autocommit=True)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Yield a temporary folder the server's account may enter; pytest's own belong to root."""
    folder = Path(tempfile.mkdtemp(prefix="assay-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def platform_server(open_folder: Path) -> Iterator[Cluster]:
    """Run a server with two databases to copy: the bare platform, and that with our migrations.

    The migrations are applied as ``postgres``, a transaction per file, as the CLI does; the CLI
    itself is what the fixture ``stack`` uses.
    """
    account = Account.for_server()
    named = os.environ.get("ASSAY_TEST_POSTGRES")
    (port,) = ports.pick_free(1)
    cluster = Cluster(
        programs=programs.reachable_by(account, Path(named) if named else programs.find_postgres()),
        folder=open_folder / "pg",
        sockets=postgres.socket_folder(open_folder / "run", port, account),
        port=port,
        account=account,
        log_file=open_folder / "postgres.log",
        settings={**postgres.THROWAWAY, "shared_buffers": "64MB"},
    )
    cluster.initialise()
    server = cluster.start()
    try:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for name in (PLATFORM_TEMPLATE, TEMPLATE):
                connection.execute(f"create database {name} template postgres owner postgres")
        apply_migrations(cluster.dsn(user="postgres", dbname=TEMPLATE))
        yield cluster
    finally:
        server.send_signal(postgres.STOP_SIGNAL)
        server.wait()


def apply_migrations(dsn: str) -> None:
    """Apply every file of ``supabase/migrations`` through *dsn*, in order."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for path in sorted(MIGRATIONS.glob("*.sql")):
            try:
                with connection.transaction():
                    connection.execute(path.read_bytes())
            except psycopg.Error as error:
                error.add_note(f"in {path.name}")
                raise
            connection.execute("reset all")


def janitor(cluster: Cluster, name: str, template: str) -> DatabaseJanitor:
    """Return what creates and drops database *name*, a copy of *template*."""
    return DatabaseJanitor(
        user=SUPERUSER,
        host=str(cluster.sockets),
        port=cluster.port,
        dbname=name,
        template_dbname=template,
    )


def fresh_database(cluster: Cluster, template: str) -> Iterator[Database]:
    """Yield a copy of *template* that exists for as long as the generator does."""
    database = Database(cluster, f"test_{uuid.uuid4().hex[:12]}")
    with janitor(cluster, database.name, template):
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            # The copy belongs to who made it; the owner is what postgres' rights in public hang on.
            connection.execute(f"alter database {database.name} owner to postgres")
        yield database


@pytest.fixture
def database(platform_server: Cluster) -> Iterator[Database]:
    """Yield a fresh database with the platform and our migrations."""
    yield from fresh_database(platform_server, TEMPLATE)


@pytest.fixture(scope="session")
def pgtap_server(platform_server: Cluster) -> Iterator[Cluster]:
    """Yield the server with one more template: our migrations and pgTAP in ``extensions``."""
    with janitor(platform_server, PGTAP_TEMPLATE, TEMPLATE):
        with psycopg.connect(platform_server.dsn(dbname=PGTAP_TEMPLATE)) as connection:
            connection.execute(
                f"alter database {PGTAP_TEMPLATE} owner to postgres; set search_path = extensions"
            )
            connection.execute(support_pgtap.pgtap_script())
        yield platform_server


@pytest.fixture
def tap_database(pgtap_server: Cluster) -> Iterator[Database]:
    """Yield a fresh database with pgTAP."""
    yield from fresh_database(pgtap_server, PGTAP_TEMPLATE)


@pytest.fixture(scope="session")
def stack(open_folder: Path) -> Iterator[embedded.Connection]:
    """Run the whole embedded Supabase with our migrations pushed by the real CLI."""
    data_dir = open_folder / "stack"
    connection = embedded.up(data_dir, port=0, is_throwaway=True)
    try:
        push_migrations(connection.db_url)
        yield connection
    finally:
        embedded.down(data_dir)


@pytest.fixture(scope="session")
def bad_run(stack: embedded.Connection, open_folder: Path) -> Iterator[support_bad_run.BadRun]:
    """Make the run in which everything goes wrong, once."""
    with httpx.Client(timeout=HANG_S) as transport:
        options = supabase.ClientOptions(httpx_client=transport)
        client = supabase.create_client(stack.url, stack.secret_key, options)
        yield support_bad_run.run_badly(stack, client, open_folder)


@pytest.fixture
def client_for(stack: embedded.Connection) -> Iterator[Callable[[str], supabase.Client]]:
    """Yield what makes an unmodified supabase-py client for a key; it is closed afterwards."""
    with httpx.Client(timeout=HANG_S) as transport:
        yield lambda key: supabase.create_client(
            stack.url, key, supabase.ClientOptions(httpx_client=transport)
        )


def push_migrations(db_url: str, *options: str) -> None:
    """Push our migrations to *db_url* the way an operator does."""
    done = subprocess.run(
        [
            ROOT / "node_modules/.bin/supabase",
            "db",
            "push",
            f"--remote={db_url}",
            "--yes",
            *options,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"supabase db push failed:\n{done.stdout}{done.stderr}", pytrace=False)
