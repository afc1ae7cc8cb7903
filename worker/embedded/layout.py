"""Which file of a data folder is where."""

import dataclasses
from pathlib import Path
from typing import Self

from worker.embedded.account import Account, reachable_folder


@dataclasses.dataclass(frozen=True)
class Layout:
    """The files of one project.

    *root* is the data folder the user named. *cluster_root* is where the database's files are:
    the same folder, unless the account of the server may not go there.
    """

    root: Path
    cluster_root: Path

    @classmethod
    def prepare(cls, data_dir: Path, account: Account) -> Self:
        """Create the folders of *data_dir* as far as they are missing."""
        root = data_dir.absolute()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account.is_other:
            root.chmod(0o711)  # to pass through, not to look around
        layout = cls(root, root if account.can_enter(root) else reachable_folder(root))
        layout.logs.mkdir(mode=0o700, exist_ok=True)
        return layout

    @classmethod
    def at(cls, data_dir: Path) -> Self:
        """Return the layout of *data_dir* for reading what is in the folder itself."""
        return cls(data_dir.absolute(), data_dir.absolute())

    @property
    def project(self) -> Path:
        """Ports, passwords and keys."""
        return self.root / "project.json"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor for as long as it lives; holds its process id."""
        return self.root / "supervisor.lock"

    @property
    def ready(self) -> Path:
        """Exists while everything answers."""
        return self.root / "ready"

    @property
    def logs(self) -> Path:
        """One file per program."""
        return self.root / "log"

    @property
    def cluster(self) -> Path:
        """The database cluster."""
        return self.cluster_root / "pg"

    @property
    def sockets(self) -> Path:
        """Unix sockets of the server, unless the path is too long for one."""
        return self.cluster_root / "run"
