"""The platform before the first migration: roles, auth, vault, cron, extensions."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from conftest import PLATFORM_TEMPLATE, Database, fresh_database
from support_wait import HANG_S

from worker.embedded import bootstrap
from worker.embedded.postgres import Cluster


@pytest.fixture
def platform(platform_server: Cluster) -> Iterator[Database]:
    """Yield a fresh database with the platform only, without our migrations."""
    yield from fresh_database(platform_server, PLATFORM_TEMPLATE)


@pytest.fixture(scope="module")
def unchanged_platform(platform_server: Cluster) -> Iterator[Database]:
    """Yield one such database for all tests that change nothing."""
    yield from fresh_database(platform_server, PLATFORM_TEMPLATE)


def test_bootstrap_of_another_database_of_the_cluster(platform_server: Cluster) -> None:
    """An empty database can be prepared where the roles exist already."""
    for database in fresh_database(platform_server, "template1"):
        bootstrap.apply(database.dsn())

        with database.connect("postgres") as connection:
            row = connection.execute("select auth.role(), count(*) from cron.job").fetchone()
    assert row == (None, 0)


def test_only_the_admin_is_superuser(unchanged_platform: Database) -> None:
    """Postgres has its unchanged_platform attributes and none above them."""
    with unchanged_platform.connect() as connection:
        superusers = connection.execute(
            "select rolname from pg_roles where rolsuper order by rolname"
        ).fetchall()
        postgres = connection.execute(
            "select rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin "
            "from pg_roles where rolname = 'postgres'"
        ).fetchone()

    assert superusers == [("supabase_admin",)]
    assert postgres == (True, True, True, True, True)


@pytest.mark.parametrize(
    "statement",
    [
        "create table auth.mine ()",
        "create function realtime.mine() returns int language sql as 'select 1'",
        "insert into cron.job (schedule, command) values ('* * * * *', 'select 1')",
        "insert into vault.secrets (secret) values ('plain')",
        "select vault._derive_key('mac', 0, 'pgsodium')",
        "select pg_read_file('vault.key')",
        "copy (select 1) to program 'true'",
        "select cron.schedule_in_database('a', '* * * * *', 'select 1', 'postgres', 'anon')",
        "alter role supabase_admin password 'mine'",
    ],
)
def test_postgres_may_not(unchanged_platform: Database, statement: str) -> None:
    """What the unchanged_platform refuses to ``postgres`` is refused here."""
    with (
        unchanged_platform.connect("postgres") as connection,
        pytest.raises(
            (psycopg.errors.InsufficientPrivilege, psycopg.errors.WithCheckOptionViolation)
        ),
    ):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create extension if not exists pg_cron",
        "create extension if not exists pg_cron with schema pg_catalog",
        "create extension if not exists supabase_vault with schema vault",
        'create extension if not exists "uuid-ossp" with schema extensions',
        "create extension if not exists pgcrypto with schema extensions",
        "create extension if not exists pg_trgm with schema extensions",
        "create policy mine on realtime.messages for select to authenticated using (true)",
        "create policy mine on storage.objects for select to authenticated using (true)",
        "create table public.mine (owner uuid references auth.users on delete cascade)",
        "alter role authenticated set statement_timeout = '8s'",
        "alter role authenticator reset pgrst.db_max_rows",
        "set session_replication_role = replica",
        "create schema private; create role mine; drop role mine",
        "alter publication supabase_realtime set (publish = 'insert, update, delete, truncate')",
        "alter default privileges for role postgres revoke execute on functions from public",
    ],
)
def test_postgres_may(platform: Database, statement: str) -> None:
    """What migrations do on the platform works here."""
    with platform.connect("postgres") as connection:
        connection.execute(statement)


def test_new_tables_are_not_exposed(platform: Database) -> None:
    """The stricter of the platform's two states: API roles cannot read or write a new table."""
    with platform.connect("postgres") as connection:
        connection.execute("create table public.mine (id int)")
        rights = connection.execute(
            "select role, right_name from unnest(array['anon', 'authenticated', 'service_role']) "
            "as role, unnest(array['select', 'insert', 'update', 'delete']) as right_name "
            "where has_table_privilege(role, 'public.mine', right_name)"
        ).fetchall()

    assert rights == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (None, None, None, None)),
        ({"request.jwt.claims": ""}, (None, None, None, None)),
        (
            {"request.jwt.claims": '{"sub": "00000000-0000-0000-0000-000000000001", "role": "x"}'},
            ("00000000-0000-0000-0000-000000000001", "x", None, "x"),
        ),
        (
            {"request.jwt.claim.email": "a@b.c", "request.jwt.claims": '{"email": "no"}'},
            (None, None, "a@b.c", None),
        ),
    ],
)
def test_auth_functions(
    unchanged_platform: Database, settings: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    """The caller's identity comes from the request's settings, the old ones first."""
    with unchanged_platform.connect("postgres") as connection:
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        row = connection.execute(
            "select auth.uid()::text, auth.role(), auth.email(), auth.jwt() ->> 'role'"
        ).fetchone()

    assert row == expected


def test_vault_round_trip(platform: Database) -> None:
    """A secret is stored encrypted, changes when told to, and opens for the privileged only."""
    with platform.connect("postgres") as connection:
        created = connection.execute("select vault.create_secret('hush', 'name', 'why')").fetchone()
        assert created
        stored = connection.execute(
            "select secret, decrypted_secret, name, description from vault.decrypted_secrets"
        ).fetchone()
        connection.execute("select vault.update_secret(%s, '', new_name := 'other')", created)
        changed = connection.execute(
            "select decrypted_secret, name, description from vault.decrypted_secrets"
        ).fetchone()
        connection.execute("set role service_role")
        opened = connection.execute("select count(*) from vault.decrypted_secrets").fetchone()
        connection.execute("set role authenticated")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from vault.decrypted_secrets")

    assert stored is not None
    assert stored[1:] == ("hush", "name", "why")
    assert "hush" not in stored[0]
    assert changed == ("", "other", "why")
    assert opened == (1,)


def test_dump_holds_neither_secret_nor_key(platform: Database) -> None:
    """Whoever gets hold of a dump cannot open the secrets in it."""
    with platform.connect() as connection:
        connection.execute("select vault.create_secret('hush-hush')")
        row = connection.execute("select pg_read_file('vault.key')").fetchone()

    dump = subprocess.run(
        [platform.cluster.programs / "pg_dump", platform.dsn()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert row is not None
    assert "COPY vault.secrets" in dump
    assert "hush-hush" not in dump
    assert row[0].strip() not in dump


def test_tampered_secret_does_not_open(platform: Database) -> None:
    """A ciphertext moved to another row is refused, not misread."""
    with platform.connect() as connection:
        connection.execute(
            "select vault.create_secret('one', 'a'), vault.create_secret('two', 'b')"
        )
        connection.execute(
            "update vault.secrets set secret = (select secret from vault.secrets where name = 'a')"
        )

        with pytest.raises(psycopg.errors.DataException, match="invalid ciphertext"):
            connection.execute("select * from vault.decrypted_secrets where name = 'b'")


def test_cron_functions(platform: Database) -> None:
    """Scheduling under a known name replaces the job and keeps its id; unscheduling needs one."""
    with platform.connect("postgres") as connection:
        first = connection.execute("select cron.schedule('a', '* * * * *', 'select 1')").fetchone()
        second = connection.execute("select cron.schedule('a', '5 seconds', 'select 2')").fetchone()
        connection.execute("select cron.alter_job(%s, active := false)", first)
        job = connection.execute(
            "select schedule, command, username, active, jobname from cron.job"
        ).fetchall()
        connection.execute("select cron.unschedule('a')")
        with pytest.raises(psycopg.Error, match="could not find valid entry"):
            connection.execute("select cron.unschedule('a')")

    assert first == second
    assert job == [("5 seconds", "select 2", "postgres", False, "a")]


@pytest.mark.parametrize(
    ("schedule", "moment", "is_due"),
    [
        ("* * * * *", datetime(2026, 11, 22, 15, 4, tzinfo=UTC), True),
        ("*/5 * * * *", datetime(2026, 11, 22, 15, 5, tzinfo=UTC), True),
        ("*/5 * * * *", datetime(2026, 11, 22, 15, 4, tzinfo=UTC), False),
        ("0 3 * * *", datetime(2026, 11, 22, 3, 0, tzinfo=UTC), True),
        ("0-10/5,30 3 * * *", datetime(2026, 11, 22, 3, 30, tzinfo=UTC), True),
        ("0 0 * nov sun", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), True),
        ("0 0 * * 7", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), True),
        ("0 0 1 * 0", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), True),
        ("0 0 1 * *", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), False),
        ("0 0 $ * *", datetime(2026, 11, 30, 0, 0, tzinfo=UTC), True),
        ("0 0 $ * *", datetime(2026, 11, 29, 0, 0, tzinfo=UTC), False),
        ("60 * * * *", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), None),
        ("5/2 * * * *", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), None),
        ("*/0 * * * *", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), None),
        ("* * * *", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), None),
        ("nonsense", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), None),
    ],
)
def test_cron_schedules(
    unchanged_platform: Database, schedule: str, moment: datetime, *, is_due: bool | None
) -> None:
    """Five fields mean what cron has always meant; what cannot be read is null."""
    with unchanged_platform.connect() as connection:
        row = connection.execute("select cron._is_due(%s, %s)", (schedule, moment)).fetchone()

    assert row == (is_due,)


