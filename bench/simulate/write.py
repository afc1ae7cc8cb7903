"""Puts a world into a database, as the owner of its tables, past triggers and foreign keys."""

import contextlib
import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from bench.simulate.world import FAULTS, Incident, Project, World, commit_sha, identify

Database = psycopg.Connection[Any]
_SCHEMA = Path(__file__).parent / "schema.sql"
RESULTS_AT_ONCE = 50_000


def prepare(database: Database) -> None:
    """Let the session write history, and the database do nothing by itself."""
    database.execute("set statement_timeout = 0")
    database.execute("set synchronous_commit = off")
    database.execute("alter publication supabase_realtime set (publish = '')")
    # whoever measures calls the jobs by hand
    database.execute("select cron.unschedule(jobname) from cron.job where jobname like 'assay\\_%'")


@contextlib.contextmanager
def unchecked(database: Database) -> Iterator[None]:
    """Write without triggers and foreign keys meanwhile: what the world says is sound."""
    database.execute("set session_replication_role = replica")
    try:
        yield
    finally:
        database.execute("reset session_replication_role")


def write_truth(database: Database, world: World) -> None:
    """Write what is true, and the projects with their tests; no run yet."""
    database.execute(_SCHEMA.read_text())
    with unchecked(database):
        _write_truth(database, world)
    database.execute("analyze")


def _write_truth(database: Database, world: World) -> None:
    database.execute(
        "insert into simulation.settings values (%s, %s, %s, %s, %s)",
        [
            world.seed * 100,
            world.begins_at,
            world.outlier_rate,
            world.noise,
            world.evidence_share,
        ],
    )
    _copy(
        database,
        "simulation.faults",
        (
            (number, fault.status, fault.category, fault.slug, fault.http_status, fault.message)
            for number, fault in enumerate(FAULTS)
        ),
    )
    test_no = 0
    for project_no, project in enumerate(world.projects):
        write_project(database, world, project)
        definitions = dict(
            database.execute(
                "select document ->> 'name', id from private.definitions where project_id = %s",
                [project.id(world.seed)],
            ).fetchall()
        )
        _copy(database, "simulation.tests", _tests(world, project_no, test_no, definitions))
        test_no += len(project.tests)
    _write_runs_to_be(database, world)
    _make_partitions(database, world)


def write_project(database: Database, world: World, project: Project) -> None:
    """Write a project, its organization if it is the first of it, environments, suites, tests."""
    seed = world.seed
    organization = identify(seed, project.organization)
    database.execute(
        "insert into public.organizations (id, name) values (%s, %s) on conflict do nothing",
        [organization, project.organization],
    )
    database.execute(
        "insert into public.organization_limits (organization_id) values (%s) "
        "on conflict do nothing",
        [organization],
    )
    project_id = project.id(seed)
    database.execute(
        "insert into public.projects (id, organization_id, name, created_at) "
        "values (%s, %s, %s, %s)",
        [project_id, organization, project.name, world.begins_at],
    )
    _copy(
        database,
        "public.environments (id, project_id, name, base_url)",
        (
            (identify(project_id, name), project_id, name, f"https://{name}.example.com")
            for name, _ in project.environments
        ),
    )
    database.execute(
        "insert into private.snapshots (project_id, digest, document) "
        "select project_id, decode(md5(id::text), 'hex'), jsonb_build_object('base_url', base_url) "
        "from public.environments where project_id = %s",
        [project_id],
    )
    _copy(
        database,
        "public.test_suites (id, project_id, name)",
        (
            (identify(project_id, suite), project_id, suite)
            for suite in dict.fromkeys(test.suite for test in project.tests)
        ),
    )
    _copy(
        database,
        "public.test_cases (id, project_id, suite_id, name, position, created_at)",
        (
            (
                identify(project_id, test.suite, test.name),
                project_id,
                identify(project_id, test.suite),
                test.name,
                place,
                world.begins_at,
            )
            for place, test in enumerate(project.tests, 1)
        ),
    )
    database.execute(
        "insert into private.definitions (project_id, digest, document, uses, requires, provides) "
        "select project_id, decode(md5(id::text), 'hex'), jsonb_build_object('name', name), "
        "'{}', '{}', '{}' from public.test_cases where project_id = %s order by position",
        [project_id],
    )


def write_member(database: Database, world: World, organizations: set[str], email: str) -> str:
    """Write a person who edits in *organizations*; returns the id."""
    person = identify(world.seed, email)
    database.execute(
        "insert into auth.users (id, email, role, aud) "
        "values (%s, %s, 'authenticated', 'authenticated')",
        [person, email],
    )
    for name in sorted(organizations):
        database.execute(
            "insert into public.organization_members (organization_id, user_id, role) "
            "values (%s, %s, 'editor')",
            [identify(world.seed, name), person],
        )
    return str(person)


