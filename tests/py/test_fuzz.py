"""Whatever is sent to the REST interface, the answer says what is wrong, and nothing breaks.

``make fuzz`` makes 10,000 calls. ``ASSAY_FUZZ`` and ``ASSAY_FUZZ_SEED``: how many, and which.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from conftest import push_migrations
from support_fuzz import Fuzzer, table_of

from worker.embedded import stack as embedded
from worker.embedded.stack import Connection

CALLS = int(os.environ.get("ASSAY_FUZZ", "200"))
SEED = int(os.environ.get("ASSAY_FUZZ_SEED", "1"))
AT_A_TIME = 250
CRASHED = re.compile(r"terminated by signal|PANIC:|TRAP:|server process .* exited with exit code")


@pytest.fixture(scope="module")
def folder(open_folder: Path) -> Path:
    return open_folder / "fuzzed"


@pytest.fixture(scope="module")
def fuzzed(folder: Path) -> Iterator[Connection]:
    """Run a stack of its own: the calls may change everything there is."""
    connection = embedded.up(folder, port=0, is_throwaway=True)
    try:
        push_migrations(connection.db_url)
        yield connection
    finally:
        embedded.down(folder)


@pytest.mark.timeout(0 if CALLS > 1000 else 600)
def test_every_answer_says_what_is_wrong_and_nothing_breaks(
    fuzzed: Connection, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No 5xx without a word of the page, no crash, nothing written by a call that was refused."""
    with psycopg.connect(fuzzed.admin_db_url, autocommit=True) as database:
        started = database.execute("select pg_postmaster_start_time()").fetchone()
        fuzzer = Fuzzer(fuzzed, database, SEED)
        try:
            for first in range(0, CALLS, AT_A_TIME):
                fuzzer.run(range(first, min(first + AT_A_TIME, CALLS)))
                with capsys.disabled():
                    print(f"{first + AT_A_TIME} calls, {len(fuzzer.faults)} faults")  # noqa: T201
        finally:
            fuzzer.close()
        assert database.execute("select pg_postmaster_start_time()").fetchone() == started

    with capsys.disabled():
        print(f"\n{CALLS} calls, seed {SEED}\n{table_of(fuzzer.counts)}")  # noqa: T201
    assert not fuzzer.faults, "\n".join(fuzzer.faults[:20])
    logs = "".join(path.read_text(errors="replace") for path in (folder / "log").iterdir())
    assert CRASHED.search(logs) is None
    alive = httpx.get(f"{fuzzed.url}/rest/v1/projects", headers={"apikey": fuzzed.secret_key})
    assert alive.is_success
