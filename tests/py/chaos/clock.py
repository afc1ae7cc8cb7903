"""Programs whose clocks can be set: libfaketime in front of single processes, never the machine."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.embedded import programs
from worker.embedded.account import Account

# Not its sister for threads, whose lock holds a worker up for seconds.
_LIBRARY = "libfaketime.so.1"
_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
# PostgreSQL is told its folder first: its house is two above. There, a file named refuse keeps it
# from starting, and one named clock says how far its clock is off.
_POSTGRES = """#!/bin/sh
house="${{2%/*/*}}"
[ -e "$house/refuse" ] && exit 1
[ -e "$house/clock" ] && export {settings} FAKETIME_TIMESTAMP_FILE="$house/clock"
exec {program} "$@"
"""


def find_library() -> str:
    """Return where libfaketime is; raises ``RuntimeError`` when it is nowhere."""
    for folder in _FOLDERS:
        for found in sorted(Path(folder).glob(f"**/faketime/{_LIBRARY}")):
            return str(found)
    raise RuntimeError(
        f"To set clocks it takes {_LIBRARY}: apt-get install libfaketime, or name other faults."
    )


def settings(clock: Path | None = None) -> dict[str, str]:
    """Return the environment of a process whose clock is off by what the file *clock* says.

    Only the clock on the wall: what measures how long things take goes on as it does for a process
    whose machine is set to another time. Nothing is cached, so that a jump is one for all.
    """
    found = {
        "LD_PRELOAD": find_library(),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "NO_FAKE_STAT": "1",
    }
    return found | ({"FAKETIME_TIMESTAMP_FILE": str(clock)} if clock else {})


def put(clock: Path, seconds: int) -> None:
    """Put the clock of whoever reads *clock* off by so many *seconds*, at once."""
    draft = clock.with_suffix(".draft")
    draft.write_text(f"{seconds:+d}")
    draft.rename(clock)


@contextmanager
def replaced_postgres() -> Iterator[None]:
    """Have every stack that is started within run a PostgreSQL that heeds its house's files."""
    real = programs.reachable_by(Account.for_server(), programs.find_postgres())
    with tempfile.TemporaryDirectory(prefix="assay-chaos-bin-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for program in real.iterdir():
            if program.name != "postgres":
                (folder / program.name).symlink_to(program)
        try:
            told = " ".join(f"{key}={value}" for key, value in settings().items())
        except RuntimeError:
            told = "NO_CLOCK=1"  # and no fault that would ask for one
        script = folder / "postgres"
        script.write_text(_POSTGRES.format(settings=told, program=real / "postgres"))
        script.chmod(0o755)
        before = os.environ.get("ASSAY_POSTGRES_BIN")
        os.environ["ASSAY_POSTGRES_BIN"] = name
        try:
            yield
        finally:
            del os.environ["ASSAY_POSTGRES_BIN"]
            if before:
                os.environ["ASSAY_POSTGRES_BIN"] = before
