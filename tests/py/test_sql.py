"""Runs ``tests/sql``: each file in its own database, through psql, as the owner of migrations."""

import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from conftest import ROOT, TEMPLATE, Database, fresh_database, janitor

from worker.embedded.postgres import Cluster

FILES = sorted((ROOT / "tests" / "sql").glob("*.test.sql"))
PGTAP = ROOT / "node_modules/@electric-sql/pglite-pgtap/dist/pgtap.tar.gz"
PGTAP_TEMPLATE = "assay_pgtap"


@pytest.fixture(scope="module")
def pgtap_server(platform_server: Cluster) -> Iterator[Cluster]:
    """Yield the server with one more template: our migrations and pgTAP in ``extensions``."""
    with janitor(platform_server, PGTAP_TEMPLATE, TEMPLATE):
        with psycopg.connect(platform_server.dsn(dbname=PGTAP_TEMPLATE)) as connection:
            connection.execute(
                f"alter database {PGTAP_TEMPLATE} owner to postgres; set search_path = extensions"
            )
            connection.execute(pgtap_script())
        yield platform_server


def pgtap_script() -> bytes:
    """Return pgTAP as plain SQL, which it is; so the server's own folders stay as they are."""
    with tarfile.open(PGTAP) as archive:
        (name,) = (
            name for name in archive.getnames() if re.search(r"/pgtap--\d+(\.\d+)*\.sql$", name)
        )
        script = archive.extractfile(name)
        assert script is not None
        return script.read()


@pytest.fixture
def tap_database(pgtap_server: Cluster) -> Iterator[Database]:
    """Yield a fresh database with pgTAP."""
    yield from fresh_database(pgtap_server, PGTAP_TEMPLATE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".test.sql"))
def test_sql_file(path: Path, tap_database: Database) -> None:
    """Every assertion of the file holds, and it makes as many as it planned."""
    done = subprocess.run(
        [
            tap_database.cluster.programs / "psql",
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
            *("--set", "ON_ERROR_STOP=1", "--file", path),
            tap_database.dsn("postgres"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    problems = tap_problems(done.stdout)
    if done.returncode != 0:
        problems += done.stderr.splitlines()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def tap_problems(output: str) -> list[str]:
    """Return the lines of TAP *output* that say what failed; none when all passed."""
    lines = output.splitlines()
    problems: list[str] = []
    is_failing = False
    for line in lines:
        if re.match(r"(not )?ok\b", line):
            is_failing = line.startswith("not ok") and "# TODO" not in line
        elif not line.startswith("#"):
            is_failing = line.startswith("Bail out!")
        if is_failing:
            problems.append(line)
    planned = [int(match[1]) for line in lines if (match := re.match(r"1\.\.(\d+)", line))]
    made = sum(1 for line in lines if re.match(r"(not )?ok\b", line))
    if planned != [made]:
        problems.append(f"planned {planned or 'nothing'}, made {made} assertions")
    return problems


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("1..2\nok 1 - a\nok 2 - b", []),
        ("1..1\nnot ok 1 - a\n# Failed test 1", ["not ok 1 - a", "# Failed test 1"]),
        ("1..1\nnot ok 1 - a # TODO later\n# Failed", []),
        ("1..2\nok 1 - a", ["planned [2], made 1 assertions"]),
        ("", ["planned nothing, made 0 assertions"]),
    ],
)
def test_tap_problems(output: str, expected: list[str]) -> None:
    """A failed assertion, a missing one and a missing plan are all problems."""
    assert tap_problems(output) == expected
