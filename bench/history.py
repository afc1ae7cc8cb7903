"""Two years and ten million results: what nights, dashboards and retention make of them.

``ROWS=100000`` for a small history. Dashboard queries are asked as a member of half of the
organizations, through PostgREST; beside each is what PostgreSQL did for it, from its plan.
"""

import datetime as dt
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import psycopg

from bench import plans, retention
from bench.canned import BATCH, CannedWorker
from bench.house import make_project
from bench.simulate import nights
from bench.simulate.world import World
from bench.simulate.worlds import ORGANIZATIONS, SIZES, two_years
from bench.simulate.write import prepare, process_runs, write_history, write_member, write_truth
from worker.embedded.stack import Connection

ROWS = int(os.environ.get("ROWS", "10000000"))
ROUNDS = 9
BUDGET = "<= 50 ms"
REPORTED_TESTS = 4000
Row = tuple[str, str, str]
Database = psycopg.Connection[Any]

# table or function, and what is asked of it; {names} are filled in
READS: dict[str, str] = {
    "tests of a project with their verdicts": (
        "test_ratings?project_id=eq.{project}&select=*,test_cases(name)&limit=1000"
    ),
    "runs of a project, newest first": (
        "test_run_history?project_id=eq.{project}&order=finished_at.desc&limit=50"
    ),
    "runs of all projects, newest first": "test_runs?order=queued_at.desc&limit=50",
    "history of a test": (
        "test_results?test_case_id=eq.{test}&order=finished_at.desc&limit=50"
        "&select=id,run_id,status,duration_ms,finished_at"
    ),
    "failures of the last day, a project": (
        "test_results?project_id=eq.{project}&status=in.(failed,error)"
        "&finished_at=gt.{yesterday}&order=finished_at.desc&limit=100"
        "&select=id,run_id,test_name,slug,message"
    ),
    "results that say something, a project, 30 days": (
        "test_results?project_id=eq.{project}&message=ilike.*conflict*"
        "&finished_at=gt.{month_ago}&order=finished_at.desc&limit=50&select=id,test_name,message"
    ),
    "events of a project, newest first": (
        "platform_events?project_id=eq.{project}&order=id.desc&limit=50"
    ),
    "causes of failures of a project, newest first": (
        "failure_analysis?project_id=eq.{project}&order=last_seen_at.desc&limit=50"
    ),
    "changes of speed in a project, newest first": (
        "performance_changes?project_id=eq.{project}&limit=50"
    ),
}
CALLS: dict[str, tuple[str, dict[str, object]]] = {
    "get_run_report of 1,000 tests": ("get_run_report", {"run_id": "{run}"}),
    "get_run_state of 1,000 tests": ("get_run_state", {"run_id": "{run}"}),
    "get_run_comparison of 1,000 tests": ("get_run_comparison", {"run_id": "{run}"}),
    "list_run_history": ("list_run_history", {"project_id": "{project}"}),
    **{
        f"aggregate_test_metrics by {bucket}, {days} days": (
            "aggregate_test_metrics",
            {
                "project_id": "{project}",
                "since": f"{{days_ago_{days}}}",
                "bucket": bucket,
            },
        )
        for bucket, days in (("hour", 1), ("day", 30), ("week", 90), ("month", 730))
    },
    "detect_flaky_tests": ("detect_flaky_tests", {"project_id": "{project}"}),
    "detect_performance_regressions": (
        "detect_performance_regressions",
        {"project_id": "{project}"},
    ),
    "analyse_failures": ("analyse_failures", {"project_id": "{project}"}),
}


