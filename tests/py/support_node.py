"""Programs in JavaScript, run by node with the packages of this repository at hand."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


@functools.cache
def node_command() -> list[str]:
    """Return how to start node so that it has WebSockets, which supabase-js needs."""
    node = shutil.which("node") or "node"
    printed = subprocess.check_output([node, "-p", "typeof WebSocket"], text=True)
    return [node, *(["--experimental-websocket"] if "undefined" in printed else [])]


def run_module(source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run *source* as a module with *environment* added to our own; returns how it ended."""
    return subprocess.run(
        [*node_command(), "--input-type=module", "-"],
        input=source,
        cwd=ROOT,  # where imports are looked for
        env={**os.environ, "NODE_NO_WARNINGS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
