"""Values that few people write: NUL, half a surrogate pair, numbers of 400 digits, wrong types."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from supabase import Client, PostgrestAPIError
from support_project import Project
from support_wait import HANG_S

from worker.embedded.stack import Connection

DIGITS = "1234567890" * 40


@pytest.fixture
def project(stack: Connection, client_for: Callable[[str], Client]) -> Project:
    """Return an empty project."""
    return Project.create(client_for(stack.secret_key), "http://127.0.0.1:1")


def post(stack: Connection, path: str, body: str) -> httpx.Response:
    """POST *body*, which is JSON that no client library would write."""
    headers = {"apikey": stack.secret_key, "Content-Type": "application/json"}
    return httpx.post(f"{stack.url}/rest/v1{path}", content=body, headers=headers, timeout=HANG_S)


def rows_of(project: Project) -> tuple[int, int]:
    """Return how many tests and runs the project has."""
    counts = [
        project.client.table(table)
        .select("id", count="exact")
        .eq("project_id", project.project_id)
        .execute()
        .count
        for table in ("test_cases", "test_runs")
    ]
    return counts[0], counts[1]


@pytest.mark.parametrize(
    ("odd", "code"), [(r"\u0000", "22P05"), (r"\ud800", "PGRST102")], ids=["NUL", "half a pair"]
)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/test_cases", '{"project_id": "PROJECT", "suite_id": "SUITE", "name": "ODD"}'),
        (
            "/rpc/save_test",
            '{"document": {"suite": "SUITE", "name": "n", "request": {"path": "/ODD"}}}',
        ),
        ("/rpc/queue_run", '{"environment_id": "ENVIRONMENT", "variables": {"v": "ODD"}}'),
        ("/rpc/queue_run", '{"environment_id": "ENVIRONMENT", "idempotency_key": "ODD"}'),
        ("/rpc/set_secret", '{"environment_id": "ENVIRONMENT", "name": "s", "value": "ODD"}'),
    ],
)
def test_text_that_postgresql_cannot_hold_is_refused(
    stack: Connection, project: Project, *, path: str, body: str, odd: str, code: str
) -> None:
    """With a code of its own, wherever it stands, and nothing is written."""
    project.add_test("one", "/")
    for word, text in (
        ("PROJECT", project.project_id),
        ("SUITE", project.suite_id),
        ("ENVIRONMENT", project.environment_id),
        ("ODD", odd),
    ):
        body = body.replace(word, text)
    before = rows_of(project)

    answer = post(stack, path, body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"]
    assert rows_of(project) == before


def test_numbers_are_kept_digit_by_digit(stack: Connection, project: Project) -> None:
    """From a document into the tables and back."""
    kept = f"[{DIGITS},0.{DIGITS},1.10]"
    request = f'{{"path": "/", "body": {{"kind": "json", "value": {kept}}}}}'
    document = f'{{"suite": "{project.suite_id}", "name": "n", "request": {request}}}'

    saved = post(stack, "/rpc/save_test", f'{{"document": {document}}}')
    read = post(stack, "/rpc/get_test", json.dumps({"test_id": saved.json()["id"]}))

    assert kept in saved.text.replace(" ", "")
    assert kept in read.text.replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"selection": None}, "selection is not an object"),
        ({"selection": "all"}, "selection is not an object"),
        ({"selection": {"test": []}}, 'takes suites, tests, tags and failures_of, not "test"'),
        ({"selection": {"tests": {"a": 1}}}, "tests in the selection is not an array"),
        ({"selection": {"suites": None}}, "suites in the selection is not an array"),
        ({"selection": {"tests": [None]}}, "tests in the selection holds something that is no"),
        ({"selection": {"suites": ["a", 1]}}, "suites in the selection holds something that is"),
        ({"selection": {"tags": [["smoke"]]}}, "tags in the selection holds something that is no"),
        ({"selection": {"failures_of": 7}}, "failures_of in the selection is not the id of a run"),
        ({"variables": [1]}, "variables is not an object"),
    ],
    ids=str,
)
def test_a_malformed_selection_is_told_where(
    project: Project, arguments: dict[str, Any], said: str
) -> None:
    """Before anything is planned."""
    project.add_test("one", "/")

    with pytest.raises(PostgrestAPIError) as refusal:
        project.queue(**arguments)

    assert (refusal.value.code, refusal.value.details) == ("PT400", "malformed_selection")
    assert said in str(refusal.value.message)
    assert rows_of(project) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"selection": {"tests": ["not-a-uuid"]}}, "PT404"),
        ({"selection": {"suites": [str(uuid.UUID(int=9))]}}, "PT404"),
        ({"environment_id": str(uuid.UUID(int=9))}, "PT404"),
        ({"environment_id": "not-a-uuid"}, "22P02"),
        ({"enviroment": "misspelt"}, "PGRST202"),
    ],
    ids=str,
)
def test_ids_that_lead_nowhere_are_named(
    project: Project, arguments: dict[str, Any], code: str
) -> None:
    """Those that are no ids at all, too; and a parameter that is misspelt."""
    project.add_test("one", "/")

    with pytest.raises(PostgrestAPIError) as refusal:
        project.queue(**arguments)

    wrong = re.findall(r"[\w-]{8,}", str(arguments))[-1]
    assert refusal.value.code == code
    assert (wrong if code != "PGRST202" else "enviroment") in str(refusal.value.message)
    assert rows_of(project) == (1, 0)


def test_a_line_break_that_a_message_quotes_begins_no_header(
    stack: Connection, project: Project
) -> None:
    """The REST interface puts the message into the status line of its answer."""
    suite = "s\r\nSet-Cookie: taken=over\r\n\r\n<html>" + "x" * 70_000
    document = {"project": project.project_id, "suite": suite, "name": "n"}

    answer = post(stack, "/rpc/save_test", json.dumps({"document": document}))

    assert answer.json()["details"] == "unknown_suite"
    assert "set-cookie" not in answer.headers
    assert len(answer.json()["message"]) <= 1000
