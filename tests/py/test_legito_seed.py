"""The seeded Legito project, as it is in the database."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from conftest import ROOT, Database

from examples.legito.routing import ROUTES

SEED = ROOT / "supabase" / "seed.sql"
CANNOT_BE_CLEANED_UP = {("POST", "/template-tag")}
FLOWS = range(1, 13)


@pytest.fixture
def seeded(database: Database) -> Iterator[psycopg.Connection]:
    """Yield a connection to a database with the seed, as its owner."""
    with database.connect("postgres") as connection:
        run_file(connection, SEED)
        yield connection


def run_file(connection: psycopg.Connection, path: Path) -> None:
    connection.execute(path.read_bytes())


def test_the_catalogue_is_what_the_stand_in_routes(seeded: psycopg.Connection) -> None:
    """All 66 operations, each with a summary; what repeats without harm is every GET but one."""
    rows = seeded.execute("select method, path, summary, is_safe from public.api_endpoints")
    catalogue = {(method, path): (summary, is_safe) for method, path, summary, is_safe in rows}

    routes = {(method, path.replace(":int}", "}")) for method, path, _, _ in ROUTES}
    assert catalogue.keys() == routes
    assert len(catalogue) == 66
    assert all(summary for summary, _ in catalogue.values())
    unsafe_reads = {
        path for (method, path), (_, is_safe) in catalogue.items() if is_safe != (method == "GET")
    }
    assert unsafe_reads == {"/document-record/anonymize/{code}"}


def test_every_operation_is_exercised_but_what_cannot_be_cleaned_up(
    seeded: psycopg.Connection,
) -> None:
    """65 of 66: there is no way to delete a template tag."""
    idle = seeded.execute(
        """
        select endpoints.method, endpoints.path
        from public.api_endpoints as endpoints
        where not exists (
            select from public.test_cases as cases
            where cases.endpoint_id = endpoints.id and cases.is_enabled
        )
        """
    )

    assert set(idle) == CANNOT_BE_CLEANED_UP


def test_tests_are_tied_to_the_operation_that_they_call(seeded: psycopg.Connection) -> None:
    """Method and path of the request fit those of the endpoint; only the sink has none."""
    rows = seeded.execute(
        """
        select cases.name, configs.method, configs.path, endpoints.method, endpoints.path
        from public.test_cases as cases
        inner join public.test_request_configs as configs on configs.test_case_id = cases.id
        left join public.api_endpoints as endpoints on endpoints.id = cases.endpoint_id
        """
    ).fetchall()

    outside = {name for name, _, path, method, _ in rows if method is None or path[0] != "/"}
    assert outside == {
        "The new document is announced",
        "An announcement names its connection and carries its header",
    }
    for name, method, path, endpoint_method, template in rows:
        if name not in outside:
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            assert (method, bool(re.fullmatch(pattern, path))) == (endpoint_method, True), name


def test_the_flows_have_a_suite_each(seeded: psycopg.Connection) -> None:
    """F1 to F12, at least 80 tests, and the phases and kinds of dependency that there are."""
    descriptions = [row[0] for row in seeded.execute("select description from public.test_suites")]
    (enabled,) = seeded.execute(
        "select count(*) from public.test_cases where is_enabled"
    ).fetchone()
    phases = {row[0] for row in seeded.execute("select distinct phase from public.test_cases")}
    kinds = {row[0] for row in seeded.execute("select distinct kind from public.test_dependencies")}

    flows = [text.split(":")[0] for text in descriptions if re.match(r"F\d+:", text)]
    assert sorted(flows) == sorted(f"F{number}" for number in FLOWS)
    assert enabled >= 80
    assert phases == {"setup", "main", "teardown"}
    assert kinds == {"order", "data", "token"}


def test_only_one_suite_needs_a_sink(seeded: psycopg.Connection) -> None:
    """Without one it is archived, and nothing else depends on it."""
    users = seeded.execute(
        """
        select distinct suites.name
        from public.test_suites as suites
        inner join public.test_cases as cases on cases.suite_id = suites.id
        inner join public.test_request_configs as configs on configs.test_case_id = cases.id
        where strpos(to_jsonb(configs)::text, 'webhook_sink') > 0
        """
    ).fetchall()
    across = seeded.execute(
        """
        select distinct suites.name
        from public.test_dependencies as links
        inner join public.test_cases as cases on cases.id = links.test_case_id
        inner join public.test_cases as upstream on upstream.id = links.depends_on_id
        inner join public.test_suites as suites on suites.id = upstream.suite_id
        where cases.suite_id <> upstream.suite_id
        """
    ).fetchall()

    assert users == [("Webhooks",)]
    assert ("Webhooks",) not in across


def test_seeding_again_brings_back_what_was_changed_and_no_more(
    seeded: psycopg.Connection,
) -> None:
    """Suites are what the file says; where the environment points is the operator's."""
    before = contents(seeded)
    seeded.execute("update public.environments set base_url = 'https://workspace.example/api/v7'")
    seeded.execute("update public.test_response_specs set assertions = '[]' where true")
    seeded.execute("delete from public.test_cases where name like 'Currencies%'")

    run_file(seeded, SEED)

    (address,) = seeded.execute("select base_url from public.environments").fetchone()
    assert contents(seeded) == before
    assert address == "https://workspace.example/api/v7"


def contents(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Return all tests as documents, without ids."""
    return connection.execute(
        """
        select suites.name, cases.name, public.get_test(cases.id) - '{id,depends_on}'::text[],
            (
                select count(*) from public.test_dependencies as links
                where links.test_case_id = cases.id
            )
        from public.test_cases as cases
        inner join public.test_suites as suites on suites.id = cases.suite_id
        where cases.archived_at is null
        order by 1, 2
        """
    ).fetchall()
