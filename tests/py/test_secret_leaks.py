"""Secrets planted in every form, place and edge of answers are nowhere readable afterwards.

A real worker at debug level, the whole stack, an API that echoes: then a dump of the database, what
the interface answers, and the logs of the worker and of PostgreSQL are searched.
"""

import base64
import dataclasses
import json
import secrets
import string
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import supabase
from supabase import Client, PostgrestAPIError
from support_echo_target import FORMS, FOUND_BYTES, STORED_BYTES
from support_project import STATUS_OK, Project, running_target, running_worker
from support_wait import HANG_S

from worker.embedded import programs
from worker.embedded.stack import Connection

GRAM = 8
"""Characters of a secret that are too many to be read anywhere."""
FALSE = {"operator": "equals", "expected": "something else"}
LOOKS = (
    STATUS_OK,
    {"source": "text", **FALSE},
    {"source": "body", "path": "$.plain", **FALSE},
    {"source": "body", "path": "$.deep", **FALSE},
    {"source": "body", "path": "$..odd", **FALSE},
    {"source": "header", "name": "X-0", **FALSE},
    {"source": "header", "name": "Set-Cookie", **FALSE},
    {"source": "text", "operator": "contains", "expected": "{{plain}}?"},
    {"source": "text", "operator": "not_contains", "expected": "{{odd}}"},
    {"source": "body", "path": "$.plain", "operator": "less_than", "expected": "{{plain}}"},
    {"source": "body", "path": "$.plain", "operator": "one_of", "expected": ["{{odd}}"]},
    {"source": "text", "operator": "matches", "expected": "^no such thing$"},
)
PLACES = [
    *["headers", "header-name", "away", "binary", "garbage", "bad-header", "bad-status"],
    *["bad-location", "half", "bad-gzip", "bad-charset", "nowhere"],
]
SCHEMA = {
    "properties": {"plain": {"type": "integer"}, "odd": {"enum": ["x"]}, "hex": {"maxLength": 1}},
    "additionalProperties": False,
}


def word(length: int) -> str:
    """Return letters and digits nobody else has."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


@dataclasses.dataclass(frozen=True)
class World:
    """What is there when the run is over."""

    stack: Connection
    project: Project
    values: Mapping[str, str]
    results: Mapping[str, Mapping[str, Any]]
    run: str
    worker_log: Path
    server_log: Path

    def stored(self, test: str) -> dict[str, Any]:
        """Return the evidence of the only attempt at *test*."""
        rows = self.project.client.table("test_result_details").select("*")
        return rows.eq("result_id", self.results[test]["result"]).single().execute().data


@pytest.fixture(scope="module")
def world(stack: Connection, open_folder: Path, module_client: Client) -> Iterator[World]:
    """Plant them, make every test of this module's run, and yield what came of it."""
    start = word(12)
    values = {
        "plain": f"tok-{word(24)}",
        "odd": f'{word(10)} "{word(9)}"/<{word(9)}>&\\{word(9)}+{word(8)}%é€=',
        "hex": secrets.token_hex(16),
        "short": start,
        "longer": start + word(12),
    }
    log = open_folder / "leaks.log"
    server_log = open_folder / "stack" / "log" / "postgres.log"
    with (
        running_target("support_echo_target.py") as target,
        running_worker(stack, log, ASSAY_LOG_LEVEL="DEBUG"),
    ):
        project = Project.create(module_client, target)
        for name, value in values.items():
            given = {"environment_id": project.environment_id, "name": name, "value": value}
            module_client.rpc("set_secret", given).execute()
        for name, changes in cases(values).items():
            add_test(project, name, **changes)
        run = project.queue()
        yield World(stack, project, values, project.wait(run), run, log, server_log)


@pytest.fixture(scope="module")
def module_client(stack: Connection) -> Iterator[Client]:
    """Yield a client with the secret key."""
    with httpx.Client(timeout=HANG_S) as transport:
        options = supabase.ClientOptions(httpx_client=transport)
        yield supabase.create_client(stack.url, stack.secret_key, options)


