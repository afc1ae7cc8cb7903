"""``assay archive`` with a real S3-compatible server: written, verified, dropped and read back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import obstore
import psycopg
import pytest
from support_bucket import BucketServer, running_bucket_server
from support_wait import HANG_S

from worker.embedded.stack import Connection

ROWS = 3_000
# A page is a part then: many objects for few rows.
SMALL = ("--part-bytes", "20000")
FILL = """
insert into public.test_result_details (
    retention_class, planned_on, result_id, attempt, run_id, project_id, outcome, lease, request,
    response, duration_ms
)
select
    'failed', %(month)s::date + n %% 28, md5('result ' || n)::uuid, 1, md5('run ' || n %% 50)::uuid,
    md5('project')::uuid, 'failed', md5('lease ' || n)::uuid, '{"method": "GET"}',
    jsonb_build_object('body', repeat(md5(n::text), 20), 'é', 1.50), 0.125
from generate_series(1, %(rows)s) as n;
insert into public.assertion_results (
    retention_class, planned_on, result_id, attempt, assertion_index, run_id, project_id, source,
    operator, expected, passed, message
)
select
    'failed', %(month)s::date + n %% 28, md5('result ' || n)::uuid, 1, i,
    md5('run ' || n %% 50)::uuid, md5('project')::uuid, 'status', 'equals', '200', false,
    'not equal'
from generate_series(1, %(rows)s) as n
cross join generate_series(0, 1) as i;
"""
Archive = dict[str, Any]


@pytest.fixture(scope="module")
def bucket_server(open_folder: Path) -> Iterator[BucketServer]:
    folder = open_folder / "bucket"
    folder.mkdir()
    with running_bucket_server(folder) as server:
        yield server


@pytest.fixture
def owner(stack: Connection) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def month(owner: psycopg.Connection, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield a month, another one for each test, whose failed evidence is due to be archived."""
    number = sum(map(ord, request.node.name)) % 200
    month = f"{2000 + number // 12}-{number % 12 + 1:02}-01"
    owner.execute("select private.create_evidence_partitions(%s::date)", (month,))
    fill(owner, month)
    owner.execute("select public.set_retention(null, 'failed_evidence', 180, true)")
    yield month
    owner.execute("select public.set_retention(null, 'failed_evidence', 180, false)")
    drop_due(owner)


def drop_due(owner: psycopg.Connection) -> None:
    """Do what the job does, until nothing is left to do."""
    while owner.execute("select bytes from private.drop_due_evidence()").fetchone() != (0,):
        pass


def fill(owner: psycopg.Connection, month: str) -> None:
    """Write evidence of *month*: attempts, and two assertions for each."""
    with psycopg.ClientCursor(owner) as cursor:
        cursor.execute(FILL, {"month": month, "rows": ROWS})


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "worker", "archive", *arguments]


def environment(stack: Connection, settings: Mapping[str, str]) -> dict[str, str]:
    own = {"ASSAY_SUPABASE_URL": stack.url, "ASSAY_SUPABASE_KEY": stack.secret_key}
    return {**os.environ, **own, **settings}


def archive(
    stack: Connection, settings: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run ``assay archive`` to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(stack, settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )


def known(owner: psycopg.Connection, month: str) -> tuple[Any, ...]:
    """Return status, parts and rows of the archive of *month*."""
    row = owner.execute(
        "select status, parts, archived_rows from public.list_archives()"
        " where month = %s and retention_class = 'failed'",
        (month,),
    ).fetchone()
    assert row
    return row


def rows_of(owner: psycopg.Connection, table: str, month: str) -> list[str]:
    """Return the rows of a table and month as canonical JSON."""
    rows = owner.execute(
        f"select row_to_json(t)::text from public.{table} as t"  # noqa: S608 - ours
        " where planned_on between %s::date and %s::date + 27",
        (month, month),
    )
    return canonical(line for (line,) in rows)


def canonical(lines: Any) -> list[str]:
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in lines)


