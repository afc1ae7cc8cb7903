"""Filters of the REST interface that run a client's own pattern in the database."""

import concurrent.futures
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import supabase
from postgrest import APIError

from worker.embedded.stack import Connection

# Back-references make PostgreSQL's engine try every way to cut the text in three: of an odd number
# of letters none fits.
CATASTROPHE = r"^(.*)(.*)(.*)\3\2\1$"
TEXT = "a" * 999


@pytest.fixture
def tenant(stack: Connection, client_for: Callable[[str], supabase.Client]) -> supabase.Client:
    """Return a client signed in as the owner of a suite whose description takes long to match."""
    email = f"{uuid.uuid4()}@example.test"
    account = {"email": email, "password": "battery staple"}
    client_for(stack.secret_key).auth.admin.create_user({**account, "email_confirm": True})
    client = client_for(stack.publishable_key)
    client.auth.sign_in_with_password(account)
    organization = client.rpc("create_organization", {"name": "Patterns"}).execute().data
    project = (
        client.table("projects")
        .insert({"organization_id": organization["id"], "name": "Patterns"})
        .execute()
        .data[0]
    )
    client.table("test_suites").insert(
        {"project_id": project["id"], "name": "Long", "description": TEXT}
    ).execute()
    return client


def ask(client: supabase.Client, operator: str, pattern: str) -> list[dict[str, Any]] | str:
    """Return the suites that match, or the code of the refusal."""
    asked = client.table("test_suites").select("name").filter("description", operator, pattern)
    try:
        return asked.execute().data
    except APIError as error:
        return error.code


def test_a_catastrophic_pattern_is_broken_off(tenant: supabase.Client) -> None:
    """It ends at the platform's statement timeout, and others are answered meanwhile."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, tenant, "imatch", CATASTROPHE)
        quick = ask(tenant, "like", "aaa*")
        was_running = not slow.done()

        assert slow.result() == "57014"
    assert (quick, was_running) == ([{"name": "Long"}], True)


@pytest.mark.parametrize("pattern", ["(", "((((a{1,250}){1,250}){1,250}){1,250})"])
def test_a_pattern_that_does_not_compile_is_refused(tenant: supabase.Client, pattern: str) -> None:
    """One that is broken, or would take too much memory, is the client's fault."""
    assert ask(tenant, "match", pattern) == "2201B"


def test_the_platform_bounds_every_statement(stack: Connection) -> None:
    """What the migrations rely on: the roles of clients have timeouts."""
    with psycopg.connect(stack.db_url) as connection:
        settings = dict(
            connection.execute(
                "select rolname, rolconfig from pg_roles where rolname = any(%s)",
                (["anon", "authenticated", "authenticator"],),
            ).fetchall()
        )

    assert "statement_timeout=3s" in settings["anon"]
    assert "statement_timeout=8s" in settings["authenticated"]
    assert {"statement_timeout=8s", "lock_timeout=8s"} <= set(settings["authenticator"])
