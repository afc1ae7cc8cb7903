"""What every benchmark stands on: a stack, a target, a worker, a project with many tests."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.types.json import Jsonb

from worker.embedded import ports, stack
from worker.embedded.stack import Connection

ROOT = Path(__file__).resolve().parents[1]
ASSERTIONS = [
    {"source": "status", "operator": "equals", "expected": 200},
    {"source": "header", "name": "content-type", "operator": "contains", "expected": "json"},
    {"source": "body", "path": "$.id", "operator": "exists"},
]


@contextlib.contextmanager
def running_stack(*, is_throwaway: bool = False) -> Iterator[Connection]:
    """Run the embedded Supabase with our migrations, durable as it is unless *is_throwaway*."""
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    try:
        connection = stack.up(folder, port=0, is_throwaway=is_throwaway)
        subprocess.run(
            [
                ROOT / "node_modules/.bin/supabase",
                *("db", "push", f"--remote={connection.db_url}", "--yes"),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        yield connection
    finally:
        stack.down(folder)
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* in the checkout until the block ends."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


@contextlib.contextmanager
def running_target() -> Iterator[str]:
    """Run the API under test; yields its URL."""
    (port,) = ports.pick_free(1)
    command = [sys.executable, "-m", "uvicorn", "bench.target:app", "--port", str(port)]
    with running([*command, "--log-level", "warning", "--no-access-log"]):
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=7)) as client:
            client.get(url)
        yield url


@contextlib.contextmanager
def running_worker(connection: Connection, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one worker; yields once it has registered and settled down to wait."""
    with (
        psycopg.connect(connection.db_url, autocommit=True) as database,
        running(
            [sys.executable, "-m", "worker", "worker"],
            ASSAY_SUPABASE_URL=connection.url,
            ASSAY_SUPABASE_KEY=connection.secret_key,
            ASSAY_EGRESS_ALLOW="127.0.0.1/32",
            **settings,
        ) as child,
    ):
        count = "select count(*) from public.workers"
        before = database.execute(count).fetchone()
        while database.execute(count).fetchone() == before:
            time.sleep(0.05)
        time.sleep(2)
        yield child


def make_project(
    database: psycopg.Connection[Any], base_url: str, test_count: int, dependency_count: int = 0
) -> str:
    """Write a project of *test_count* tests; returns its environment's id.

    Its tests are independent but for *dependency_count* explicit dependencies, half of them strict,
    each on one of the 150 tests before. Its organization has no limits.
    """
    organization, project, environment, suite = (str(uuid.uuid4()) for _ in range(4))
    database.execute(
        "insert into public.organizations (id, name) values (%s, 'bench')", [organization]
    )
    # as an operator raises them
    database.execute(
        "update public.organization_limits set max_tests_per_run = 1000000, max_tests = 1000000, "
        "max_stored_bytes = 1000000000000 where organization_id = %s",
        [organization],
    )
    database.execute(
        "insert into public.projects (id, organization_id, name) values (%s, %s, 'bench')",
        [project, organization],
    )
    database.execute(
        "insert into public.environments (id, project_id, name, base_url, max_parallel) "
        "values (%s, %s, 'bench', %s, 1000)",
        [environment, project, base_url],
    )
    database.execute(
        "insert into public.test_suites (id, project_id, name) values (%s, %s, 'bench')",
        [suite, project],
    )
    database.execute(
        """
        with cases as (
            insert into public.test_cases (project_id, suite_id, name, position)
            select %(project)s, %(suite)s, 'item ' || number, number
            from generate_series(1, %(count)s) as numbers (number)
            returning id, project_id, position
        ),
        requests as (
            insert into public.test_request_configs (test_case_id, project_id, path)
            select id, project_id, '/item/' || position from cases
        )
        insert into public.test_response_specs (test_case_id, project_id, assertions)
        select id, project_id, %(assertions)s from cases
        """,
        {
            "project": project,
            "suite": suite,
            "count": test_count,
            "assertions": Jsonb(ASSERTIONS),
        },
    )
    database.execute("analyze public.test_cases")
    database.execute(
        """
        insert into public.test_dependencies (test_case_id, depends_on_id, kind, project_id)
        select
            consumers.id,
            upstreams.id,
            case when drawn.number %% 2 = 0 then 'data' else 'order' end,
            consumers.project_id
        from (
            -- drawn by hash, the same in every run; more than wanted, since some come twice
            select
                2 + (hashint4(numbers.number)::bigint + 2147483648) %% (%(tests)s - 1) as consumer,
                1 + (hashint4(-numbers.number)::bigint + 2147483648) %% 150 as back,
                min(numbers.number) as number
            from generate_series(1, %(dependencies)s * 2) as numbers (number)
            group by 1, 2
        ) as drawn
        inner join public.test_cases as consumers
            on consumers.project_id = %(project)s and consumers.position = drawn.consumer
        inner join public.test_cases as upstreams
            on
                upstreams.project_id = %(project)s
                and upstreams.position = drawn.consumer - drawn.back
        order by drawn.number
        limit %(dependencies)s
        """,
        {"project": project, "tests": test_count, "dependencies": dependency_count},
    )
    database.execute("analyze")
    return environment
