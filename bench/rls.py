"""What row level security costs: the dashboard's queries over a million results, with and without.

The member belongs to 50 organizations with 500 projects; a fifth more of everything is strangers'.
"""

import json
import statistics
import time
import uuid
from hashlib import md5
from pathlib import Path
from typing import Any

import psycopg

from worker.embedded.stack import Connection

ROUNDS = 9
BUDGET_MS = 50


def named(name: str) -> str:
    """Return the id that many_rows.sql gives to what has this *name*."""
    return str(uuid.UUID(md5(name.encode(), usedforsecurity=False).hexdigest()))


IDS = {
    "project": named("project 250"),
    "run": named("run 250 1"),
    "test": named("test 250 42"),
    "organization": named("organization 25"),
}

QUERIES = {
    "runs of a project, newest first": """
        select * from public.test_runs where project_id = %(project)s
        order by queued_at desc limit 50""",
    "runs of all projects, newest first": """
        select * from public.test_runs order by queued_at desc limit 50""",
    "runs of all projects, the next page by key": """
        select * from public.test_runs where queued_at < now() - interval '3 days'
        order by queued_at desc limit 50""",
    "runs not over": """
        select * from public.test_runs where finished_at is null order by queued_at""",
    "results of a run": """
        select * from public.test_results where run_id = %(run)s
        order by finished_seq limit 1000""",
    "failures of the last day, all projects": """
        select id, run_id, test_name, slug, message from public.test_results
        where status in ('failed', 'error') and finished_at > now() - interval '1 day'
        order by finished_at desc limit 100""",
    "failures of the last day, a project": """
        select id, run_id, test_name, slug, message from public.test_results
        where project_id = %(project)s and status in ('failed', 'error')
        and finished_at > now() - interval '1 day' order by finished_at desc limit 100""",
    "latest result of each test of a project": """
        select distinct on (test_case_id) test_case_id, test_name, status, finished_at
        from public.test_results where project_id = %(project)s
        order by test_case_id, finished_at desc""",
    "history of a test": """
        select id, run_id, status, duration_ms, finished_at from public.test_results
        where test_case_id = %(test)s order by finished_at desc limit 50""",
    "results by status, a project, 30 days": """
        select status, count(*) from public.test_results
        where project_id = %(project)s and finished_at > now() - interval '30 days'
        group by status""",
    "verdicts by project, the last week, all projects": """
        select project_id, sum(passed_count), sum(failed_count), sum(error_count)
        from public.test_runs where queued_at > now() - interval '7 days' group by project_id""",
    "get_run_state": "select public.get_run_state(%(run)s)",
    "get_run_report": "select public.get_run_report(%(run)s)",
    "get_test_readiness": "select public.get_test_readiness(%(run)s)",
    "get_context_stats": "select public.get_context_stats(%(project)s)",
    "evidence of a run": """
        select * from public.test_result_details where run_id = %(run)s limit 1000""",
    "assertions of a run": """
        select * from public.assertion_results where run_id = %(run)s limit 1000""",
    "tests of a project by name": """
        select id, name from public.test_cases
        where project_id = %(project)s and name ilike '%%of 12%%' order by name limit 50""",
    "tests of all projects by name": """
        select id, name from public.test_cases where name ilike '%%of 123%%'
        order by name limit 50""",
    "tests with a tag, all projects, first page": """
        select id, name from public.test_cases where tags @> '{tag3}' order by id limit 50""",
    "projects by name, 50 of them": "select * from public.projects order by name limit 50",
    "number of projects": "select count(*) from public.projects",
    "number of tests, all projects": "select count(*) from public.test_cases",
    "members of an organization, with their names": """
        select members.role, users.email from public.organization_members as members
        inner join public.users on users.id = members.user_id
        where members.organization_id = %(organization)s""",
    "environments of a project, with variables": """
        select * from public.environments
        left join public.environment_variables as variables
        on variables.environment_id = environments.id
        where environments.project_id = %(project)s""",
}


def measure(connection: Connection) -> list[tuple[str, str, str]]:
    """Return rows (what, figure, budget)."""
    with psycopg.connect(connection.db_url, autocommit=True) as database:
        started = time.perf_counter()
        database.execute((Path(__file__).parent / "many_rows.sql").read_text())
        database.execute("vacuum analyze")
        filled = time.perf_counter() - started
        count = database.execute(
            "select count(*) from public.test_results where project_id in"
            " (select id from public.projects where organization_id in"
            "  (select organization_id from public.organization_members where user_id = %s))",
            [named("person 0")],
        ).fetchone()
        assert count
        rows = [(f"filling {count[0]:,} results and a fifth more", f"{filled:,.0f} s", "")]
        for what, query in QUERIES.items():
            alone = median_ms(database, query, None)
            member = median_ms(database, query, named("person 0"))
            figure = f"{member:,.1f} ms, {alone:,.1f} ms without, x {member / alone:.1f}"
            rows.append((what, figure, f"<= {BUDGET_MS} ms"))
    return rows


def median_ms(database: psycopg.Connection[Any], query: str, person: str | None) -> float:
    """Return how long *query* takes, as *person* under row level security or as the owner."""
    taken = []
    for _ in range(ROUNDS + 1):
        with database.transaction():
            if person:
                act_as(database, person)
            started = time.perf_counter()
            database.execute(query, IDS).fetchall()
            taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:]) * 1000


def act_as(database: psycopg.Connection[Any], person: str) -> None:
    """Be *person* until the transaction ends, as a request through REST is."""
    database.execute(
        "select set_config('role', 'authenticated', true),"
        " set_config('request.jwt.claims', %s, true)",
        [json.dumps({"sub": person, "role": "authenticated"})],
    )
