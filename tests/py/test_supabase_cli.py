"""What an operator does with the real Supabase CLI, and what it says of our schema."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from conftest import ROOT, push_migrations

from worker.embedded import stack as embedded
from worker.embedded.stack import Connection

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
PLPGSQL_CHECK = Path("/usr/share/postgresql/15/extension/plpgsql_check.control")


def supabase(*arguments: str) -> str:
    """Run the CLI and return what it prints; a failure fails the test."""
    done = subprocess.run(
        [ROOT / "node_modules/.bin/supabase", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_push_is_idempotent(stack: Connection) -> None:
    """The first push applied all; the second finds nothing to do."""
    listed = json.loads(
        supabase("migration", "list", f"--remote={stack.db_url}", "--output-format", "json")
    )

    assert "up to date" in supabase("db", "push", f"--remote={stack.db_url}", "--yes")
    assert all(entry["local"] == entry["remote"] for entry in listed["migrations"])


def test_push_refuses_an_occupied_project(open_folder: Path) -> None:
    """A project that has tables of our names is refused, and nothing is written there."""
    data_dir = open_folder / "occupied"
    connection = embedded.up(data_dir, port=0, is_throwaway=True)
    try:
        with psycopg.connect(connection.db_url, autocommit=True) as database:
            database.execute("create table public.projects ()")

            with pytest.raises(pytest.fail.Exception, match="projects"):
                push_migrations(connection.db_url)

            assert database.execute("select to_regnamespace('private')").fetchone() == (None,)
    finally:
        embedded.down(data_dir)


def test_advisors_are_silent(stack: Connection) -> None:
    """No advice but unused_index, which a young database cannot avoid."""
    printed = supabase("db", "advisors", f"--remote={stack.db_url}", "--level", "info")

    advice = json.loads(printed[printed.index("[") :])

    assert [entry for entry in advice if entry["name"] != "unused_index"] == []


@pytest.fixture
def postgres_15(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Run a stack on Debian's PostgreSQL 15, which has plpgsql_check."""
    monkeypatch.setenv("ASSAY_POSTGRES_BIN", str(POSTGRES_15))
    data_dir = open_folder / "stack15"
    connection = embedded.up(data_dir, port=0, is_throwaway=True)
    try:
        with psycopg.connect(connection.admin_db_url, autocommit=True) as database:
            database.execute("create extension plpgsql_check with schema extensions")
        push_migrations(connection.db_url)
        yield connection
    finally:
        embedded.down(data_dir)


@pytest.mark.skipif(
    not PLPGSQL_CHECK.exists(), reason="needs Debian's postgresql-15-plpgsql-check; CI has it"
)
def test_database_lint_is_silent(postgres_15: Connection) -> None:
    """plpgsql_check finds nothing wrong in any function."""
    arguments = ("db", "lint", f"--remote={postgres_15.db_url}", "--schema", "public,private")
    printed = supabase(*arguments, "--level", "warning")

    assert "[" not in printed, printed
