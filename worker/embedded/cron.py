"""Runs the jobs of ``cron.job``: the part of pg_cron that is a background process there."""

import asyncio
import dataclasses
import logging
import time
from datetime import UTC, datetime

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

log = logging.getLogger(__name__)

_RECONNECT_S = 2


@dataclasses.dataclass(frozen=True)
class Job:
    """An active row of ``cron.job``; *interval_s* is set for 'N seconds', *is_due* otherwise."""

    jobid: int
    command: str
    database: str
    username: str
    interval_s: int | None
    is_due: bool | None


class Scheduler:
    """Starts due jobs once a second; a job that still runs is not started again.

    Each run has its own connection as the user who scheduled the job, so that the user's
    privileges and settings apply, and is recorded in ``cron.job_run_details``.
    """

    def __init__(self, dsn: str) -> None:
        """Read jobs through *dsn*, a superuser's connection that needs no password."""
        self._dsn = dsn
        self._running: dict[int, asyncio.Task[None]] = {}
        self._last_start: dict[int, float] = {}

    async def run(self) -> None:
        """Work until cancelled; an unreachable database is waited for. Running jobs end too."""
        try:
            while True:
                try:
                    await self._work()
                except psycopg.Error as error:
                    log.warning("cron: %s", error)
                await asyncio.sleep(_RECONNECT_S)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _work(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            await connection.execute(
                "update cron.job_run_details set status = 'failed', "
                "return_message = 'server restarted', end_time = now() "
                "where status in ('starting', 'running')",
            )
            # The minute we start in is left out: the previous life may have served it.
            served = datetime.now(UTC).replace(second=0, microsecond=0)
            while True:
                await asyncio.sleep(1 - time.time() % 1)
                minute = datetime.now(UTC).replace(second=0, microsecond=0)
                for job in await _jobs(connection, minute if minute > served else None):
                    self._consider(job)
                served = minute

    def _consider(self, job: Job) -> None:
        now = time.monotonic()
        # A new interval counts from when it was first seen, as pg_cron counts it.
        last = self._last_start.setdefault(job.jobid, now)
        # A tick may come early by a hair; a hair must not cost a whole second.
        is_due = job.is_due or (job.interval_s is not None and now - last > job.interval_s - 0.5)
        if is_due and job.jobid not in self._running:
            self._last_start[job.jobid] = now
            task = asyncio.create_task(self._run_job(job))
            self._running[job.jobid] = task
            task.add_done_callback(lambda _: self._running.pop(job.jobid, None))

    async def _run_job(self, job: Job) -> None:
        try:
            async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as ledger:
                run_id = await _open_run(ledger, job)
                status, message = await self._execute(job)
                await ledger.execute(
                    "update cron.job_run_details set status = %s, return_message = %s, "
                    "end_time = clock_timestamp() where runid = %s",
                    (status, message, run_id),
                )
        except psycopg.Error as error:
            log.warning("cron: job %s was not recorded: %s", job.jobid, error)

    async def _execute(self, job: Job) -> tuple[str, str]:
        """Run the command; return the status and message pg_cron would record."""
        dsn = make_conninfo(self._dsn, user=job.username, dbname=job.database)
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                cursor = await connection.execute(job.command.encode())
                while cursor.nextset():
                    pass
        except psycopg.Error as error:
            return "failed", f"ERROR:  {error}"
        if cursor.description is None:
            return "succeeded", cursor.statusmessage or ""
        return "succeeded", f"{cursor.rowcount} row{'' if cursor.rowcount == 1 else 's'}"


async def _jobs(connection: psycopg.AsyncConnection, minute: datetime | None) -> list[Job]:
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(
            "select jobid, command, database, username, cron._interval_s(schedule) as interval_s, "
            "case when %(minute)s::timestamptz is not null "
            "and cron._interval_s(schedule) is null "
            "then cron._is_due(schedule, %(minute)s::timestamptz) end as is_due "
            "from cron.job where active order by jobid",
            {"minute": minute},
        )
        return await cursor.fetchall()


async def _open_run(ledger: psycopg.AsyncConnection, job: Job) -> int:
    cursor = await ledger.execute(
        "insert into cron.job_run_details "
        "(jobid, database, username, command, status, start_time) "
        "values (%s, %s, %s, %s, 'running', clock_timestamp()) returning runid",
        (job.jobid, job.database, job.username, job.command),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an insert that returns returns
    run_id: int = row[0]
    return run_id
