"""Random projects, and how they are written into a database."""

import dataclasses
import json
import uuid
from collections.abc import Sequence
from typing import Any

import psycopg
from hypothesis import strategies as st
from reference_plan import Project, Selection, Test

NAMES = ("x", "y", "z")
SUITES = ("s0", "s1")
FIXTURES = ("f0", "f1")
ENVIRONMENTS = ("environment", "other")
SLOW = 0.00001  # requests a second: one is allowed at first, and no other while a test lasts
TAGS = ("smoke", "slow")
FEW_NAMES = st.sampled_from(
    [frozenset(), frozenset(), frozenset(), frozenset("x"), frozenset("yz")]
)
RETRIES = st.sampled_from(
    [
        {},
        {},
        {"attempts": 2, "base_ms": 0},
        {"attempts": 3, "base_ms": 0, "retry_on": ["assertion", "capture"]},
        {"attempts": 3, "base_ms": 0, "retry_on": ["network", "status"], "statuses": [503]},
        {"attempts": 3, "base_ms": 60_000},
        {"attempts": 3, "base_ms": 60_000, "deadline_ms": 1000},
    ]
)


def choose(*weighted: tuple[Any, int]) -> st.SearchStrategy[Any]:
    """Return one of some values, each as often as its weight says; the first is the simplest."""
    return st.sampled_from([value for value, weight in weighted for _ in range(weight)])


@st.composite
def tests(draw: st.DrawFn, fixtures: Sequence[str]) -> Test:
    """Draw a test without a name."""
    captures = draw(choose(((), 4), (("x",), 2), (("y",), 1), (("z",), 1), (("x", "z"), 1)))
    uses = draw(
        st.dictionaries(st.sampled_from(NAMES), choose((False, 3), (True, 1)), max_size=2)
        if draw(st.booleans())
        else st.just({})
    )
    return Test(
        name="",
        suite=draw(st.sampled_from(SUITES)),
        phase=draw(choose(("main", 5), ("setup", 1), ("teardown", 2))),
        position=draw(st.integers(0, 3)),
        priority=draw(st.integers(0, 1)),
        is_enabled=draw(choose((True, 9), (False, 1))),
        is_quarantined=draw(choose((False, 4), (True, 1))),
        tags=draw(choose(((), 2), (("smoke",), 1), (TAGS, 1))),
        fixture=draw(st.sampled_from([None, None, *fixtures])),
        captures=captures,
        must_capture=draw(choose((True, 3), (False, 1))),
        uses=tuple(uses.items()),
        method=draw(choose(("GET", 1), ("POST", 1))),
        rescue=draw(choose(("safe", 3), ("always", 1), ("never", 1))),
        retry=draw(RETRIES),
    )


@st.composite
def projects(draw: st.DrawFn, min_tests: int = 1, max_tests: int = 12) -> Project:
    """Draw a project; most dependencies lead back, so that most plans have no cycle."""
    fixtures = {
        name: tuple(draw(st.lists(FEW_NAMES, min_size=1, max_size=3)))
        for name in FIXTURES[: draw(choose((0, 1), (1, 1), (2, 1)))]
    }
    nameless = draw(st.lists(tests(sorted(fixtures)), min_size=min_tests, max_size=max_tests))
    count = len(nameless)
    drawn = tuple(
        dataclasses.replace(test, name=f"t{index:02}") for index, test in enumerate(nameless)
    )
    number = st.integers(0, count - 1)
    dependencies = {}
    for one, other, is_wild, kind in draw(
        st.lists(
            st.tuples(
                number,
                number,
                choose((False, 15), (True, 1)),
                st.sampled_from(["data", "order", "token"]),
            ),
            min_size=draw(st.sampled_from([0, count])),
            max_size=2 * count,
        )
    ):
        first, second = sorted(
            (one, other), key=lambda index: (index if is_wild else drawn[index].rank, index)
        )
        if first != second:
            dependencies[drawn[second].name, drawn[first].name] = kind
    return Project(
        tests=drawn,
        modes={name: draw(choose(("parallel", 2), ("sequential", 1))) for name in SUITES},
        fixtures=fixtures,
        dependencies=dependencies,
        environment=draw(FEW_NAMES),
        max_parallel=draw(st.integers(1, 6)),
        max_parallel_tests=draw(choose((1000, 3), (2, 1), (5, 1))),
        is_rationed=draw(choose((False, 4), (True, 1))),
    )


@st.composite
def selections(draw: st.DrawFn, project: Project) -> Selection:
    """Draw a selection: often everything."""
    is_all = draw(st.booleans())
    names = [test.name for test in project.tests]
    return Selection(
        suites=() if is_all else tuple(draw(st.sets(st.sampled_from(SUITES), max_size=1))),
        tests=() if is_all else tuple(draw(st.sets(st.sampled_from(names), max_size=3))),
        tags=draw(choose(((), 4), (("smoke",), 1), (("slow",), 1))),
        overrides=draw(FEW_NAMES),
    )


ASKED = projects().flatmap(lambda project: st.tuples(st.just(project), selections(project)))