def test_written_verified_dropped_and_read_back(
    stack: Connection, bucket_server: BucketServer, owner: psycopg.Connection, month: str
) -> None:
    """All rows are in the bucket before they are dropped, and come out of it as they were."""
    tables = {
        name: rows_of(owner, name, month) for name in ("test_result_details", "assertion_results")
    }
    about = ("--class", "failed", "--month", month[:7])

    dry = archive(stack, bucket_server.environment, "--dry-run")
    assert (dry.returncode, known(owner, month)[:2]) == (0, ("due", 0)), dry.stderr
    assert f"failed {month[:7]}" in dry.stdout

    done = archive(stack, bucket_server.environment)
    assert done.returncode == 0, done.stderr
    assert known(owner, month) == ("archived", 2, 3 * ROWS)
    again = archive(stack, bucket_server.environment)
    assert (again.returncode, "nothing is due" in again.stderr) == (0, True), again.stderr

    drop_due(owner)
    assert known(owner, month)[0] == "dropped"
    for table, rows in tables.items():
        read = archive(stack, bucket_server.environment, "read", *about, "--table", table)
        assert canonical(read.stdout.splitlines()) == rows, read.stderr
    assert archive(stack, bucket_server.environment, "verify", *about).returncode == 0
    one = json.loads(tables["test_result_details"][0])["result_id"]
    read = archive(stack, bucket_server.environment, "read", *about, "--result", one)
    assert [json.loads(line)["result_id"] for line in read.stdout.splitlines()] == [one] * 3

    # as docs/operations.md says, to look at them with SQL
    owner.execute("create temporary table looked_at (line jsonb)")
    read = archive(
        stack, bucket_server.environment, "read", *about, "--table", "test_result_details"
    )
    with (
        owner.cursor() as cursor,
        cursor.copy(
            r"copy looked_at from stdin with (format csv, quote e'\x01', delimiter e'\x02')"
        ) as copy,
    ):
        copy.write(read.stdout)
    loaded = owner.execute(
        "select row_to_json(r)::text from looked_at"
        " cross join jsonb_populate_record(null::public.test_result_details, line) as r"
    )
    assert canonical(line for (line,) in loaded) == tables["test_result_details"]


def test_killed_in_the_middle(
    stack: Connection,
    bucket_server: BucketServer,
    owner: psycopg.Connection,
    month: str,
) -> None:
    """Started again after SIGKILL it goes on after what was kept: each row is there once."""
    rows = rows_of(owner, "assertion_results", month)
    kill_after(stack, bucket_server, 3)
    kept = owner.execute(
        "select object, sha256 from private.archive_parts where month = %s order by object",
        (month,),
    ).fetchall()
    assert len(kept) >= 3
    assert known(owner, month)[0] == "due"

    done = archive(stack, bucket_server.environment, *SMALL)

    assert done.returncode == 0, done.stderr
    status, parts, count = known(owner, month)
    assert (status, count, parts > len(kept)) == ("archived", 3 * ROWS, True)
    assert set(kept) <= set(
        owner.execute(
            "select object, sha256 from private.archive_parts where month = %s", (month,)
        ).fetchall()
    )
    about = ("--class", "failed", "--month", month[:7], "--table", "assertion_results")
    read = archive(stack, bucket_server.environment, "read", *about)
    assert canonical(read.stdout.splitlines()) == rows


def kill_after(stack: Connection, server: BucketServer, parts: int) -> None:
    """Start to archive, and kill it when it has told of so many *parts*."""
    with subprocess.Popen(
        command(*SMALL),
        env=environment(stack, server.environment),
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stderr
            told = [child.stderr.readline() for _ in range(parts)]
        finally:
            child.kill()
    assert all(".ndjson.gz" in line for line in told), told


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_object_is_noticed(
    stack: Connection,
    bucket_server: BucketServer,
    owner: psycopg.Connection,
    month: str,
    damage: str,
) -> None:
    """Nothing is dropped; what is damaged is written anew by the next call."""
    kill_after(stack, bucket_server, 3)
    name = f"failed/{month[:7]}/test_result_details-00002.ndjson.gz"
    store = bucket_server.open()
    content = bytes(obstore.get(store, name).bytes())
    if damage == "gone":
        obstore.delete(store, name)
    else:
        half = content[: len(content) // 2]
        obstore.put(store, name, half + bytes(len(half)) if damage == "changed" else half)

    noticed = archive(stack, bucket_server.environment, *SMALL)

    assert (noticed.returncode, name in noticed.stderr) == (1, True), noticed.stderr
    drop_due(owner)
    assert known(owner, month)[0] == "due"
    healed = archive(stack, bucket_server.environment, *SMALL)
    assert healed.returncode == 0, healed.stderr
    assert known(owner, month)[::2] == ("archived", 3 * ROWS)


def test_without_a_bucket(
    stack: Connection, bucket_server: BucketServer, owner: psycopg.Connection, month: str
) -> None:
    """What is wrong is told in a line with its exit code, and nothing is archived."""
    unset = archive(stack, {})
    assert (unset.returncode, "ASSAY_ARCHIVE_URL" in unset.stderr) == (2, True), unset.stderr
    foreign = {**bucket_server.environment, "AWS_SECRET_ACCESS_KEY": "not the key"}
    refused = archive(stack, foreign)
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1), refused.stderr
    assert known(owner, month) == ("due", 0, 0)
