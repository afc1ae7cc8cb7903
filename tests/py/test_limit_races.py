"""Limits of an organization hold while many sessions reach them at the same time."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
from conftest import Database
from support_engine import Engine
from support_wait import wait_until

SESSIONS = 20
ROOM = 7
PROJECTS = 3


def test_queued_runs_never_exceed_the_limit(database: Database) -> None:
    """Whatever project and function they come from; each is queued whole or refused with 429."""
    with database.connect("postgres") as connection:
        engines = projects_of_one_organization(connection)
        engines[0].limit("max_live_runs", ROOM)
        calls = [queueing(engines[number % PROJECTS], number) for number in range(SESSIONS)]

        answers = at_once(database, calls)

        counts = connection.execute(
            "select (select count(*) from private.live_runs),"
            " (select count(*) from public.test_runs)"
        ).fetchone()
    queued = sum(answer[1] for answer in answers)
    assert {answer[0] for answer in answers} == {None, "too_many_runs"}
    assert counts == (queued, queued)
    assert ROOM - 1 <= queued <= ROOM  # a batch of two may find room for one


def test_parallel_tests_never_exceed_the_limit(database: Database) -> None:
    """A claim that finds other runs waits until it knows what the one before it has taken."""
    with (
        database.connect("postgres") as connection,
        psycopg.connect(database.dsn("postgres")) as holder,
        psycopg.connect(database.dsn("postgres")) as first,
        psycopg.connect(database.dsn("postgres"), autocommit=True) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        engines = projects_of_one_organization(connection)
        engines[0].limit("max_parallel_tests", ROOM)
        for engine in engines:
            engine.queue(*(case(f"test {number}") for number in range(5)))
        worker = engines[0].value(
            "select public.register_worker(name => 'w', version => '1', capacity => 100)"
        )
        holder.execute(
            "select from private.live_runs where project_id = %s for update", (engines[0].project,)
        )

        taken = claim(first, worker, 4)
        holder.rollback()
        waiting = pool.submit(claim, second, worker, 20)
        wait_until(lambda: waiting.done() or engines[0].is_anybody_waiting())
        first.commit()

        assert (taken, waiting.result()) == (4, ROOM - 4)
        assert engines[0].contradictions() == []


def claim(connection: psycopg.Connection, worker: str, free_slots: int) -> int:
    """Claim up to *free_slots* tests; returns how many came."""
    reply = connection.execute(
        "select public.claim_work(%s, %s, %s)", (worker, uuid.uuid4(), free_slots)
    ).fetchone()
    return len(reply[0]["work"]) if reply else 0


def projects_of_one_organization(connection: psycopg.Connection) -> list[Engine]:
    """Return projects with an environment and a test each."""
    engines = [Engine(connection) for _ in range(PROJECTS)]
    for engine in engines:
        connection.execute(
            "update public.projects set organization_id = %s where id = %s",
            (engines[0].organization, engine.project),
        )
        connection.execute(
            "update public.environments set max_parallel = 20 where id = %s", (engine.environment,)
        )
        engine.save(case("one"))
    return engines


def case(name: str) -> dict[str, Any]:
    """Return the document of a test."""
    return {"name": name, "request": {"path": "/"}}


def queueing(engine: Engine, number: int) -> tuple[str, tuple[Any, ...]]:
    """Return a call that queues a run, or two in a batch."""
    if number % 4:
        return "select public.queue_run(%s)", (engine.environment,)
    request = {"environment_id": str(engine.environment)}
    return "select public.queue_runs(%s)", (json.dumps([request, request]),)


def at_once(
    database: Database, calls: list[tuple[str, tuple[Any, ...]]]
) -> list[tuple[str | None, int]]:
    """Make all *calls*, each in a session of its own; return their slugs and how many rows came."""
    start = Barrier(len(calls))

    def make(call: tuple[str, tuple[Any, ...]]) -> tuple[str | None, int]:
        with psycopg.connect(database.dsn("postgres"), autocommit=True) as connection:
            start.wait()
            try:
                return None, len(connection.execute(*call).fetchall())
            except psycopg.Error as error:
                return error.diag.message_detail, 0

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))
