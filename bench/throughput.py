"""1,000 independent tests with three assertions each: one worker, beside newman."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import psycopg

from bench.house import ROOT, make_project, running_target, running_worker
from worker.embedded.stack import Connection

TESTS = 1000
ROUNDS = 3


def measure(connection: Connection) -> list[tuple[str, str, str]]:
    """Return rows (what, figure, budget)."""
    with (
        running_target() as target,
        psycopg.connect(connection.db_url, autocommit=True) as database,
        running_worker(connection),
    ):
        environment = make_project(database, target, TESTS)
        first_plan_ms, _ = run_once(connection, environment)
        rounds = [run_once(connection, environment) for _ in range(ROUNDS)]
        newman_rate = run_newman(target)
    plan_ms = sorted(plan for plan, _ in rounds)[ROUNDS // 2]
    rate = sorted(rate for _, rate in rounds)[ROUNDS // 2]
    return [
        (f"{TESTS:,} tests, 3 assertions, 1 worker", f"{rate:,.0f} tests/s", ">= 1,000 tests/s"),
        ("the same suite by newman", f"{newman_rate:,.0f} tests/s", ""),
        ("Assay / newman", f"{rate / newman_rate:.1f} x", ">= 15 x"),
        (f"queue_run of {TESTS:,} tests, known ones", f"{plan_ms:,.0f} ms", "<= 250 ms"),
        (f"queue_run of {TESTS:,} tests, new ones", f"{first_plan_ms:,.0f} ms", ""),
    ]


def run_once(connection: Connection, environment: str) -> tuple[float, float]:
    """Queue one run and wait; returns milliseconds of queue_run, and tests a second after it."""
    headers = {"apikey": connection.secret_key}
    with httpx.Client(
        base_url=f"{connection.url}/rest/v1/rpc/", headers=headers, timeout=60
    ) as client:
        started = time.perf_counter()
        run = client.post("queue_run", json={"environment_id": environment}).json()
        queued = time.perf_counter()
        while True:
            state = client.post("get_run_state", json={"run_id": run["id"], "since": TESTS}).json()
            if state["finished"]:
                break
            time.sleep(0.02)
        took_s = time.perf_counter() - queued
    assert state["run"]["passed_count"] == TESTS, state["run"]
    return (queued - started) * 1000, TESTS / took_s


def run_newman(target: str) -> float:
    """Run the same requests and assertions by newman; returns tests a second of its own clock."""
    script = [
        "pm.test('status', () => pm.response.to.have.status(200));",
        "pm.test('type', () => pm.expect(pm.response.headers.get('content-type')).match(/json/));",
        "pm.test('id', () => pm.expect(pm.response.json()).to.have.property('id'));",
    ]
    collection = {
        "info": {
            "name": "bench",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": [
            {
                "name": f"item {number}",
                "request": {"method": "GET", "url": f"{target}/item/{number}"},
                "event": [{"listen": "test", "script": {"exec": script}}],
            }
            for number in range(1, TESTS + 1)
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        given, told = Path(folder) / "collection.json", Path(folder) / "report.json"
        given.write_text(json.dumps(collection))
        subprocess.run(
            [
                ROOT / "node_modules/.bin/newman",
                *("run", given, "--reporters", "json", "--reporter-json-export", told),
            ],
            check=True,
            capture_output=True,
        )
        run = json.loads(told.read_text())["run"]
    assert run["stats"]["assertions"] == {"total": 3 * TESTS, "pending": 0, "failed": 0}
    return TESTS * 1000 / (run["timings"]["completed"] - run["timings"]["started"])