def cases(values: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return what each test of the run asks and looks at, by its name."""
    length = len(values["plain"])
    captures = [
        {"name": "copy", "source": "body", "path": "$.plain"},
        {"name": "tree", "source": "body", "path": "$.deep"},
        {"name": "piece", "source": "text", "pattern": '"plain": "(tok-....)', "required": False},
    ]
    return {
        **{f"form {name}": {"path": f"/form/{name}"} for name in FORMS},
        **{f"error {name}": {"path": f"/error/{name}"} for name in FORMS},
        **{
            f"cut after {length - rest}": {
                "path": "/cut/60/0",
                "request": {"max_body_bytes": 60 + length - rest},
            }
            for rest in (1, length // 2, length - GRAM, length - 5)
        },
        "cut where the database cuts": {"path": f"/cut/{65536 - 12}/0"},
        "cut where the worker cuts": {"path": f"/cut/{STORED_BYTES - 12}/1"},
        "cut where values are cut": {
            "path": f"/cut/{FOUND_BYTES - 14}/0",
            "captures": [{"name": "long", "source": "text"}],
        },
        "document": {"path": "/document", "json_schema": SCHEMA},
        "gives": {"path": "/document", "captures": captures, "assertions": (STATUS_OK,)},
        "copies": {"path": "/form/raw", "body": {"plain": "{{copy}}", "tree": "{{tree}}"}},
        "one-time": {
            "path": "/otp",
            "captures": [{"name": "otp", "source": "body", "path": "$.otp", "kind": "token"}],
        },
        "in everything": {
            "path": "/form/{{plain}}/{{odd}}?k={{odd}}&b={{odd | base64}}&j={{odd | json}}",
            "request": {
                "headers": [["X-Plain", "a {{plain}}"], ["X-{{plain}}", "1"]],
                "auth": {"kind": "basic", "username": "u", "password": "{{odd}}"},
            },
        },
        "elsewhere": {"path": "http://127.0.0.1:1/{{plain}}"},
        "as a host": {"path": "http://{{plain}}.example.test/"},
        **{path: {"path": f"/{path}"} for path in PLACES},
    }


def add_test(
    project: Project,
    name: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    assertions: Sequence[dict[str, Any]] = LOOKS,
    **changes: Any,
) -> None:
    """Add a test that sends all secrets, and looks at everything that comes back."""
    sent = body or {name: f"{{{{{name}}}}}" for name in ("plain", "odd", "hex", "short", "longer")}
    project.add_test(
        name,
        path,
        method="POST",
        body={"kind": "json", "value": sent},
        assertions=assertions,
        **changes,
    )


# What is looked for


def grams(text: str, length: int = GRAM) -> set[str]:
    """Return every run of *length* characters."""
    return {text[at : at + length] for at in range(len(text) - length + 1)}


def needles(values: Mapping[str, str]) -> set[str]:
    """Return what must be nowhere: any 8 characters of a secret, and what they are in base64."""
    found: set[str] = set()
    for value in values.values():
        found |= grams(value)
        for before in (b"", b"u", b"us"):
            # what comes before decides on the first characters, what comes after on the last one
            content = base64.b64encode(before + value.encode()).decode().rstrip("=")
            core = content[-(-len(before) * 4 // 3) : -1]
            found |= grams(core, 11) | grams(core.translate(str.maketrans("+/", "-_")), 11)
    return found


def found_in(text: str, values: Mapping[str, str]) -> list[str]:
    """Return what of *values* can be read in *text*, also past escapes."""
    texts = (text, text.replace("\\\\", "\\").replace('\\"', '"'))
    return sorted(needle for needle in needles(values) if any(needle in one for one in texts))


def dump(stack: Connection) -> str:
    """Return the whole database as text, but for what Vault holds encrypted."""
    done = subprocess.run(
        [
            programs.find_postgres() / "pg_dump",
            f"--dbname={stack.admin_db_url}",
            "--exclude-table-data=vault.secrets",
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    with psycopg.connect(stack.admin_db_url) as connection:
        more = connection.execute(
            "select (select string_agg(s::text, ' ') from pg_statistic as s)"
            " || (select string_agg(s::text, ' ') from pg_stat_statements as s)"
            " || (select string_agg((to_jsonb(s) - 'secret')::text, ' ') from vault.secrets as s)"
        ).fetchone()
    assert more
    return done.stdout.decode() + more[0]


# Tests


def test_the_search_finds_what_is_there(world: World) -> None:
    """Any piece of any secret in any form, or the tests below would prove nothing."""
    for value in world.values.values():
        for name, encode in FORMS.items():
            assert found_in(f"<{encode(value)}>", world.values), name
        assert found_in(f"...{value[3:11]}...", world.values)
    assert found_in(json.dumps({"a": world.values["odd"]}), world.values)


def test_every_test_was_made(world: World) -> None:
    """And fails or ends in error for a reason of its own: nothing was left out."""
    slugs = {name: result["slug"] for name, result in world.results.items()}

    assert {
        name
        for name, result in world.results.items()
        if result["status"] not in {"failed", "error"}
    } == {"gives"}
    assert slugs["elsewhere"] == slugs["as a host"] == "secret_host_denied"
    assert {slugs[f"form {name}"] for name in FORMS} <= {"assertion_failed", "secret_in_answer"}
    assert slugs["garbage"] == slugs["half"] == "protocol_error"


def test_the_database_holds_none(world: World) -> None:
    """Not a piece of 8 characters, in a dump of all of it."""
    text = dump(world.stack)

    assert world.run in text
    assert found_in(text, world.values) == []


def test_the_interface_tells_none(world: World) -> None:
    """Whatever is asked about the run, its evidence, its context and its secrets."""
    client, project = world.project.client, world.project
    calls = {
        "get_run_report": {"run_id": world.run},
        "get_run_comparison": {"run_id": world.run},
        "get_run_state": {"run_id": world.run},
        "get_test_readiness": {"run_id": world.run},
        "get_test_run_context": {"run_id": world.run},
        "get_context_stats": {"project_id": project.project_id},
        "aggregate_test_metrics": {"project_id": project.project_id, "since": "2026-01-01"},
        "detect_performance_regressions": {"project_id": project.project_id},
        "get_environment_context": {"environment_id": project.environment_id},
        "list_secrets": {"environment_id": project.environment_id},
        "plan_run": {"environment_id": project.environment_id},
        "get_test_execution_chain": {"project_id": project.project_id},
    }
    told = {name: client.rpc(name, given).execute().data for name, given in calls.items()}
    told["get_aggregated_context"] = [
        client.rpc("get_aggregated_context", {"result_id": result["result"]}).execute().data
        for result in world.results.values()
    ]

    found = {name: found_in(json.dumps(data), world.values) for name, data in told.items()}
    assert [name for name in told if found[name]] == []


def test_the_worker_logs_none(world: World) -> None:
    """At debug level, with every kind of answer that cannot be read."""
    text = world.worker_log.read_text()

    assert '"event": "attempt"' in text
    assert found_in(text, world.values) == []


def test_what_was_stored_shows_where_they_were(world: World) -> None:
    """Every secret of an answer is replaced, and what stood around it is there."""
    bodies = {name: world.stored(f"form {name}")["response"]["body"] for name in FORMS}

    left = [name for name, body in bodies.items() if body.count("[redacted]") < len(world.values)]
    assert left == []
    assert bodies["raw"].startswith("<<[redacted]>>\n<<[redacted]>>")


def test_numbers_keep_their_digits(world: World) -> None:
    """A token of digits is taken out of no number that holds the same ones."""
    body = world.stored("one-time")["response"]["body"]

    assert body == '{"otp": "[redacted]", "ids": [98642971, 864297.5, 8642970, 1864297]}'


def test_copies_are_tokens(world: World) -> None:
    """What holds a secret is captured as one, a piece is not captured at all."""
    held = world.project.client.rpc("get_test_run_context", {"run_id": world.run}).execute().data

    kinds = {entry["name"]: entry["kind"] for entry in held["items"]}
    assert (kinds["copy"], kinds["tree"], "piece" in kinds) == ("token", "token", False)


def test_postgresql_logs_none(
    world: World, client_for: Callable[[str], Client], stack: Connection
) -> None:
    """Refused values and calls that time out leave nothing; a literal is what the docs warn of."""
    client = client_for(stack.secret_key)
    environment = world.project.environment_id
    weak, long, late = str(secrets.randbelow(10**40) + 10**40), word(10_001), word(20)
    for value in (weak, long):
        with pytest.raises(PostgrestAPIError, match="8 to 10,000"):
            set_secret(client, environment, value)
    set_secret(client, environment, word(20))
    time_out(stack, environment, late)
    literal = word(7)
    with (
        psycopg.connect(stack.db_url) as connection,
        pytest.raises(psycopg.Error),
    ):
        connection.execute(f"select public.set_secret('{environment}', 'late', '{literal}')")

    text = world.server_log.read_text(errors="replace")
    assert found_in(text, world.values) == []
    assert [
        value for value in (weak, long, late) if any(map(text.__contains__, grams(value)))
    ] == []
    assert "canceling statement due to statement timeout" in text
    assert literal in text


def set_secret(client: Client, environment: str, value: str) -> None:
    """Set the secret ``late``, as a client does."""
    given = {"environment_id": environment, "name": "late", "value": value}
    client.rpc("set_secret", given).execute()


def time_out(stack: Connection, environment: str, value: str) -> None:
    """Set it with a parameter, as PostgREST does, while somebody else holds its row."""
    with (
        psycopg.connect(stack.db_url) as holder,
        psycopg.connect(stack.db_url, autocommit=True) as blocked,
    ):
        holder.execute("select from public.environment_variables where name = 'late' for update")
        blocked.execute("set statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            blocked.execute("select public.set_secret(%s, %s, %s)", (environment, "late", value))
