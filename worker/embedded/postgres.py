"""One PostgreSQL cluster: making it, starting it, connecting to it."""

import contextlib
import dataclasses
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from worker.embedded import bootstrap, process
from worker.embedded.account import Account
from worker.embedded.errors import EmbeddedError
from worker.embedded.programs import major_version

SUPERUSER = "supabase_admin"
STOP_SIGNAL = signal.SIGINT  # PostgreSQL's fast shutdown: ends sessions, then writes everything
# Commits stay synchronous: only what is flushed is replicated, and live updates would lag.
THROWAWAY = {"fsync": "off", "full_page_writes": "off"}
"""Settings for data nobody will miss: a crash of the machine may destroy it."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    # A slot whose reader died must not fill the disk.
    "max_slot_wal_keep_size": "1GB",
    "max_connections": "150",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "shared_preload_libraries": "pg_stat_statements",
    "statement_timeout": "2min",  # the platform's ceiling for postgres and cron jobs
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
}
_INIT_BUILTIN_LOCALE = 17
_SOCKET_PATH_BYTES = 107


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A cluster's files in *folder*, served by *programs* on *port* and a socket in *sockets*.

    The socket asks for no password: its folder is open to the server's *account* only. TCP asks
    for each role's own.
    """

    programs: Path
    folder: Path
    sockets: Path
    port: int
    account: Account
    log_file: Path
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def dsn(self, *, user: str = SUPERUSER, dbname: str = "postgres") -> str:
        """Return how to connect through the socket."""
        return make_conninfo(host=str(self.sockets), port=self.port, user=user, dbname=dbname)

    def initialise(self) -> None:
        """Create the cluster with the platform in database ``postgres``, unless it exists.

        Made under another name and renamed when complete, so that an interrupted first start
        leaves nothing that looks finished.
        """
        if self.folder.exists():
            return
        # Unsynced while nothing is worth keeping; everything is flushed once at the end.
        draft = dataclasses.replace(
            self,
            folder=self.folder.with_name(f"{self.folder.name}.partial"),
            settings={**self.settings, **THROWAWAY},
        )
        draft.stop_leftover()
        shutil.rmtree(draft.folder, ignore_errors=True)
        self.account.make_folder(draft.folder)
        draft.run_initdb()
        server = draft.start()
        try:
            bootstrap.apply(draft.dsn())
        finally:
            server.send_signal(STOP_SIGNAL)
            server.wait()
        if self.settings.get("fsync") != "off":
            self._run("initdb", "--sync-only", "-D", draft.folder)
        draft.folder.rename(self.folder)

    def run_initdb(self) -> None:
        """Create an empty cluster in the folder, which is empty and the account's."""
        # Not the system's locales, which differ between machines: the builtin one where there is.
        locale = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if major_version(self.programs) >= _INIT_BUILTIN_LOCALE
            else ["--locale=C.UTF-8"]
        )
        self._run(
            "initdb",
            *("-D", self.folder, "-U", SUPERUSER),
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--no-sync",
            *locale,
        )

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **self.account.identity(),
        )
        if done.returncode != 0:
            raise EmbeddedError(f"{program} failed:\n{done.stderr.strip() or done.stdout.strip()}")

    def stop_leftover(self) -> None:
        """Stop the server of an owner that was killed, should it still run."""
        if not (self.folder / "postmaster.pid").exists():
            return
        # It fails when the file is all that is left, which is as good.
        with contextlib.suppress(EmbeddedError):
            self._run("pg_ctl", "stop", "-D", self.folder, "-m", "fast", "-w", "-t", "20")

    def start(self, timeout_s: float = 60) -> subprocess.Popen[bytes]:
        """Start the server as a child of this process and wait until it takes connections.

        Raises:
            EmbeddedError: it ended, or did not answer in time; its last log lines are shown.
        """
        settings = {**_SETTINGS, "unix_socket_directories": str(self.sockets), **self.settings}
        if not self._has_library("pg_stat_statements"):
            del settings["shared_preload_libraries"]
        server = process.spawn(
            [
                self.programs / "postgres",
                *("-D", str(self.folder), "-p", str(self.port)),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            log_file=self.log_file,
            account=self.account,
            stop_signal=STOP_SIGNAL,
        )
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                server.wait()
                raise EmbeddedError(f"PostgreSQL did not start:\n{process.tail(self.log_file)}")
            time.sleep(0.02)
        return server

    def _has_library(self, name: str) -> bool:
        try:
            found = subprocess.run(
                [self.programs / "pg_config", "--pkglibdir"],
                capture_output=True,
                text=True,
                check=True,
            )
        except (FileNotFoundError, subprocess.CalledProcessError):
            return False
        return any(Path(found.stdout.strip()).glob(f"{name}.*"))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def socket_folder(wanted: Path, port: int, account: Account) -> Path:
    """Return a folder for sockets, private to *account*: *wanted*, or a short temporary one.

    The operating system limits the path of a socket to 107 bytes.
    """
    if len(bytes(wanted / f".s.PGSQL.{port}")) > _SOCKET_PATH_BYTES:
        wanted = Path(tempfile.mkdtemp(prefix="assay-"))
    account.make_folder(wanted)
    return wanted
