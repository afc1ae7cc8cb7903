"""Jobs of ``cron.job`` are run, one run of a job at a time, as who scheduled them."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from support_wait import wait_until

from worker.embedded.stack import Connection


@pytest.fixture
def database(stack: Connection) -> Iterator[psycopg.Connection]:
    """Yield a connection as ``postgres``; its jobs are gone afterwards."""
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        yield connection
        connection.execute(
            "select cron.unschedule(jobname) from cron.job where jobname like 'embedded%'"
        )


def first_runs(
    database: psycopg.Connection, job_name: str, count: int = 1
) -> list[tuple[Any, ...]]:
    """Return the first *count* finished runs of a job, waiting for them."""

    def finished() -> list[tuple[Any, ...]]:
        return database.execute(
            "select status, return_message, runs.username, start_time, end_time "
            "from cron.job_run_details as runs join cron.job using (jobid) "
            "where jobname = %s and runs.end_time is not null order by runid limit %s",
            (job_name, count),
        ).fetchall()

    wait_until(lambda: len(finished()) == count, finished)
    return finished()


def test_job_runs_as_its_owner(database: psycopg.Connection) -> None:
    """The command runs with the scheduling user's role and settings, and is recorded."""
    database.execute(
        "select cron.schedule('embedded_owner', '1 second', "
        "'select current_user, session_user, current_setting(''search_path'')')"
    )

    ((status, message, username, start, end),) = first_runs(database, "embedded_owner")

    assert (status, message, username) == ("succeeded", "1 row", "postgres")
    assert start <= end


def test_failing_job_is_recorded(database: psycopg.Connection) -> None:
    """An error is the run's message and does not stop the scheduler."""
    database.execute("select cron.schedule('embedded_failing', '1 second', 'select 1 / 0')")

    runs = first_runs(database, "embedded_failing", count=2)

    assert [run[0] for run in runs] == ["failed", "failed"]
    assert "division by zero" in runs[0][1]


def test_runs_of_a_job_do_not_overlap(database: psycopg.Connection) -> None:
    """A run that takes longer than the interval delays the next."""
    database.execute("select cron.schedule('embedded_slow', '1 second', 'select pg_sleep(1.5)')")

    first, second = first_runs(database, "embedded_slow", count=2)

    assert first[4] <= second[3]
