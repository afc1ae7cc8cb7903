"""What there is to attack, from the catalog: tables, functions, and arguments for the latter."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg

NAMES = (
    "array(select attname from unnest({}) as n join pg_attribute on attrelid = {} and attnum = n)"
)


@dataclasses.dataclass(frozen=True)
class Reference:
    """A foreign key to another table of the interface."""

    name: str
    table: str
    columns: list[str]
    their_table: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table or view of the interface."""

    name: str
    columns: dict[str, str]
    """Types by name."""
    key: list[str]
    unique: list[list[str]]
    selectable: set[str]
    insertable: set[str]
    updatable: set[str]
    """Columns for which somebody signed in has the right."""


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of the interface; *arguments* are types by name, in order."""

    name: str
    arguments: dict[str, str]
    is_read_only: bool
    is_for_people: bool
    returns_rows_of: str | None


def tables(database: psycopg.Connection) -> list[Table]:
    """Return every table, partitioned table and view in ``public``."""
    rows = database.execute(
        """
        select
            relations.relname,
            jsonb_object_agg(columns.attname, format_type(columns.atttypid, null)),
            array_agg(columns.attname) filter (
                where has_column_privilege('authenticated', relations.oid, columns.attnum, 'select')
            ),
            array_agg(columns.attname) filter (
                where has_column_privilege('authenticated', relations.oid, columns.attnum, 'insert')
            ),
            array_agg(columns.attname) filter (
                where has_column_privilege('authenticated', relations.oid, columns.attnum, 'update')
            )
        from pg_class as relations
        inner join pg_attribute as columns
            on columns.attrelid = relations.oid and columns.attnum > 0 and not columns.attisdropped
        where
            relations.relnamespace = 'public'::regnamespace
            and relations.relkind in ('r', 'p', 'v', 'm', 'f')
        group by relations.oid
        order by relations.relname
        """
    ).fetchall()
    keys = database.execute(
        # of constants of our own
        f"""
        select relations.relname, constraints.contype, {NAMES.format("conkey", "conrelid")}
        from pg_constraint as constraints
        inner join pg_class as relations on relations.oid = constraints.conrelid
        where
            relations.relnamespace = 'public'::regnamespace and constraints.contype in ('p', 'u')
        """  # noqa: S608
    ).fetchall()
    return [
        Table(
            name,
            columns,
            next((key for table, kind, key in keys if table == name and kind == "p"), []),
            [key for table, _, key in keys if table == name],
            set(selectable or ()),
            set(insertable or ()),
            set(updatable or ()),
        )
        for name, columns, selectable, insertable, updatable in rows
    ]


def references(database: psycopg.Connection) -> list[Reference]:
    """Return every foreign key between tables in ``public``."""
    rows = database.execute(
        f"""
        select constraints.conname, relations.relname, {NAMES.format("conkey", "conrelid")},
            others.relname
        from pg_constraint as constraints
        inner join pg_class as relations on relations.oid = constraints.conrelid
        inner join pg_class as others on others.oid = constraints.confrelid
        where
            constraints.contype = 'f'
            and relations.relnamespace = 'public'::regnamespace
            and others.relnamespace = 'public'::regnamespace
        order by constraints.conname
        """  # noqa: S608
    ).fetchall()
    return [Reference(*row) for row in rows]


def functions(database: psycopg.Connection) -> list[Function]:
    """Return every function in ``public``."""
    rows = database.execute(
        """
        select
            procedures.proname,
            coalesce(procedures.proargnames[:procedures.pronargs], '{}'),
            array(
                select format_type(types.id, null)
                from unnest(procedures.proargtypes::oid[]) with ordinality as types (id, place)
                order by types.place
            ),
            procedures.provolatile <> 'v',
            has_function_privilege('authenticated', procedures.oid, 'execute'),
            (
                select relations.relname
                from pg_type as types
                inner join pg_class as relations on relations.oid = types.typrelid
                where types.oid = procedures.prorettype and relations.relkind in ('r', 'p')
            )
        from pg_proc as procedures
        where procedures.pronamespace = 'public'::regnamespace
        order by procedures.proname
        """
    ).fetchall()
    return [
        Function(
            name,
            dict(zip(names, types, strict=True)),
            is_read_only,
            is_for_people,
            returns,
        )
        for name, names, types, is_read_only, is_for_people, returns in rows
    ]


Ids = Mapping[str, Any]


def lease(ids: Ids) -> dict[str, Any]:
    """Return what names a lease."""
    return {"item": ids["item"], "attempt": 1, "lease": ids["lease"]}


IDENTIFIED = {
    "environment_id": "environment",
    "run_id": "run",
    "project_id": "project",
    "test_id": "test",
    "result_id": "result",
    "failure_id": "failure",
    "organization_id": "organization",
    "user_id": "member",
    "worker_id": "worker",
    "call_id": "call",
    "channel_id": "channel",
    "invitation_id": "invitation",
    # it is for an address that no attacker has
    "token": "invitation_token",
}
"""Which of the ids an argument of this name takes."""

ARGUMENTS: dict[str, Callable[[Ids], Any]] = {
    **{name: lambda ids, key=key: ids[key] for name, key in IDENTIFIED.items()},
    "release_test.test_id": lambda ids: ids["second_test"],
    "get_run_report.after": lambda ids: ids["result"],
    "get_test_readiness.after": lambda ids: ids["result"],
    "analyse_failures.after": lambda ids: ids["failure"],
    "list_failures.after": lambda ids: ids["failure"],
    "get_run_comparison.after": lambda _: 0,
    "before": lambda _: None,
    "list_workers.after": lambda ids: ids["worker"],
    "aggregate_test_metrics.since": lambda _: "2026-01-01",
    "aggregate_test_metrics.after": lambda _: None,
    "analyse_failures.until": lambda _: None,
    "bucket": lambda _: "range",
    "suite_id": lambda ids: ids["suite"],
    "tag": lambda _: None,
    "by_test": lambda _: True,
    "with_phases": lambda _: True,
    "get_test_run_context.after": lambda _: 0,
    "create_organization.name": lambda _: "Hostile Ltd",
    "register_worker.name": lambda _: "hostile",
    "name": lambda ids: ids["secret_name"],
    "value": lambda _: "long enough to be one",
    "allowed_hosts": lambda _: ["hostile.example"],
    "version": lambda _: "1",
    "capacity": lambda _: 1,
    "labels": lambda _: [],
    "role": lambda _: "owner",
    "reason": lambda _: "hostile",
    "owner_id": lambda ids: ids["member"],
    "expires_at": lambda _: "tomorrow",
    "window_days": lambda _: 90,
    "verdicts": lambda _: ["new", "healthy", "flaky", "broken", "stale"],
    "max_tests": lambda _: 1000,
    "transfer_ownership.user_id": lambda ids: ids["viewer"],
    "revoke_runner.user_id": lambda ids: ids["runner"],
    "email": lambda _: "hostile@example.org",
    "expires_in": lambda _: "1 day",
    "free_slots": lambda _: 100,
    "prefetch": lambda _: 100,
    "since": lambda _: 0,
    "analyse_failures.since": lambda _: None,
    "until": lambda _: None,
    "status": lambda _: "known",
    "note": lambda _: "hostile",
    "timeout_ms": lambda _: 60_000,
    "max_parallel": lambda _: 2,
    "commit_sha": lambda _: "0123abc",
    "api_version": lambda _: "2.1",
    "trigger_kind": lambda _: "ci",
    "detect_performance_regressions.since": lambda _: "2000-01-01",
    "detect_performance_regressions.after": lambda _: 10**9,
    "page_size": lambda _: 1000,
    "idempotency_key": lambda ids: ids["key"],
    "selection": lambda ids: {
        "suites": [ids["suite"]],
        "tests": [ids["test"]],
        "failures_of": ids["run"],
    },
    "variables": lambda _: {"word": "x"},
    "values": lambda _: {"word": "x"},
    "tokens": lambda _: {"pass": "long enough"},
    "items": lambda ids: [lease(ids)],
    "reports": lambda ids: [{**lease(ids), "observed": [], "error": None, "response": None}],
    "requests": lambda ids: [
        {"environment_id": ids["environment"], "selection": {"suites": [ids["suite"]]}}
    ],
    "tier": lambda _: "runs",
    "kept_days": lambda _: 30,
    "must_archive": lambda _: True,
    "dry_run": lambda _: False,
    "retention_class": lambda _: "failed",
    "month": lambda _: f"{datetime.now(UTC):%Y-%m}-01",
    "source": lambda _: "test_result_details",
    "read_archive_page.after": lambda _: None,
    "max_bytes": lambda _: 1_000_000,
    "part": lambda _: {"table": "test_result_details", "number": 1},
    "number": lambda _: 1,
    "manifest": lambda _: {"parts": []},
    "save_test.document": lambda ids: {
        "id": ids["test"],
        "depends_on": [{"test": ids["second_test"], "kind": "order"}],
    },
    "save_notification_channel.document": lambda ids: {
        "id": ids["channel"],
        "url": "https://hostile.example/",
    },
    "list_deliveries.before": lambda _: 2**40,
    "save_suite.document": lambda ids: {"id": ids["suite"], "project": ids["project"]},
}
"""How to make an argument of this name, or that of this function, from the ids of somebody."""


def make_arguments(function: Function, ids: Ids) -> dict[str, Any]:
    """Return arguments for *function*, all of them about what *ids* name."""
    made = {}
    for name in function.arguments:
        make = ARGUMENTS.get(f"{function.name}.{name}") or ARGUMENTS.get(name)
        assert make, f"{function.name}: say in ARGUMENTS how to make {name}, and attack it"
        made[name] = make(ids)
    return made