@pytest.mark.parametrize("schedule", ["61 * * * *", "60 seconds", "0 seconds", "@daily"])
def test_cron_refuses_bad_schedules(unchanged_platform: Database, schedule: str) -> None:
    """A schedule that could never run is refused when it is given."""
    with (
        unchanged_platform.connect("postgres") as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid schedule"),
    ):
        connection.execute("select cron.schedule(%s, 'select 1')", (schedule,))


def test_uuid_functions(unchanged_platform: Database) -> None:
    """Ids by name are the standard's, whoever provides the functions."""
    with unchanged_platform.connect("postgres") as connection:
        row = connection.execute(
            "select uuid_generate_v5(uuid_ns_dns(), 'python.org')::text, "
            "uuid_generate_v3(uuid_ns_dns(), 'python.org')::text, "
            "substr(uuid_generate_v1()::text, 15, 1), substr(uuid_generate_v4()::text, 15, 1)"
        ).fetchone()

    assert row == (
        "886313e1-3b8a-5372-9b90-0c9aee199e5d",
        "6fa459ea-ee8a-3ca4-894e-db77e160355e",
        "1",
        "4",
    )


def test_schema_changes_are_announced(platform: Database) -> None:
    """PostgREST hears of a new table when it is committed."""
    with platform.connect() as listener, platform.connect("postgres") as connection:
        listener.execute("listen pgrst")
        connection.execute("create table public.mine (id int)")

        heard = [notice.payload for notice in listener.notifies(timeout=HANG_S, stop_after=1)]

    assert heard == ["reload schema"]


def test_bootstrap_names_the_file_that_failed(unchanged_platform: Database) -> None:
    """A second bootstrap of one database fails as a whole and says where."""
    with pytest.raises(psycopg.Error) as caught:
        bootstrap.apply(unchanged_platform.dsn())

    assert "20_schemas.sql" in "".join(caught.value.__notes__)
    assert Path(bootstrap.__file__).with_name("20_schemas.sql").exists()
