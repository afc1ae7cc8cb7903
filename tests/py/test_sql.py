"""Runs ``tests/sql``: each file in its own database, through psql, as the owner of migrations."""

from pathlib import Path

import pytest
from conftest import ROOT, Database
from support_pgtap import run_file, tap_problems

FILES = sorted((ROOT / "tests" / "sql").glob("*.test.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".test.sql"))
def test_sql_file(path: Path, tap_database: Database) -> None:
    """Every assertion of the file holds, and it makes as many as it planned."""
    _, problems = run_file(
        tap_database.cluster.programs / "psql", tap_database.dsn("postgres"), path
    )

    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


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
