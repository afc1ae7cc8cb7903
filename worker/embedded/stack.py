"""Starting and stopping the embedded Supabase: what the command line and tests call."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from worker.embedded import lock, process
from worker.embedded.account import Account
from worker.embedded.errors import EmbeddedError
from worker.embedded.layout import Layout
from worker.embedded.project import Project

DEFAULT_DATA_DIR = Path(".assay")
_POLL_S = 0.05


@dataclasses.dataclass(frozen=True)
class Connection:
    """How to reach a running stack.

    ``db_url`` connects as ``postgres``, who owns what migrations make and is no superuser;
    ``admin_db_url`` as the superuser ``supabase_admin``.
    """

    url: str
    anon_key: str
    service_role_key: str
    publishable_key: str
    secret_key: str
    db_url: str
    admin_db_url: str
    jwt_secret: str

    @classmethod
    def to_project(cls, project: Project) -> "Connection":
        """Return how to reach *project*."""
        return cls(
            url=project.url,
            anon_key=project.anon_key,
            service_role_key=project.service_role_key,
            publishable_key=project.publishable_key,
            secret_key=project.secret_key,
            db_url=project.database_url("postgres"),
            admin_db_url=project.database_url("supabase_admin"),
            jwt_secret=project.jwt_secret,
        )


def up(
    data_dir: Path = DEFAULT_DATA_DIR,
    *,
    port: int | None = None,
    is_throwaway: bool = False,
    timeout_s: float = 120,
) -> Connection:
    """Start the stack of *data_dir* unless it runs; return once everything answers.

    It stays in the background until ``down``. Data, keys and ports are kept in the folder.

    Args:
        data_dir: created if missing.
        port: of the gateway, the database takes the next one; None for those of last time or
            54321 and 54322; 0 for free ones.
        is_throwaway: trade safety of the data in a crash of the machine for speed.
        timeout_s: how long a start may take.

    Raises:
        EmbeddedError: it could not start, or runs on another port than the one asked for.
    """
    deadline = time.monotonic() + timeout_s
    layout = Layout.prepare(data_dir, Account.for_server())
    while time.monotonic() < deadline:
        if lock.holder(layout.lock) is None:
            _launch(layout, port, is_throwaway=is_throwaway)
        elif layout.ready.exists() and (connection := status(data_dir)):
            if port and connection.url != f"http://127.0.0.1:{port}":
                raise EmbeddedError(
                    f"{layout.root} already runs at {connection.url}. To move it to port {port}, "
                    "stop it first: assay down",
                )
            return connection
        else:
            time.sleep(_POLL_S)  # somebody else is starting or stopping it
    raise EmbeddedError(f"{layout.root} did not start within {timeout_s:.0f} s; see its log/.")


def _launch(layout: Layout, port: int | None, *, is_throwaway: bool) -> None:
    """Start a supervisor and return when it is ready or another one turned out to run."""
    log_file = layout.logs / "supervisor.log"
    receiver, sender = os.pipe()
    command = [sys.executable, "-m", "worker.embedded.supervisor", str(layout.root)]
    command += ["--report", str(sender)]
    command += [] if port is None else ["--port", str(port)]
    command += ["--throwaway"] if is_throwaway else []
    with os.fdopen(receiver) as reply:
        with log_file.open("ab") as output:
            subprocess.run(
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=(sender,),
            )
        os.close(sender)
        answer = reply.read()
    if not answer:
        raise EmbeddedError(f"It ended while starting:\n{process.tail(log_file)}")
    if error := json.loads(answer).get("error"):
        raise EmbeddedError(error)


def down(data_dir: Path = DEFAULT_DATA_DIR, *, timeout_s: float = 40) -> bool:
    """Stop the stack of *data_dir* in order; return whether it ran.

    Raises:
        EmbeddedError: it was still there after *timeout_s*; it has been killed.
    """
    path = Layout.at(data_dir).lock
    process_id = lock.holder(path)
    if not process_id:
        return False
    os.kill(process_id, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while lock.holder(path) == process_id:
        if time.monotonic() > deadline:
            os.kill(process_id, signal.SIGKILL)
            raise EmbeddedError(f"It did not stop within {timeout_s:.0f} s and was killed.")
        time.sleep(_POLL_S)
    return True


def status(data_dir: Path = DEFAULT_DATA_DIR) -> Connection | None:
    """Return how to reach the stack of *data_dir*, None while it is not up."""
    layout = Layout.at(data_dir)
    project = Project.load(layout.project)
    if project is None or lock.holder(layout.lock) is None or not layout.ready.exists():
        return None
    return Connection.to_project(project)
