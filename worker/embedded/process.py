"""Starting and stopping the programs a parent process owns."""

import asyncio
import contextlib
import ctypes
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from worker.embedded.account import Account
from worker.embedded.errors import EmbeddedError

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.2
_RESTART_PAUSE_S = 1


def _die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """Return what a child calls so that the kernel signals it when its parent is gone."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal_number)


def spawn(
    command: Sequence[str | Path],
    *,
    log_file: Path,
    env: Mapping[str, str] | None = None,
    account: Account | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start *command* with its output appended to *log_file*; on Linux it ends with this process.

    Must be called from the thread that lives as long as the process: the kernel counts a
    parent's *thread* as the parent. Elsewhere than on Linux a killed parent leaves it behind.

    Args:
        command: program and arguments.
        log_file: file for both output streams.
        env: the whole environment; None for ours.
        account: who runs it; None for us.
        stop_signal: what it gets when this process dies without stopping it.
    """
    identity = account.identity() if account else {}
    with log_file.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            preexec_fn=_die_with_parent(stop_signal),  # noqa: PLW1509 - one call, takes no lock
            **identity,
        )


class Kept:
    """A child that is started again whenever it ends by itself."""

    def __init__(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start it now; *name* is for the log. See ``spawn`` for the thread to do it from."""
        self._name = name
        self._start = start
        self._stop_signal = stop_signal
        self._child = start()

    async def watch(self) -> None:
        """Restart the child as often as needed; runs until cancelled."""
        while True:
            await asyncio.sleep(_POLL_S)
            if self._child.poll() is None:
                continue
            log.error("%s ended with %s; starting it again", self._name, self._child.returncode)
            await asyncio.sleep(_RESTART_PAUSE_S)
            try:
                self._child = self._start()
            except EmbeddedError as error:
                log.error("%s", error)  # noqa: TRY400 - the message says it all

    async def stop(self, grace_s: float = 20) -> None:
        """Ask the child to stop; kill it when it has not within *grace_s*."""
        self._child.send_signal(self._stop_signal)
        deadline = time.monotonic() + grace_s
        while self._child.poll() is None:
            if time.monotonic() > deadline:
                self._child.kill()
            await asyncio.sleep(_POLL_S / 10)


def tail(log_file: Path, line_count: int = 15) -> str:
    """Return the last lines of *log_file*, for an error message; empty when there is none."""
    with contextlib.suppress(FileNotFoundError):
        return "\n".join(log_file.read_text(errors="replace").splitlines()[-line_count:])
    return ""
