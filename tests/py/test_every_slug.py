"""Every slug of docs/errors.md is raised by something, and nothing raises another.

The ways to provoke them are in ``provocations`` and ``support_bad_run``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from conftest import MIGRATIONS, PLATFORM_TEMPLATE, ROOT, TEMPLATE, fresh_database
from provocations import FINDINGS, REASONS, REFUSALS, WAITS
from support_bad_run import BadRun
from support_engine import Engine

from worker.embedded.postgres import Cluster

PAGE = (ROOT / "docs" / "errors.md").read_text()
BY_MIGRATION = "project_not_empty"


def rows(heading: str) -> dict[str, str]:
    """Return slug and second column of the tables with slugs below *heading*."""
    section = PAGE.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]*[^| ]) +\|", section, re.MULTILINE))


REFUSED = rows("## Refused calls")
WAITING = rows("## Why a run waits")
FOUND = {slug: column for slug, column in rows("## Reasons of results").items() if "`" in column}
REASONED = {
    slug: column for slug, column in rows("## Reasons of results").items() if slug not in FOUND
}


@pytest.fixture(scope="module")
def connection(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    """Yield a connection, as the owner, to a database that nothing else works in."""
    fresh = contextmanager(fresh_database)
    with fresh(platform_server, TEMPLATE) as database, database.connect("postgres") as connection:
        yield connection


@pytest.fixture
def engine(connection: psycopg.Connection) -> Engine:
    """Return a project of the test's own."""
    return Engine(connection)


def test_the_page_is_read() -> None:
    """A change of its form is noticed here, not by tests that are no more."""
    assert len(REFUSED) > 20
    assert len(REASONED) > 20
    assert FOUND
    assert WAITING


@pytest.mark.parametrize("slug", sorted(REFUSED.keys() - {BY_MIGRATION}))
def test_a_call_is_refused_with_it(engine: Engine, slug: str) -> None:
    """With the status of the page, what is wrong, and what to do; and nothing is written."""
    assert slug in REFUSALS, "write its function in provocations.py"
    statement = REFUSALS[slug](engine)
    before = engine.row_counts()

    with pytest.raises(psycopg.Error) as refusal:
        engine.make(statement)

    told = refusal.value.diag
    assert (told.message_detail, told.sqlstate) == (slug, f"PT{REFUSED[slug]}")
    assert told.message_primary
    assert told.message_hint
    assert engine.row_counts() == before


def test_a_project_in_use_is_refused(platform_server: Cluster) -> None:
    """By the first migration, before it has made anything."""
    fresh = contextmanager(fresh_database)
    with (
        fresh(platform_server, PLATFORM_TEMPLATE) as database,
        database.connect("postgres") as connection,
    ):
        connection.execute("create table public.projects (id int)")
        with pytest.raises(psycopg.Error) as refusal:
            connection.execute(min(MIGRATIONS.glob("*.sql")).read_bytes())
        schemas = "select count(*) from pg_namespace where nspname = 'private'"
        made = connection.execute(schemas).fetchone()

    assert refusal.value.diag.message_detail == BY_MIGRATION
    assert refusal.value.diag.message_hint
    assert made == (0,)


@pytest.mark.parametrize("slug", REASONED)
def test_a_result_ends_with_it(engine: Engine, bad_run: BadRun, slug: str) -> None:
    """With the status and category of the page, and a message."""
    met = [result for result in bad_run.results.values() if result["slug"] == slug]

    assert met or slug in REASONS, "write its function in provocations.py"
    result = met[0] if met else REASONS[slug](engine)

    status, category = REASONED[slug].split(", ")
    outcome = "stale" if status == "evidence only" else status
    assert (result["status"], result["category"], result["slug"]) == (outcome, category, slug)
    assert result["message"]


@pytest.mark.parametrize("slug", FOUND)
def test_a_lookup_finds_it(slug: str) -> None:
    """With a message."""
    fault = FINDINGS[slug]()

    assert fault
    assert fault.slug == slug
    assert fault.message


@pytest.mark.parametrize("slug", WAITING)
def test_a_run_waits_because_of_it(engine: Engine, slug: str) -> None:
    """And says so, with what to do."""
    told = engine.value("select public.get_run_state(%s) -> 'waiting'", WAITS[slug](engine))

    assert told["slug"] == slug
    assert told["message"]
    assert told["hint"]


def test_nothing_is_provoked_that_is_not_on_the_page(bad_run: BadRun) -> None:
    """What was forgotten when a slug went, or a result that ends in a way nobody wrote down."""
    met = {str(result["slug"]) for result in bad_run.results.values() if result["slug"]}

    assert REFUSALS.keys() | {BY_MIGRATION} == REFUSED.keys()
    assert REASONS.keys() | met == REASONED.keys()
    assert FINDINGS.keys() == FOUND.keys()
    assert WAITS.keys() == WAITING.keys()
