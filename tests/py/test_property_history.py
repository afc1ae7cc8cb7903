"""What changed in a run, over random histories: the same as an independent comparison tells."""

import datetime as dt
import itertools
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_history import Change, Key, Result, Run, tell
from reference_project import fetch
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster

RESULTS = st.one_of(
    st.builds(Result, st.just("passed"), attempts=st.integers(1, 2)),
    st.just(Result("failed", "assertion")),
    st.builds(
        Result,
        st.just("error"),
        st.sampled_from(["timeout", "definition", "lost", "worker"]),
        st.integers(1, 2),
    ),
    st.just(Result("skipped", "dependency", 0)),
    st.just(Result("cancelled", "cancelled", 0)),
)
KEYS = st.tuples(st.integers(0, 2), st.sampled_from(["", "x"]))
SELECTIONS = ["{}", '{"tags": ["smoke"]}']
STATUSES = ["passed", "failed", "error", "cancelled", "timed_out"]
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def uid(kind: str, number: int) -> str:
    """Return the id of a test, an environment or a run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {number}"))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Run]], list[bool]]:
    """Draw runs in the batches in which they are written, and after which ones all are purged."""
    count = draw(st.integers(1, 8))
    runs = [
        Run(
            number,
            draw(st.integers(0, 1)),
            draw(st.sampled_from(SELECTIONS)),
            draw(st.sampled_from(STATUSES)),
            draw(st.dictionaries(KEYS, RESULTS, max_size=4)),
        )
        for number in range(count)
    ]
    batches = []
    while runs:
        size = draw(st.integers(1, 3))
        batches.append(runs[:size])
        runs = runs[size:]
    return batches, [draw(st.integers(0, 4)) == 0 for _ in batches]


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        connection.execute(
            """
            with organization as (
                insert into public.organizations (name) values ('acme') returning id
            ),
            project as (
                insert into public.projects (id, organization_id, name)
                select %(project)s, id, 'shop' from organization
            ),
            environments as (
                insert into public.environments (id, project_id, name, base_url)
                select id, %(project)s, id::text, 'https://api.test'
                from unnest(%(environments)s::uuid[]) as ids (id)
            ),
            suite as (
                insert into public.test_suites (id, project_id, name)
                values (%(project)s, %(project)s, 'flow')
            ),
            definition as (
                insert into private.definitions (
                    id, project_id, digest, document, uses, requires, provides
                )
                overriding system value
                values (1, %(project)s, '', '{}', '{}', '{}', '{}')
            )
            insert into public.test_cases (id, project_id, suite_id, name)
            select id, %(project)s, %(project)s, id::text from unnest(%(tests)s::uuid[]) as ids (id)
            """,
            {
                "project": uid("project", 0),
                "environments": [uid("environment", number) for number in range(2)],
                "tests": [uid("test", number) for number in range(3)],
            },
        )
        yield connection


def write(engine: psycopg.Connection, run: Run) -> None:
    """Write a run that is over, as the engine would have."""
    finished_at = BEGIN + dt.timedelta(hours=run.number)
    engine.execute(
        """
        insert into public.test_runs (
            id, project_id, environment_id, status, selection, finished_at, total_count
        )
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        (
            uid("run", run.number),
            uid("project", 0),
            uid("environment", run.environment),
            run.status,
            run.selection,
            finished_at,
            len(run.results),
        ),
    )
    with engine.cursor() as cursor:
        cursor.executemany(
            """
            insert into public.test_results (
                run_id, project_id, test_case_id, test_name, suite_name, phase, row_key,
                definition_id, planned_on, status, category, slug, message, attempt_count,
                finished_seq, finished_at
            )
            values (
                %s, %s, %s, 'test', 'flow', 'main', %s, 1, '2026-01-01', %s, %s, %s, %s, %s, %s, %s
            )
            """,
            [
                (
                    uid("run", run.number),
                    uid("project", 0),
                    uid("test", test),
                    row_key,
                    result.status,
                    *[result.category] * 3,
                    result.attempts,
                    number,
                    finished_at,
                )
                for number, ((test, row_key), result) in enumerate(run.results.items(), 1)
            ],
        )


def told_by(engine: psycopg.Connection, run: Run) -> tuple[dict[str, Any], dict[Key, Change]]:
    """Return what the database tells of a run: its row of the history, and its changes."""
    numbers = {uid("run", number): number for number in range(20)}
    tests = {uid("test", number): number for number in range(3)}
    ids = uid("run", run.number)
    (row,) = fetch(engine, "select * from public.test_run_history where run_id = %s", ids)
    rows = fetch(
        engine, "select * from public.test_run_changes where run_id = %s order by place", ids
    )
    assert [one["place"] for one in rows] == list(range(1, len(rows) + 1))
    changes = {
        (tests[one["test_case_id"]], one["row_key"]): Change(
            one["change"],
            one["is_new"],
            one["is_flaky"],
            numbers.get(one["failing_since_run_id"]),
            numbers.get(one["last_passed_run_id"]),
        )
        for one in rows
    }
    return {**row, "previous": numbers.get(row["previous_run_id"])}, changes


@examples(60)
@given(history=histories())
def test_runs_are_compared_as_the_reference_compares_them(
    engine: psycopg.Connection, history: tuple[list[list[Run]], list[bool]]
) -> None:
    """Written one by one or several at once, with the runs before still there or purged."""
    batches, purges = history
    runs = list(itertools.chain(*batches))

    with engine.transaction(force_rollback=True):
        purged_before = write_all(engine, batches, purges)

        for run, expected in zip(runs, tell(runs, purged_before), strict=True):
            row, changes = told_by(engine, run)
            assert changes == expected.changes
            assert {name: row[name] for name in expected.counts} == expected.counts
            assert row["previous"] == expected.previous


def write_all(
    engine: psycopg.Connection, batches: Sequence[Sequence[Run]], purges: Sequence[bool]
) -> dict[int, int]:
    """Write batch after batch; returns, by run, below which number no run was there any more."""
    purged_before, horizon = {}, 0
    for batch, is_purged in zip(batches, purges, strict=True):
        for run in batch:
            write(engine, run)
            purged_before[run.number] = horizon
        ids = [uid("run", run.number) for run in reversed(batch)]
        engine.execute("select private.write_run_history(%s::uuid[])", (ids,))
        if is_purged:
            horizon = batch[-1].number + 1
            engine.execute("delete from public.test_runs where project_id is not null")
    return purged_before
