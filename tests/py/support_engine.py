"""The engine without a worker: a project in a bare database, and what a worker would say."""

import dataclasses
import json
import uuid
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement, and who makes it: a signed-in person, or the owner of the database."""

    sql: str
    values: tuple[Any, ...] = ()
    person: str | None = None


class Engine:
    """One project with an environment; tests are documents of ``save_suite``."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Create them through *connection*, whose statements stand each on its own."""
        self.connection = connection
        name = str(uuid.uuid4())
        self.organization = self.value(
            "insert into public.organizations (name) values (%s) returning id", name
        )
        self.project = self.value(
            "insert into public.projects (organization_id, name) values (%s, %s) returning id",
            self.organization,
            name,
        )
        self.environment = self.value(
            "insert into public.environments (project_id, name, base_url)"
            " values (%s, 'environment', 'http://target.test') returning id",
            self.project,
        )

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row."""
        row = self.connection.execute(sql, values).fetchone()
        return row and row[0]

    def make(self, statement: Statement) -> None:
        """Make *statement* in a transaction of its own."""
        with self.connection.transaction():
            if statement.person:
                claims = {"sub": statement.person, "role": "authenticated"}
                self.connection.execute(
                    "select set_config('role', 'authenticated', true),"
                    " set_config('request.jwt.claims', %s, true)",
                    (json.dumps(claims),),
                )
            self.connection.execute(statement.sql, statement.values)

    def call(self, function: str, person: str | None = None, **arguments: Any) -> Statement:
        """Return a call of a public *function*; documents are given as they are."""
        named = ", ".join(f"{name} => %s" for name in arguments)
        return Statement(
            f"select public.{function}({named})", tuple(map(as_sql, arguments.values())), person
        )

    def person(self, role: str | None = None) -> str:
        """Return somebody new, who has *role* in the organization."""
        person = str(uuid.uuid4())
        self.connection.execute(
            "insert into auth.users (id, email, role) values (%s, %s, 'authenticated')",
            (person, f"{person}@example.test"),
        )
        if role:
            self.connection.execute(
                "insert into public.organization_members (organization_id, user_id, role)"
                " values (%s, %s, %s)",
                (self.organization, person, role),
            )
        return person

    def limit_context(self, max_bytes: int) -> None:
        """Let the values of a run hold *max_bytes* at most."""
        self.connection.execute(
            "update public.environments set context_max_bytes = %s where id = %s",
            (max_bytes, self.environment),
        )

    def limit(self, name: str, value: int) -> None:
        """Give the organization another limit."""
        self.connection.execute(
            f"update public.organization_limits set {name} = %s where organization_id = %s",  # noqa: S608
            (value, self.organization),
        )

    def contradictions(self) -> list[Any]:
        """Return where the engine's rows contradict each other: nowhere, whatever was done."""
        return self.connection.execute(
            "select * from private.check_invariants('-infinity')"
        ).fetchall()

    def is_anybody_waiting(self) -> bool:
        """Tell whether a session of the database waits for another."""
        return bool(
            self.value(
                "select exists (select from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock')"
            )
        )

    def save(self, *tests: Mapping[str, Any], **suite: Any) -> str:
        """Save *tests* in a new suite; returns its id."""
        document = {"project": str(self.project), "name": str(uuid.uuid4()), **suite}
        saved = self.value(
            "select public.save_suite(%s)", as_sql({**document, "tests": list(tests)})
        )
        return saved["id"]

    def queueing(self, *tests: Mapping[str, Any], **arguments: Any) -> Statement:
        """Save *tests* in a new suite and return the call that queues it."""
        selection = {"suites": [self.save(*tests)]} if tests else {}
        given = {"environment_id": self.environment, "selection": selection, **arguments}
        return self.call("queue_run", **given)

    def queue(self, *tests: Mapping[str, Any]) -> str:
        """Queue a run of *tests*; returns its id."""
        call = self.queueing(*tests)
        return self.value(call.sql.replace("select", "select id from", 1), *call.values)

    def claim(self, run: str) -> list[Mapping[str, Any]]:
        """Lease what there is to do; returns the items of *run*."""
        self.worker = self.value(
            "select public.register_worker(name => 'w', version => '1', capacity => 100)"
        )
        reply = self.value(
            "select public.claim_work(worker_id => %s, call_id => %s, free_slots => 100)",
            self.worker,
            uuid.uuid4(),
        )
        return [item for item in reply["work"] if item["run"] == str(run)]

    def say(self, item: Mapping[str, Any], **report: Any) -> dict[str, Any]:
        """Return a report on *item*: by default the answer was 200 and held nothing of interest."""
        response = {"status": 200, "headers": [], "body": "", "encoding": "utf-8", "body_bytes": 0}
        lookups = [
            {"id": one["id"], "found": False, "values": [], "error": None}
            for one in item["observe"]
        ]
        return {
            **{name: item[name] for name in ("item", "result", "attempt", "lease")},
            "started_at": "2026-01-01T00:00:00Z",
            "response": response,
            "timing_ms": {"total": 1},
            "observed": lookups,
            "error": None,
            **report,
        }

    def report(self, item: Mapping[str, Any], **report: Any) -> None:
        """Report on *item* as ``say`` does."""
        self.connection.execute(
            "select public.report_work(worker_id => %s, call_id => %s, reports => %s)",
            (self.worker, uuid.uuid4(), as_sql([self.say(item, **report)])),
        )

    def run(self, *tests: Mapping[str, Any], **report: Any) -> str:
        """Queue *tests*, report the same on each until nothing is left; returns the run."""
        run = self.queue(*tests)
        while items := self.claim(run):
            for item in items:
                self.report(item, **report)
        return run

    def expire(self, run: str) -> None:
        """Let the leases of *run* run out."""
        self.connection.execute(
            "update private.work_items set lease_until = now() - interval '1 minute'"
            " where run_id = %s and state = 'leased'",
            (run,),
        )
        hear_workers(self.connection)

    def reason(self, run: str, test: str) -> dict[str, Any]:
        """Return the verdict on *test* in *run*."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "select status, category, slug, message from public.test_results"
                " where run_id = %s and test_name = %s",
                (run, test),
            ).fetchone()
        assert row
        return row

    def evidence(self, run: str, outcome: str) -> dict[str, Any]:
        """Return the attempt in *run* with *outcome*, which is given as its status."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "select outcome as status, category, slug, message from public.test_result_details"
                " where run_id = %s and outcome = %s",
                (run, outcome),
            ).fetchone()
        assert row
        return row

    def row_counts(self) -> dict[str, int]:
        """Return how many rows there are in each table that is ours, and in the Vault."""
        rows = self.connection.execute(
            "select format('%I.%I', nspname, relname), (xpath('/row/n/text()', query_to_xml("
            "format('select count(*) as n from %I.%I', nspname, relname), false, true, '')"
            "))[1]::text::bigint"
            " from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind = 'r' and nspname in ('public', 'private', 'vault')"
        ).fetchall()
        return dict(rows)


def hear_workers(connection: psycopg.Connection) -> None:
    """Let it be as if workers had been heard all the time: leases that ran out are taken back."""
    connection.execute(
        "update private.worker_contact"
        " set heard_at = clock_timestamp(), looked_at = clock_timestamp(),"
        " patient_until = '-infinity' where is_only"
    )


def as_sql(value: Any) -> Any:
    """Return *value* as a parameter; what is a document becomes jsonb."""
    return psycopg.types.json.Jsonb(value) if isinstance(value, dict | list) else value
