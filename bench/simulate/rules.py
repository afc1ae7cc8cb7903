"""The rules that a team writes in an afternoon, and Assay's own detectors, asked night by night.

Each answers, as of the end of a day, which tests it would flag.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import psycopg

Database = psycopg.Connection[Any]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A named rule; *subject* is what it is meant to find: flaky, broken or slower."""

    subject: str
    name: str
    ask: Callable[[Database, dt.datetime], set[str]]
    needs: str = "public.test_results"

    def is_there(self, database: Database) -> bool:
        """Say whether the database has the table that the rule reads."""
        row = database.execute("select to_regclass(%s) is not null", [self.needs]).fetchone()
        return bool(row and row[0])


def _query(sql: str) -> Callable[[Database, dt.datetime], set[str]]:
    def ask(database: Database, now: dt.datetime) -> set[str]:
        return {str(row[0]) for row in database.execute(sql, {"now": now}).fetchall()}

    return ask


def _of_fortnight(condition: str) -> Callable[[Database, dt.datetime], set[str]]:
    return _query(
        f"""
        select test_case_id
        from public.test_results
        where
            project_id in (select id from public.projects)
            and finished_at > %(now)s - interval '14 days' and finished_at <= %(now)s
            and status in ('passed', 'failed', 'error')
        group by test_case_id
        having {condition}
        """
    )


def _of_newest(figure: str) -> Callable[[Database, dt.datetime], set[str]]:
    """Compare the newest ten passes with the fifty before them."""
    return _query(
        f"""
        select tests.test_id
        from simulation.tests
        cross join lateral (
            select
                {figure} filter (where numbered.n <= 10) as new_ms,
                {figure} filter (where numbered.n > 10) as old_ms,
                count(*) as points
            from (
                select
                    newest.duration_ms,
                    row_number() over (order by newest.finished_at desc) as n
                from (
                    select results.duration_ms, results.finished_at
                    from public.test_results as results
                    where
                        results.test_case_id = tests.test_id and results.status = 'passed'
                        and results.finished_at <= %(now)s
                    order by results.finished_at desc
                    limit 60
                ) as newest
            ) as numbered
        ) as compared
        where compared.points = 60 and compared.new_ms > 1.2 * compared.old_ms
        """
    )


def _of_latest(count: int) -> Callable[[Database, dt.datetime], set[str]]:
    """Flag tests whose latest results, so many, all did not pass."""
    return _query(
        f"""
        select tests.test_id
        from simulation.tests
        cross join lateral (
            select count(*) filter (where newest.status <> 'passed') as bad
            from (
                select results.status
                from public.test_results as results
                where
                    results.test_case_id = tests.test_id and results.finished_at <= %(now)s
                    and results.status in ('passed', 'failed', 'error')
                order by results.finished_at desc
                limit {count}
            ) as newest
        ) as looked
        where looked.bad = {count}
        """
    )


_FAILED = "avg((status <> 'passed')::integer)"

NAIVE = (
    Rule("flaky", "more than 1 % failed in 14 days", _of_fortnight(f"{_FAILED} > 0.01")),
    Rule("flaky", "more than 5 % failed in 14 days", _of_fortnight(f"{_FAILED} > 0.05")),
    Rule(
        "flaky",
        "any pass on retry in 14 days",
        _of_fortnight("bool_or(status = 'passed' and attempt_count > 1)"),
    ),
    Rule(
        "flaky",
        "passed and failed, 10 to 90 %, in 14 days",
        _of_fortnight(f"{_FAILED} between 0.1 and 0.9"),
    ),
    Rule("broken", "the last result is bad", _of_latest(1)),
    Rule("broken", "the last three are bad", _of_latest(3)),
    Rule("slower", "mean of 10 over 20 % above that of 50 before", _of_newest("avg(duration_ms)")),
    Rule(
        "slower",
        "p95 of 10 over 20 % above that of 50 before",
        _of_newest("percentile_cont(0.95) within group (order by duration_ms)"),
    ),
)


def _rated(verdict: str) -> Callable[[Database, dt.datetime], set[str]]:
    return _query(f"select test_case_id from public.test_ratings where verdict = '{verdict}'")


def _changed(direction: str, status: str) -> Callable[[Database, dt.datetime], set[str]]:
    """Return what was found, or confirmed, in the night that has just been."""
    when = "confirmed_at" if status == "confirmed" else "found_at"
    return _query(
        f"""
        select test_case_id
        from public.performance_changes
        where
            direction = '{direction}' and {when} > %(now)s - interval '1 day'
            and ('{status}' = 'any' or status = '{status}')
        """
    )


_RATINGS = "public.test_ratings"
_CHANGES = "public.performance_changes"
ASSAY = (
    Rule("flaky", "**Assay: rated flaky**", _rated("flaky"), _RATINGS),
    Rule("broken", "**Assay: rated broken**", _rated("broken"), _RATINGS),
    *(
        Rule(direction, f"**Assay: {said}, {direction}**", _changed(direction, status), _CHANGES)
        for direction in ("slower", "faster")
        for status, said in (("confirmed", "paged"), ("any", "paged or annotated"))
    ),
)
"""What Assay itself says; the jobs of the night have been run before."""
