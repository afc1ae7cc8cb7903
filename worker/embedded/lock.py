"""One supervisor per data folder, by a file lock.

The kernel drops the lock with the process that holds it, however that ends: a process id left in
the file by a dead one means nothing and needs no cleaning.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_RETRY_S = 0.05
_ATTEMPTS = 10


class HeldByOtherError(Exception):
    """Another live process holds the lock."""


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock in *path*, with our process id as its content.

    Raises:
        HeldByOtherError: it stayed taken for half a second; ``holder`` takes it for an instant
            only.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for attempt in range(_ATTEMPTS):
            if _take(descriptor):
                break
            if attempt == _ATTEMPTS - 1:
                raise HeldByOtherError
            time.sleep(_RETRY_S)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> int | None:
    """Return the process id of whoever holds the lock in *path*; None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if _take(descriptor):
            return None
        # Empty for an instant between locking and writing.
        return int(os.read(descriptor, 20) or b"0")
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
