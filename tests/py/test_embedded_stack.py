"""Starting, stopping and surviving: the embedded Supabase as a background process."""

import json
import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from conftest import ROOT
from support_wait import HANG_S, wait_until

from worker.embedded import lock, ports, stack
from worker.embedded.account import Account, reachable_folder
from worker.embedded.errors import EmbeddedError


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Yield a data folder of this test's own; whatever runs in it is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="assay-test-"))
    folder.chmod(0o711)
    yield folder / "data"
    stack.down(folder / "data")
    shutil.rmtree(folder)


def start(data_dir: Path, **options: int) -> stack.Connection:
    """Start a stack that need not survive a power cut."""
    return stack.up(data_dir, is_throwaway=True, **{"port": 0, **options})


def children_of(process_id: int) -> dict[str, int]:
    """Return the process ids of a process's children by the name of their program."""
    listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return {Path(f"/proc/{child}/comm").read_text().strip(): int(child) for child in listed}


def run_cli(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``python -m worker.embedded`` with *arguments*."""
    return subprocess.run(
        [sys.executable, "-m", "worker.embedded", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_data_and_keys_survive_a_restart(data_dir: Path) -> None:
    """After down and up the same keys open the same data."""
    before = start(data_dir)
    with psycopg.connect(before.db_url, autocommit=True) as connection:
        connection.execute("create table public.kept as select 42 as answer")
        connection.execute("select vault.create_secret('hush', 'kept')")

    assert stack.down(data_dir)
    after = start(data_dir)

    assert after == before
    with psycopg.connect(after.db_url) as connection:
        row = connection.execute(
            "select answer, decrypted_secret from public.kept, vault.decrypted_secrets"
        ).fetchone()
    assert row == (42, "hush")


def test_cli_prints_the_same_line_twice(data_dir: Path) -> None:
    """A second ``up`` on a running stack starts nothing and says the same; ``down`` ends it."""
    first = run_cli("up", "--json", "--port", "0", "--throwaway", "--data-dir", data_dir)
    process_id = lock.holder(data_dir / "supervisor.lock")
    second = run_cli("up", "--json", "--data-dir", data_dir)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert {"url", "anon_key", "service_role_key", "db_url"} <= json.loads(first.stdout).keys()
    assert lock.holder(data_dir / "supervisor.lock") == process_id
    assert run_cli("down", "--data-dir", data_dir).stdout == "Stopped.\n"
    assert run_cli("down", "--data-dir", data_dir).stdout == "It was not running.\n"


def test_files_with_secrets_are_private(data_dir: Path) -> None:
    """Only the owner may read keys, passwords and logs."""
    start(data_dir)

    assert (data_dir / "project.json").stat().st_mode & 0o077 == 0
    assert (data_dir / "log").stat().st_mode & 0o077 == 0
    assert (data_dir / "pg").stat().st_mode & 0o077 == 0


def test_killed_supervisor_leaves_nothing_behind(data_dir: Path) -> None:
    """Its children end with it, and the next start works on the same data."""
    before = start(data_dir)
    process_id = lock.holder(data_dir / "supervisor.lock")
    assert process_id
    children = children_of(process_id)

    os.kill(process_id, signal.SIGKILL)

    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children.values()))
    assert children.keys() == {"postgres", "postgrest"}
    assert stack.status(data_dir) is None
    assert start(data_dir) == before


def test_stale_process_id_heals(data_dir: Path) -> None:
    """A process id and a ready mark of a stack long gone do not pass for a running one."""
    data_dir.mkdir()
    (data_dir / "supervisor.lock").write_text("1")
    (data_dir / "ready").touch()

    assert stack.status(data_dir) is None
    assert not stack.down(data_dir)
    assert start(data_dir) == stack.status(data_dir)


def test_interrupted_first_start_heals(data_dir: Path) -> None:
    """A cluster that was never finished is made anew."""
    partial = data_dir / "pg.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("17")

    assert start(data_dir)
    assert not partial.exists()


@pytest.mark.parametrize("taken", ["gateway", "database"])
def test_taken_port_is_named(data_dir: Path, taken: str) -> None:
    """The error says which port, what to do, and is not remembered."""
    gateway_port = next(port for port in range(56001, 57000, 2) if are_free(port, port + 1))
    taken_port = gateway_port if taken == "gateway" else gateway_port + 1
    with ports.listen(taken_port):
        with pytest.raises(EmbeddedError, match=rf"Port {taken_port} cannot be used .*--port"):
            start(data_dir, port=gateway_port)

        failed = run_cli("up", "--data-dir", data_dir, "--port", str(gateway_port))

    assert (failed.returncode, failed.stdout) == (2, "")
    assert str(taken_port) in failed.stderr
    assert start(data_dir, port=gateway_port).url == f"http://127.0.0.1:{gateway_port}"


def are_free(*candidates: int) -> bool:
    """Whether nobody listens on any of the ports."""
    return all(ports.is_free(port) for port in candidates)


def test_other_port_of_running_stack_is_refused(data_dir: Path) -> None:
    """Asking a running stack for another port is an error, not a silent no."""
    start(data_dir)

    with pytest.raises(EmbeddedError, match="already runs"):
        start(data_dir, port=1024)


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("ASSAY_POSTGRES_BIN", "there is no initdb in it"),
        ("ASSAY_POSTGREST_BIN", "there is no such file"),
    ],
)
def test_missing_program_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    """A program that is not where it should be is named, and nothing is left running."""
    monkeypatch.setenv(variable, "/nowhere")

    with pytest.raises(EmbeddedError, match=f"{variable} is /nowhere.*{said}"):
        start(data_dir)

    assert stack.status(data_dir) is None


def test_runs_again_after_postgrest_died(data_dir: Path) -> None:
    """A child that dies is started again, and the stack answers as before."""
    connection = start(data_dir)
    process_id = lock.holder(data_dir / "supervisor.lock")
    assert process_id

    os.kill(children_of(process_id)["postgrest"], signal.SIGKILL)
    wait_until(lambda: "starting it again" in (data_dir / "log/supervisor.log").read_text())

    wait_until(lambda: rest_status(connection) == 200)


def rest_status(connection: stack.Connection) -> int:
    """Return the HTTP status of the root of the REST interface."""
    headers = {"apikey": connection.anon_key}
    return httpx.get(f"{connection.url}/rest/v1/", headers=headers, timeout=HANG_S).status_code


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_works_for_an_ordinary_user(data_dir: Path) -> None:
    """Somebody who is not root starts, uses and stops it in a folder of their own."""
    account = Account.for_server()
    data_dir.mkdir()
    os.chown(data_dir, account.uid, account.gid)
    script = (
        "import sys, psycopg, pathlib; from worker.embedded import stack\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "connection = stack.up(folder, port=0, is_throwaway=True)\n"
        "print(psycopg.connect(connection.db_url).execute('select current_user').fetchone())\n"
        "print(stack.down(folder))"
    )

    done = subprocess.run(
        [python_for(account), "-c", script, data_dir],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), site.getsitepackages()[0]])},
        capture_output=True,
        text=True,
        check=False,
        **account.identity(),
    )

    assert done.stdout == "('postgres',)\nTrue\n", done.stderr


def python_for(account: Account) -> str:
    """Return a Python like ours that *account* may run; ours may lie in root's home."""
    name = f"python3.{sys.version_info.minor}"
    candidates = [sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"]
    for candidate in candidates:
        if account.can_enter(Path(candidate)):
            return candidate
    pytest.skip(f"no {name} that an ordinary user may run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_works_below_a_folder_closed_to_others() -> None:
    """Where the server's account may not go, the cluster lies elsewhere; and only as long."""
    with tempfile.TemporaryDirectory(prefix="assay-test-") as closed:
        data_dir = Path(closed) / "data"
        first = start(data_dir)
        stack.down(data_dir)
        shutil.rmtree(data_dir)

        second = start(data_dir)

        stack.down(data_dir)
        shutil.rmtree(reachable_folder(data_dir))
        assert first.anon_key != second.anon_key
        assert not (data_dir / "pg").exists()
