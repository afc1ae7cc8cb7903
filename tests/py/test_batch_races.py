"""Batches of runs that are queued at the same time: none waits for another in a circle."""

import json
import random
from concurrent.futures import ThreadPoolExecutor

import psycopg
from conftest import Database
from support_engine import Engine

SESSIONS = 4
ROUNDS = 6


def test_batches_in_any_order_do_not_deadlock(database: Database) -> None:
    """Each writes definitions and snapshots that the others write too, in an order of its own."""
    with database.connect("postgres") as connection:
        engines = [Engine(connection) for _ in range(2)]
        suites = [[engine.save(case(n)) for n in range(4)] for engine in engines]
        for seed in range(ROUNDS):
            # every round is about definitions that no run has seen
            connection.execute("update public.test_request_configs set path = path || %s", (seed,))
            requests = [
                {"environment_id": str(engine.environment), "selection": {"suites": [suite]}}
                for engine, own in zip(engines, suites, strict=True)
                for suite in own
            ]
            with ThreadPoolExecutor(SESSIONS) as pool:
                counts = pool.map(
                    queue_shuffled,
                    [database] * SESSIONS,
                    [requests] * SESSIONS,
                    range(seed * SESSIONS, (seed + 1) * SESSIONS),
                )

                assert list(counts) == [len(requests)] * SESSIONS


def case(number: int) -> dict[str, str]:
    """Return the document of a test."""
    return {"name": f"test {number}", "request": {"path": f"/{number}"}}


def queue_shuffled(database: Database, requests: list[dict[str, object]], seed: int) -> int:
    """Queue *requests* in an order of their own in a session of their own; returns how many."""
    shuffled = random.Random(seed).sample(requests, len(requests))  # noqa: S311 - not a secret
    with psycopg.connect(database.dsn("postgres"), autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from public.queue_runs(%s::jsonb)", (json.dumps(shuffled),)
        ).fetchone()
    assert row
    return int(row[0])
