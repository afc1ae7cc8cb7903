"""The command ``demo``: everything from nothing, one run of the Legito suites, and nothing left."""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from supabase import Client, create_client

from worker.embedded import stack
from worker.embedded.errors import EmbeddedError

_CHECKOUT = Path(__file__).resolve().parents[2]
_STANDIN = _CHECKOUT / "examples" / "legito"
_CLI = _CHECKOUT / "node_modules" / ".bin" / "supabase"
_START_S = 120  # of a slow machine; what died is noticed at once
_STOP_S = 40
_POLL_S = 0.05
_SLOW_MS = 5000


def run_demo(arguments: argparse.Namespace) -> int:
    """Start everything, run the seeded suites, stop everything; the exit code is the run's."""
    for needed in (_STANDIN, _CLI):
        if not needed.exists():
            raise EmbeddedError(
                f"The demo needs a checkout of Assay with its packages: {needed} is missing. "
                "Run `make setup` there.",
            )
    started = time.monotonic()

    def say(step: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - started:5.1f} s] {step}\n")
        sys.stdout.flush()

    with contextlib.ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="assay-demo-"))
        cleanup.callback(shutil.rmtree, folder)
        # First, because it is what knows whether a fault makes sense.
        faults = [f"--fault={fault}" for fault in arguments.fault]
        say(" ".join(["Starting the Legito stand-in", *faults]))
        standin = cleanup.enter_context(
            announced(
                [sys.executable, "-m", "examples.legito", *faults],
                folder / "legito.log",
                os.environ,
            )
        )
        say("Starting Supabase: PostgreSQL, PostgREST, sign-in, Realtime")
        cleanup.callback(stack.down, folder)
        supabase = stack.up(folder, port=0, is_throwaway=True)

        say("supabase db push: migrations and the Legito project")
        _push(supabase.db_url)

        client = create_client(supabase.url, supabase.secret_key)
        point_at(client, standin)
        if faults:
            # Green must be green on the slowest machine, red may be red soon.
            set_variable(client, "slow_ms", _SLOW_MS)
        environment = {
            **os.environ,
            "ASSAY_SUPABASE_URL": supabase.url,
            "ASSAY_SUPABASE_KEY": supabase.secret_key,
            # the worker refuses loopback unless its operator allows it, and the stand-in is there
            "ASSAY_EGRESS_ALLOW": "127.0.0.1/32",
        }
        say("Starting a worker")
        assay = [sys.executable, "-m", "worker"]
        cleanup.enter_context(announced([*assay, "worker"], folder / "worker.log", environment))

        say("assay run --project Legito --env demo --wait")
        run = subprocess.run(
            [*assay, "run", "--project", "Legito", "--env", "demo", "--wait"],
            env=environment,
            check=False,
        )
        say("Stopping everything")
    return run.returncode


def _push(db_url: str) -> None:
    pushed = subprocess.run(
        [_CLI, "db", "push", f"--remote={db_url}", "--yes", "--include-seed"],
        cwd=_CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if pushed.returncode:
        raise EmbeddedError(f"supabase db push failed:\n{pushed.stdout}{pushed.stderr}")


def point_at(client: Client, standin: Mapping[str, str]) -> None:
    """Tell the seeded environment where the stand-in is, what it signs in with, and its sink."""
    demo = client.table("environments").update({"base_url": standin["url"]}).eq("name", "demo")
    environment = cast("dict[str, str]", demo.execute().data[0])
    set_variable(client, "webhook_sink", standin["webhook_sink"])
    # Said each time: a stand-in that starts again has another port, and secrets keep their hosts.
    secret = {
        "environment_id": environment["id"],
        "allowed_hosts": [urlsplit(standin["url"]).netloc],
    }
    for name, value in (
        ("legito_api_key", standin["api_key"]),
        ("legito_private_key", standin["private_key"]),
    ):
        client.rpc("set_secret", {**secret, "name": name, "value": value}).execute()


def set_variable(client: Client, name: str, value: str | int) -> None:
    """Change a variable of the one seeded environment."""
    client.table("environment_variables").update({"value": value}).eq("name", name).execute()


@contextlib.contextmanager
def announced(
    command: list[str], log_file: Path, environment: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Run *command* until the block ends; yield the JSON of the first line it writes to *log_file*.

    A file, not a pipe: nobody reads on, and a full pipe would stop the program.
    """
    with log_file.open("w") as output:
        child = subprocess.Popen(command, cwd=_CHECKOUT, env=environment, stdout=output)
    try:
        deadline = time.monotonic() + _START_S
        while not (written := log_file.read_text()).count("\n"):
            if child.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"{' '.join(command[1:])} did not start.")
            time.sleep(_POLL_S)
        yield json.loads(written.splitlines()[0])
    finally:
        child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