def measure(connection: Connection) -> Iterator[Row]:
    """Yield rows (what, figure, budget)."""
    now = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    with psycopg.connect(connection.db_url, autocommit=True) as database:
        world = two_years(1, now, ROWS)
        prepare(database)
        yield from write(database, world)
        yield from work_nights(database)
        database.execute("vacuum analyze")
        organizations = {f"Organization {number}" for number in range(ORGANIZATIONS // 2)}
        person = write_member(database, world, organizations, "member@example.com")
        yield from read(connection, database, world, person)
        yield from check_percentiles(database, world)
        yield from weigh_trigger(connection, database)
        yield from retention.measure(database, str(world.projects[0].id(world.seed)))


def write(database: Database, world: World) -> Iterator[Row]:
    """Write the history, and let the engine work its runs into what outlives them."""
    started = time.perf_counter()
    write_truth(database, world)
    results = write_history(database, is_told=True)
    runs = sum(len(project.runs) for project in world.projects)
    per_day = sorted(
        row[0]
        for row in database.execute(
            "select sum(total_count) from public.test_runs group by queued_at::date"
        ).fetchall()
    )
    yield (
        (
            f"writing {results:,} results of {runs:,} runs, {len(SIZES)} projects of "
            f"{min(SIZES)} to {max(SIZES):,} tests; on a day {per_day[0]:,} to {per_day[-1]:,}, "
            f"median {per_day[len(per_day) // 2]:,}"
        ),
        f"{time.perf_counter() - started:,.0f} s",
        "",
    )
    database.execute("analyze")
    started = time.perf_counter()
    process_runs(database)
    took_s = time.perf_counter() - started
    yield (
        "process_finished_runs, all of them",
        f"{took_s:,.0f} s, {took_s / runs * 1000:,.1f} ms a run",
        "",
    )


def work_nights(database: Database) -> Iterator[Row]:
    """Run the jobs of a night over everything, and again when there is nothing new."""
    for job in nights.JOBS:
        first, again = nights.run_job(database, job), nights.run_job(database, job)
        yield f"{job}, for the first time, then again", f"{first:,.1f} s, {again:,.1f} s", ""


def read(connection: Connection, database: Database, world: World, person: str) -> Iterator[Row]:
    """Ask what dashboards ask, as *person*."""
    names = names_of(database, world)
    token = jwt.encode(
        {
            "sub": person,
            "role": "authenticated",
            "aud": "authenticated",
            "exp": int(time.time()) + 3600,
        },
        connection.jwt_secret,
        algorithm="HS256",
    )
    headers = {"apikey": connection.anon_key, "Authorization": f"Bearer {token}"}
    with (
        httpx.Client(base_url=f"{connection.url}/rest/v1/", headers=headers, timeout=300) as client,
        plans.watching(connection, person) as watcher,
    ):
        for what, path in READS.items():
            yield from time_request(client, watcher, what, path.format(**names), None)
        for what, (function, arguments) in CALLS.items():
            given = {
                name: value.format(**names) if isinstance(value, str) else value
                for name, value in arguments.items()
            }
            yield from time_request(client, watcher, what, f"rpc/{function}", given)


def names_of(database: Database, world: World) -> dict[str, str]:
    """Return what queries ask about: the project of a thousand tests, its last run, a test."""
    row = database.execute(
        """
        select runs.project_id, runs.id, results.test_case_id
        from public.test_runs as runs
        inner join public.test_results as results on results.run_id = runs.id
        where runs.project_id = %s
        order by runs.queued_at desc
        limit 1
        """,
        [world.projects[0].id(world.seed)],
    ).fetchone()
    assert row
    now = dt.datetime.now(dt.UTC)
    ago = {
        f"days_ago_{days}": f"{now - dt.timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        for days in (1, 30, 90, 730)
    }
    return {
        **dict(zip(("project", "run", "test"), map(str, row), strict=True)),
        **ago,
        "now": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "yesterday": ago["days_ago_1"],
        "month_ago": ago["days_ago_30"],
    }


def time_request(
    client: httpx.Client,
    watcher: plans.Watcher,
    what: str,
    path: str,
    body: dict[str, object] | None,
) -> Iterator[Row]:
    """Time a request, and look at its plan."""
    method = "GET" if body is None else "POST"
    taken = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        answer = client.request(method, path, json=body)
        taken.append(time.perf_counter() - started)
        if answer.is_error:
            raise RuntimeError(f"{path}: {answer.text}")
    took_ms = statistics.median(taken[1:]) * 1000
    size = f"{len(answer.content) / 1024:,.0f} KB"
    yield what, f"{took_ms:,.1f} ms, {size}; {watcher.explain(path, body)}", BUDGET


def check_percentiles(database: Database, world: World) -> Iterator[Row]:
    """Hold the percentiles of two years against those of all durations, sorted."""
    project = str(world.projects[0].id(world.seed))
    exact = database.execute(
        """
        select percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms)
        from public.test_results
        where
            project_id = %s and status in ('passed', 'failed')
            and finished_at >= date_trunc('day', now() - interval '729 days')
        """,
        [project],
    ).fetchone()
    told = retention.read_percentiles(database, project)
    for (name, value), true in zip(told.items(), exact[0] if exact else (), strict=False):
        yield (
            f"{name} over two years, from histograms and from all durations",
            f"{value:,.2f} ms, {true:,.2f} ms: {abs(value / float(true) - 1):.2%} apart",
            "<= 1 %",
        )


def weigh_trigger(connection: Connection, database: Database) -> Iterator[Row]:
    """Tell which part of report_work goes into what is noted for the metrics."""
    with psycopg.connect(connection.admin_db_url, autocommit=True) as admin:
        admin.execute("alter system set track_functions = 'all'")
        admin.execute("select pg_reload_conf(), pg_stat_reset()")
    environment = make_project(database, "http://127.0.0.1:1", REPORTED_TESTS)
    worker = CannedWorker(connection.db_url)
    database.execute("select public.queue_run(%s)", [environment])
    taken = []
    while True:
        items, _ = worker.claim()
        if not items:
            break
        taken.append(worker.report(items))
    worker.database.close()
    time.sleep(1.5)  # a session tells its statistics when it ends
    rows = dict(
        database.execute(
            "select schemaname || '.' || funcname, total_time from pg_stat_user_functions"
        ).fetchall()
    )
    total = rows.get("public.report_work") or sum(taken)
    yield (
        f"report_work, batches of {BATCH}",
        f"{statistics.median(taken):,.1f} ms a batch",
        "",
    )
    for name, spent in sorted(rows.items(), key=lambda row: -row[1]):
        if name in NOTED:
            yield f"{name}, as a share of report_work", f"{spent / total:.1%}", "<= 3 %"


NOTED = frozenset({"private.note_verdicts"})
