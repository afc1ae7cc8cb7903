"""Starting and stopping the programs a parent process owns."""

import asyncio
import contextlib
import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from worker.embedded.account import Account

_PR_SET_PDEATHSIG = 1


def _die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """Return what a child calls so that the kernel signals it when its parent is gone."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal_number)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    account: Account | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start *command* with its output appended to *log*; on Linux it ends with this process.

    Must be called from the thread that lives as long as the process: the kernel counts a
    parent's *thread* as the parent. Elsewhere than on Linux a killed parent leaves it behind.

    Args:
        command: program and arguments.
        log: file for both output streams.
        env: the whole environment; None for ours.
        account: who runs it; None for us.
        stop_signal: what it gets when this process dies without stopping it.
    """
    identity = account.identity() if account else {}
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: PLW1509 - one system call, no lock taken in the child
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            preexec_fn=_die_with_parent(stop_signal),
            **identity,
        )


async def stop(
    child: subprocess.Popen[bytes], stop_signal: signal.Signals, grace_s: float = 20
) -> None:
    """Ask *child* to stop with *stop_signal*; kill it when it has not within *grace_s*."""
    child.send_signal(stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(child.wait, grace_s)
        return
    child.kill()
    await asyncio.to_thread(child.wait)


def tail(log: Path, line_count: int = 15) -> str:
    """Return the last lines of *log*, for an error message; empty when there is none."""
    with contextlib.suppress(FileNotFoundError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-line_count:])
    return ""