def id_of(name: str) -> str:
    """Return the id under which *name* is written: as good as random, but always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def write_project(connection: psycopg.Connection, project: Project) -> None:
    """Write *project* into an organization of its own."""

    def insert(table: str, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            columns = ", ".join(rows[0])
            connection.execute(
                f"insert into public.{table} ({columns}) select {columns} "  # noqa: S608
                f"from jsonb_populate_recordset(null::public.{table}, %s::jsonb)",
                [json.dumps(rows)],
            )

    home = {"project_id": id_of("project")}
    insert("organizations", [{"id": id_of("organization"), "name": "organization"}])
    connection.execute(
        "update public.organization_limits set max_parallel_tests = %s where organization_id = %s",
        [project.max_parallel_tests, id_of("organization")],
    )
    insert(
        "projects",
        [{"id": id_of("project"), "organization_id": id_of("organization"), "name": "project"}],
    )
    insert(
        "environments",
        [
            {
                **home,
                "id": id_of(name),
                "name": name,
                "base_url": "http://target.test",
                "max_parallel": project.max_parallel,
                "rate_limit_per_s": SLOW if project.is_rationed and not index else None,
                "run_timeout_ms": 86_400_000,
                "context_max_bytes": 10_485_760,
                "context_lifetime_s": 86_400,
            }
            for index, name in enumerate(ENVIRONMENTS)
        ],
    )
    insert(
        "environment_variables",
        [
            {
                **home,
                "id": id_of(f"variable {name} of {environment}"),
                "environment_id": id_of(environment),
                "name": name,
                "value": "from the environment",
                "updated_at": "now",
            }
            for environment in ENVIRONMENTS
            for name in sorted(project.environment)
        ],
    )
    insert(
        "test_suites",
        [
            {
                **home,
                "id": id_of(name),
                "name": name,
                "execution_mode": mode,
                "headers": [],
                "variables": {},
            }
            for name, mode in project.modes.items()
        ],
    )
    insert(
        "test_data_fixtures",
        [
            {
                **home,
                "id": id_of(name),
                "name": name,
                "rows": [
                    {"key": f"r{index}", "values": dict.fromkeys(sorted(names), "from the fixture")}
                    for index, names in enumerate(rows)
                ],
                "created_at": "now",
            }
            for name, rows in project.fixtures.items()
        ],
    )
    insert(
        "test_cases",
        [
            {
                **home,
                "id": id_of(test.name),
                "suite_id": id_of(test.suite),
                "name": test.name,
                "phase": test.phase,
                "position": test.position,
                "priority": test.priority,
                "tags": list(test.tags),
                "is_enabled": test.is_enabled,
                "rescue": test.rescue,
                "retry": test.retry,
            }
            for test in project.tests
        ],
    )
    insert(
        "test_quarantines",
        [
            {
                **home,
                "id": id_of(f"quarantine of {test.name}"),
                "test_case_id": id_of(test.name),
                "reason": "it is flaky",
                "created_at": "now",
                "expires_at": "tomorrow",
            }
            for test in project.tests
            if test.is_quarantined
        ],
    )
    insert(
        "test_request_configs",
        [
            {
                **home,
                "test_case_id": id_of(test.name),
                "method": test.method,
                "path": f"/{test.name}",
                "query": [
                    [name, f'{{{{{name} | default("d")}}}}' if has_default else f"{{{{{name}}}}}"]
                    for name, has_default in test.uses
                ],
                "headers": [],
                "connect_timeout_ms": 1000,
                "total_timeout_ms": 1000,
                "max_redirects": 0,
                "max_body_bytes": 1000,
                "verify_tls": True,
            }
            for test in project.tests
        ],
    )
    insert(
        "test_response_specs",
        [
            {
                **home,
                "test_case_id": id_of(test.name),
                "assertions": [{"source": "status", "operator": "equals", "expected": 200}],
                "captures": [
                    {
                        "name": name,
                        "source": "body",
                        "path": f"$.{name}",
                        "required": test.must_capture,
                    }
                    for name in test.captures
                ],
            }
            for test in project.tests
        ],
    )
    insert(
        "fixture_usage",
        [
            {**home, "test_case_id": id_of(test.name), "fixture_id": id_of(test.fixture)}
            for test in project.tests
            if test.fixture is not None
        ],
    )
    insert(
        "test_dependencies",
        [
            {
                **home,
                "test_case_id": id_of(consumer),
                "depends_on_id": id_of(upstream),
                "kind": kind,
            }
            for (consumer, upstream), kind in project.dependencies.items()
        ],
    )


def write_runner(connection: psycopg.Connection) -> None:
    """Write an account that is a runner of the organization."""
    connection.execute(
        "insert into auth.users (id, email, role) values (%s, 'r@example.test', 'authenticated')",
        [id_of("runner")],
    )
    connection.execute(
        "insert into public.organization_members (organization_id, user_id, role)"
        " values (%s, %s, 'runner')",
        [id_of("organization"), id_of("runner")],
    )


def queue_run(
    connection: psycopg.Connection, selection: Selection, environment: str = ENVIRONMENTS[0]
) -> str:
    """Queue a run of the project; returns its id."""
    row = connection.execute(
        "select id::text from public.queue_run(%s, %s::jsonb, %s::jsonb)",
        [
            id_of(environment),
            json.dumps(
                {
                    "suites": [id_of(name) for name in selection.suites],
                    "tests": [id_of(name) for name in selection.tests],
                    "tags": list(selection.tags),
                }
            ),
            json.dumps(dict.fromkeys(sorted(selection.overrides), "from the run")),
        ],
    ).fetchone()
    assert row is not None
    return row[0]


def fetch(connection: psycopg.Connection, query: str, *arguments: Any) -> list[dict[str, Any]]:
    """Return all rows of *query*, as JSON: its infinite times are texts."""
    wrapped = f"select to_jsonb(rows) from ({query}) as rows"  # noqa: S608
    return [row[0] for row in connection.execute(wrapped, arguments).fetchall()]
