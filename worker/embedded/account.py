"""The operating-system user PostgreSQL runs as, since it refuses to run as root."""

import dataclasses
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TypedDict

from worker.embedded.errors import EmbeddedError

_CANDIDATES = ("postgres", "nobody")


class Identity(TypedDict, total=False):
    """The part of ``subprocess.Popen``'s arguments that says who runs the program."""

    user: int
    group: int
    extra_groups: list[int]


@dataclasses.dataclass(frozen=True)
class Account:
    """Who the server runs as: *uid* and *gid* of an unprivileged user, or of ourselves."""

    uid: int
    gid: int

    @classmethod
    def for_server(cls) -> "Account":
        """Choose the account: the caller's own, or an unprivileged one when that is root."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        for name in _CANDIDATES:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise EmbeddedError(
            "PostgreSQL cannot run as root, and there is neither a user 'postgres' nor 'nobody' "
            "to run it as. Create one, or start as an ordinary user.",
        )

    @property
    def is_other(self) -> bool:
        """Whether the server runs as somebody else than this process."""
        return self.uid != os.geteuid()

    def identity(self) -> Identity:
        """Return what makes ``subprocess.Popen`` start a program as this account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether this account may reach *folder*; asked of the kernel, not of mode bits."""
        if not self.is_other:
            return True
        test = shutil.which("test") or "/usr/bin/test"
        done = subprocess.run([test, "-x", folder], cwd="/", check=False, **self.identity())
        return done.returncode == 0

    def make_folder(self, folder: Path) -> None:
        """Create *folder* (or take it over) so that only this account may look inside."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_other:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def reachable_folder(wanted: Path) -> Path:
    """Return a folder outside any home that stands in for *wanted*, creating it if need be.

    Used when *wanted* lies where the server's account may not go, such as a clone below
    ``/root``. The same *wanted* always gives the same folder, and it outlives a reboot.

    Raises:
        EmbeddedError: somebody else owns a folder of that name.
    """
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    base = Path("/var/tmp")  # noqa: S108 - the name is predictable, so the owner is checked below
    folder = (base if base.is_dir() else Path(tempfile.gettempdir())) / f"assay-{digest}"
    folder.mkdir(mode=0o711, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.geteuid() or folder.is_symlink():
        raise EmbeddedError(f"{folder} belongs to somebody else. Remove it or use --data-dir.")
    folder.chmod(0o711)
    return folder
