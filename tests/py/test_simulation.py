"""Simulated histories: what is written is what was meant, and how rules are scored."""

import datetime as dt
import itertools
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from conftest import ROOT, Database

from bench.simulate import world as worlds_apart
from bench.simulate.replay import troubles_of
from bench.simulate.score import Trouble, score
from bench.simulate.world import Project, World
from bench.simulate.worlds import TWO_YEARS, quarter, two_years, year
from bench.simulate.write import prepare, process_runs, write_history, write_truth

END = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
DAYS = 28


@pytest.fixture
def history(database: Database) -> Iterator[psycopg.Connection]:
    """Yield a connection to a database with four weeks of a small shop."""
    with database.connect("postgres") as connection:
        prepare(connection)
        write_truth(connection, quarter(1, END, tests=20, days=DAYS))
        write_history(connection)
        yield connection


def one(connection: psycopg.Connection, query: str) -> object:
    """Return the one row of *query*, its one value if it has no more."""
    row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0] if len(row) == 1 else row


def test_demo_of_a_history() -> None:
    """What is flaky and what is broken in four weeks is named, and the outage is nobody's fault."""
    demo = subprocess.run(
        [sys.executable, "-m", "bench.simulate.demo", "--days", str(DAYS), "--tests", "20"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    found = demo.stdout.partition("What Assay found:")[2]
    flaky, _, broken = found.partition("\nFlaky\n")[2].partition("\nBroken\n")
    assert "Documents/Create a document on" in flaky
    assert "Create a label" not in flaky
    assert "Labels/Create a label on" in broken
    assert found.count("Suspected infrastructure") == 2
    assert "one cause, 16 red tests: Connect call failed" in found


def test_a_seed_gives_one_world() -> None:
    """The same seed gives the same tests and runs, another one others."""
    assert year(1, END, 40, 60) == year(1, END, 40, 60)
    assert year(1, END, 40, 60) != year(2, END, 40, 60)


def test_history_is_what_the_seed_says(history: psycopg.Connection) -> None:
    """Playing the same truth again gives every verdict and duration that was written."""
    differences = one(
        history,
        """
        select count(*)
        from simulation.play(0, 1000000) as played
        full join public.test_results as results on results.id = played.result_id
        where
            (played.status, played.duration_ms, played.attempt_count)
            is distinct from (results.status, results.duration_ms, results.attempt_count)
        """,
    )

    assert differences == 0
    assert one(history, "select count(*) > 1000 from public.test_results")


def test_history_is_one_the_engine_could_have_written(history: psycopg.Connection) -> None:
    """Counters, evidence and attempts agree, and the engine has no objection."""
    assert (
        one(
            history,
            """
            select count(*)
            from public.test_runs as runs
            cross join lateral (
                select
                    count(*) filter (where status = 'passed') as passed,
                    count(*) filter (where status in ('failed', 'error')) as bad,
                    count(*) filter (where status = 'skipped') as skipped
                from public.test_results where run_id = runs.id
            ) as results
            where
                (runs.passed_count, runs.failed_count + runs.error_count, runs.skipped_count)
                <> (results.passed, results.bad, results.skipped)
            """,
        )
        == 0
    )
    assert (
        one(
            history,
            """
            select count(*)
            from public.test_results as results
            where
                status in ('failed', 'error')
                and attempt_count <> (
                    select count(*) from public.test_result_details where result_id = results.id
                )
            """,
        )
        == 0
    )
    assert history.execute("select * from private.check_invariants()").fetchall() == []


def test_history_goes_on_where_it_stopped(database: Database) -> None:
    """A history written in two parts is the one written at once, and no run twice."""
    with database.connect("postgres") as connection:
        world = quarter(1, END, tests=20, days=28)
        prepare(connection)
        write_truth(connection, world)

        first = write_history(connection, world.at(3.4))
        second = write_history(connection)

        assert first > 0
        assert first + second == len(world.projects[0].runs) * 20
        assert process_runs(connection) == len(world.projects[0].runs)


def test_what_is_broken_never_passes(history: psycopg.Connection) -> None:
    """Between its days a broken test fails every time, before them next to never."""
    during, before = (
        one(
            history,
            f"""
            select avg((results.status = 'passed')::integer)::float8
            from public.test_results as results
            inner join simulation.tests on tests.test_id = results.test_case_id
            inner join simulation.runs on runs.run_id = results.run_id
            where tests.kind = 'broken' and runs.queued_at {side} tests.failing_since
            and runs.incident_no is null
            """,  # noqa: S608 - an operator
        )
        for side in (">=", "<")
    )

    assert during == 0
    assert before > 0.95


def test_two_years_have_the_rows_asked_for() -> None:
    """The large history comes to the number of results asked for, within a twentieth."""
    world = two_years(1, END, 200_000)
    results = sum(len(project.tests) * len(project.runs) for project in world.projects)

    assert 190_000 < results < 210_000
    assert {len(project.tests) for project in world.projects} >= {50, 1000}
    assert max(run.day for project in world.projects for run in project.runs) > TWO_YEARS - 2


def test_alarms_are_scored() -> None:
    """A night after the beginning is a find, nights in a row are one alarm, others are false."""
    troubles = [Trouble("a", "bad", 10, 20), Trouble("b", "bad", 10, 20)]
    alarms = {3: {"a"}, 4: {"a"}, 6: {"a"}, 12: {"a"}, 13: {"a"}, 40: {"c"}, 41: {"d"}}

    scored = score(alarms, troubles, 70, frozenset("d"))

    assert (scored.found, scored.false, scored.ignored) == (1, 3, 1)
    assert scored.recall == {"bad": 0.5}
    assert scored.delay == 3
    assert scored.precision == 0.25


def test_each_kind_is_somebodys_to_find() -> None:
    """Whatever is not healthy in the year is something that one kind of rule is asked about."""
    world = year(1, END)
    (project,) = world.projects
    found = {
        trouble.kind
        for subject in ("flaky", "broken", "slower")
        for trouble in troubles_of(world, project, subject)
    }

    assert found | {"drifting", "healthy"} == {test.kind for test in project.tests}


def test_names_are_different() -> None:
    """A project of a thousand tests has a thousand names."""
    names = list(itertools.islice(worlds_apart.name_tests(1000), 1000))

    assert len(set(names)) == len(names) == 1000
    assert Project("o", "p", [], []).id(1) != Project("o", "q", [], []).id(1)
    assert World(1, END, []).at(1) == END + dt.timedelta(days=1)
