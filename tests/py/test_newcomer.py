"""A newcomer's first suite: a fresh account, and an API that somebody else wrote."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import supabase
from conftest import ROOT
from support_project import answers, running_worker, started
from support_wait import HANG_S, wait_until

from worker.embedded import ports
from worker.embedded.stack import Connection

CREATED = {"source": "status", "operator": "equals", "expected": 201}
OK = {"source": "status", "operator": "equals", "expected": 200}
BLOG = {
    "name": "Blog",
    "tests": [
        {
            "name": "Write a post",
            "request": {
                "method": "POST",
                "path": "/posts",
                "body": {"kind": "json", "value": {"title": "{{title}}", "author": "ann"}},
            },
            "assertions": [CREATED],
            "captures": [{"name": "post", "source": "body", "path": "$.id"}],
        },
        {
            "name": "Read it back",
            "request": {"path": "/posts/{{post}}"},
            "assertions": [
                OK,
                {
                    "source": "body",
                    "path": "$.title",
                    "operator": "equals",
                    "expected": "{{title}}",
                },
            ],
        },
        {
            "name": "Comment on it",
            "request": {
                "method": "POST",
                "path": "/comments",
                "body": {"kind": "json", "value": {"postId": "{{post}}", "body": "well said"}},
            },
            "assertions": [CREATED],
            "captures": [{"name": "comment", "source": "body", "path": "$.id"}],
        },
        {
            "name": "The comment is listed under the post",
            "request": {"path": "/comments", "query": [["postId", "{{post}}"]]},
            "assertions": [
                {
                    "source": "body",
                    "path": "$[*].id",
                    "operator": "contains",
                    "expected": "{{comment}}",
                }
            ],
        },
        {
            "name": "Delete the post",
            "phase": "teardown",
            "request": {"method": "DELETE", "path": "/posts/{{post}}"},
            "assertions": [OK],
        },
    ],
}


@pytest.fixture
def blog(tmp_path: Path) -> Iterator[str]:
    """Run json-server over an empty blog; yields its URL."""
    data = tmp_path / "blog.json"
    data.write_text(json.dumps({"posts": [], "comments": []}))
    (port,) = ports.pick_free(1)
    url = f"http://127.0.0.1:{port}"
    command = [ROOT / "node_modules/.bin/json-server", "--host", "127.0.0.1", "--port", str(port)]
    with (
        started([*map(str, command), str(data)]),
        httpx.Client(timeout=HANG_S) as client,
    ):
        wait_until(lambda: answers(client, f"{url}/posts"))
        yield url


def test_first_suite(
    stack: Connection,
    client_for: Callable[[str], supabase.Client],
    blog: str,
    tmp_path: Path,
) -> None:
    """Sign up, write five tests that need each other, run them: all pass, and nothing is left."""
    client = client_for(stack.publishable_key)
    client.auth.sign_up({"email": f"{uuid.uuid4()}@example.org", "password": "correct horse"})

    def insert(table: str, **row: Any) -> str:
        return client.table(table).insert(row).execute().data[0]["id"]

    organization = client.rpc("create_organization", {"name": "Newcomers"}).execute().data["id"]
    project = insert("projects", organization_id=organization, name="Blog")
    environment = insert("environments", project_id=project, name="local", base_url=blog)
    client.rpc("save_suite", {"document": {**BLOG, "project": project}}).execute()

    with running_worker(stack, tmp_path / "worker.log"):
        run = client.rpc(
            "queue_run", {"environment_id": environment, "variables": {"title": "Hello"}}
        ).execute()
        state = {"run_id": run.data["id"]}
        wait_until(lambda: client.rpc("get_run_state", state).execute().data["finished"])

    report = client.rpc("get_run_report", state).execute().data
    assert report["totals"]["passed"] == report["totals"]["total"] == 5, report["results"]
    left = [httpx.get(f"{blog}/{name}", timeout=HANG_S).json() for name in ("posts", "comments")]
    assert left == [[], []]