def _tests(
    world: World, project_no: int, first_no: int, definitions: dict[str, int]
) -> Iterator[tuple[object, ...]]:
    project = world.projects[project_no]
    project_id = project.id(world.seed)
    for place, test in enumerate(project.tests):
        yield (
            first_no + place,
            project_no,
            place + 1,
            identify(project_id, test.suite, test.name),
            project_id,
            definitions[test.name],
            test.suite,
            test.name,
            test.kind,
            None if test.upstream is None else first_no + test.upstream,
            test.fault,
            test.attempts,
            test.level_ms,
            test.sigma,
            test.failing,
            *_moments(world, test.failing_days),
            test.slowness,
            *_moments(world, test.slow_days),
            test.drift,
        )


def _moments(
    world: World, days: tuple[float, float | None] | None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    since, until = days or (None, None)
    return (
        None if since is None else world.at(since),
        None if until is None else world.at(until),
    )


def _write_runs_to_be(database: Database, world: World) -> None:
    """Write all runs in the order of time, numbered from 0, and their incidents."""
    planned = sorted(
        (
            (run, number, project)
            for number, project in enumerate(world.projects)
            for run in project.runs
        ),
        key=lambda planned: (planned[0].day, planned[1]),
    )
    # the runs of one object share what happened to them
    incidents: dict[int, tuple[int, Incident]] = {}
    for run, _, _ in planned:
        if run.incident and id(run.incident) not in incidents:
            incidents[id(run.incident)] = (len(incidents) + 1, run.incident)
    _copy(
        database,
        "simulation.incidents",
        ((number, one.fault, one.share) for number, one in incidents.values()),
    )
    snapshots = dict(
        database.execute(
            "select environments.id, snapshots.id from private.snapshots "
            "inner join public.environments "
            "on snapshots.digest = decode(md5(environments.id::text), 'hex')"
        ).fetchall()
    )

    def rows() -> Iterator[tuple[object, ...]]:
        for number, (run, project_no, project) in enumerate(planned):
            project_id = project.id(world.seed)
            name, slowness = project.environments[run.environment]
            environment = identify(project_id, name)
            yield (
                number,
                project_no,
                identify(world.seed, "run", number),
                project_id,
                environment,
                snapshots[environment],
                slowness,
                world.at(run.day),
                commit_sha(project_id, run.commit),
                run.trigger,
                incidents[id(run.incident)][0] if run.incident else None,
            )

    _copy(database, "simulation.runs", rows())


def _make_partitions(database: Database, world: World) -> None:
    database.execute(
        "select private.create_evidence_partitions(months.month::date) "
        "from generate_series(date_trunc('month', %s::timestamptz), now(), '1 month') "
        "as months (month)",
        [world.begins_at],
    )


def _copy(database: Database, target: str, rows: Iterator[tuple[object, ...]]) -> None:
    with database.cursor().copy(f"copy {target} from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def write_history(
    database: Database,
    until: dt.datetime | None = None,
    *,
    after: Callable[[], object] | None = None,
    is_told: bool = False,
) -> int:
    """Write the runs that are not written yet, up to *until*; returns how many results.

    In portions of about 50,000 results, each followed by *after*.
    """
    portions = database.execute(
        """
        select min(no), max(no), max(queued_at)
        from (
            select
                runs.no,
                runs.queued_at,
                div(sum(sizes.tests) over (order by runs.no), %s) as portion
            from simulation.runs
            inner join (
                select project_no, count(*) as tests from simulation.tests group by project_no
            ) as sizes on sizes.project_no = runs.project_no
            where
                runs.no > coalesce(
                    (
                        select max(written.no) from simulation.runs as written
                        inner join public.test_runs on test_runs.id = written.run_id
                    ), -1
                )
                and (%s::timestamptz is null or runs.queued_at < %s)
        ) as numbered
        group by portion
        order by portion
        """,
        [RESULTS_AT_ONCE, until, until],
    ).fetchall()
    started = time.monotonic()
    total = 0
    for number, (first, last, day) in enumerate(portions, 1):
        with unchecked(database):
            row = database.execute("select simulation.write_runs(%s, %s)", [first, last]).fetchone()
            note_verdicts(database, first, last)
        assert row
        total += row[0]
        if after:
            after()
        if is_told and number % 10 == 0:
            took_s = time.monotonic() - started
            sys.stderr.write(f"{total:>11,} results, to {day:%Y-%m-%d}, {took_s:,.0f} s\n")
    return total


def note_verdicts(database: Database, first: int, last: int) -> None:
    """Note for the metrics which verdicts there are, as the trigger does when they are written."""
    database.execute(
        "insert into private.metric_deltas (project_id, run_id, first_seq, last_seq) "
        "select runs.project_id, runs.id, 1, runs.total_count from simulation.runs as planned "
        "inner join public.test_runs as runs on runs.id = planned.run_id "
        "where planned.no between %s and %s order by planned.no",
        [first, last],
    )


def process_runs(database: Database) -> int:
    """Let the engine work every run into the history that is over; returns how many.

    Raises:
        RuntimeError: a run could not be processed.
    """
    total = 0
    while True:
        row = database.execute("select private.process_finished_runs(100)").fetchone()
        if not row or not row[0]:
            break
        total += row[0]
    bad = database.execute("select problem from private.finished_runs limit 1").fetchone()
    if bad:
        raise RuntimeError(f"a run could not be processed: {bad[0]}")
    return total
