"""Messages end to end: a run, rules, a real worker, and receivers that verify, fail or are dead."""

import uuid
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiohttp import web
from standardwebhooks import Webhook
from supabase import Client
from support_http import serve
from support_project import Project, running_target, running_worker
from support_wait import soon

from worker.embedded.stack import Connection


@pytest.fixture(scope="module")
def worker_log(stack: Connection, open_folder: Path) -> Iterator[Path]:
    """Keep one worker running that may go to 127.0.0.1, and to nothing else that is not public."""
    log = open_folder / "notifications-worker.log"
    with running_worker(stack, log, ASSAY_LOG_LEVEL="DEBUG"):
        yield log


@pytest.fixture
def database(stack: Connection) -> Iterator[psycopg.Connection]:
    """Yield a connection as the owner of the migrations."""
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Yield the URL of an API under test."""
    with running_target() as url:
        yield url


@pytest.fixture
def project(stack: Connection, target: str, client_for: Callable[[str], Client]) -> Project:
    """Return a project in an organization of its own."""
    return Project.create(client_for(stack.secret_key), target)


class Receiver:
    """Takes messages on ``/hook``, and answers each with the next of its statuses, at last 204."""

    def __init__(self, *statuses: int) -> None:
        """Answer with *statuses* in turn."""
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        """Keep what came."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


def add_channel(project: Project, url: str, kind: str = "webhook") -> dict[str, Any]:
    """Save a channel of the organization, with a rule for each run."""
    client = project.client
    organization = (
        client.table("projects").select("organization_id").eq("id", project.project_id).execute()
    ).data[0]["organization_id"]
    document = {"organization": organization, "name": str(uuid.uuid4()), "kind": kind, "url": url}
    saved = client.rpc("save_notification_channel", {"document": document}).execute().data
    client.table("notification_rules").insert(
        {
            "organization_id": organization,
            "channel_id": saved["id"],
            "name": "every run",
            "events": ["run_finished"],
        }
    ).execute()
    return saved


def deliveries(project: Project, channel: str) -> list[dict[str, Any]]:
    """Return the log of a channel, the newest first."""
    answer = project.client.rpc("list_deliveries", {"channel_id": channel}).execute()
    return answer.data["deliveries"]


def hurry(database: psycopg.Connection) -> None:
    """Do what jobs do every 10 s, and let the delays of retries be over."""
    database.execute("select private.process_finished_runs()")
    database.execute("select private.process_events()")
    database.execute(
        "update private.deliveries set available_at = now() - interval '1 second'"
        " where state = 'ready' and available_at > now()"
    )


async def run_of(project: Project, path: str = "/answer/x?status=500") -> str:
    """Queue a run of one test, and wait for its end; returns its id."""
    project.add_test("checkout <b>", path)
    run = project.queue()
    await soon(lambda: project.state(run)["finished"])
    return run


async def test_a_signed_message_is_tried_until_it_arrives(
    project: Project, database: psycopg.Connection, worker_log: Path
) -> None:
    """The receiver's library accepts each attempt; after an error the same message comes again."""
    receiver = Receiver(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.FOUND)
    async with serve(hook=receiver.take) as url:
        secret_part = f"token-{uuid.uuid4()}"
        channel = add_channel(project, f"{url}/hook?key={secret_part}")
        run = await run_of(project)

        def has_arrived() -> bool:
            hurry(database)
            log = deliveries(project, channel["id"])
            return bool(log) and log[0]["state"] == "delivered"

        await soon(has_arrived, lambda: deliveries(project, channel["id"]))

    verifier = Webhook(channel["signing_secret"])
    messages = [verifier.verify(body, headers) for headers, body in receiver.got]
    assert len(messages) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert messages[0] == messages[2]
    (event,) = messages[0]["data"]["events"]
    assert (messages[0]["type"], event["run_id"]) == ("run_finished", run)
    assert event["title"] == "Run failed: 1 of 1 tests failed"
    assert receiver.got[0][0]["content-type"] == "application/json"
    (told,) = deliveries(project, channel["id"])
    assert (told["attempts"], told["http_status"], told["slug"]) == (3, 204, None)
    for secret in (secret_part, channel["signing_secret"][6:]):
        assert not stored(database, secret)
        assert not is_in(worker_log, secret)


@pytest.mark.usefixtures("worker_log")
async def test_a_chat_is_told_in_plain_text(project: Project, database: psycopg.Connection) -> None:
    """Without a signature, and without what a name could do there."""
    receiver = Receiver()
    async with serve(hook=receiver.take) as url:
        add_channel(project, f"{url}/hook", kind="slack")
        await run_of(project)

        def has_come() -> bool:
            hurry(database)
            return bool(receiver.got)

        await soon(has_come)

    headers, body = receiver.got[0]
    assert "webhook-signature" not in headers
    assert b'"text"' in body
    assert b"suite/checkout &lt;b&gt;: expected: status equals 200; got 500" in body


@pytest.mark.usefixtures("worker_log")
@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("http://169.254.169.254/latest/meta-data", "egress_denied"),
        ("http://10.0.0.1/hook", "egress_denied"),
        ("http://127.0.0.1:1/hook", "connect_failed"),
    ],
)
async def test_no_message_goes_where_no_test_may(project: Project, url: str, slug: str) -> None:
    """The worker's rules for addresses hold; where it may go a dead receiver is only dead."""
    channel = add_channel(project, url)["id"]
    project.client.rpc("test_notification_channel", {"channel_id": channel}).execute()

    await soon(
        lambda: deliveries(project, channel)[0]["state"] == "failed",
        lambda: deliveries(project, channel),
    )
    assert deliveries(project, channel)[0]["slug"] == slug


async def test_loopback_is_refused_unless_the_operator_allows_it(
    stack: Connection, project: Project, tmp_path: Path
) -> None:
    """A worker without an allowance connects to nobody on its own machine."""
    receiver = Receiver()
    async with serve(hook=receiver.take) as url:
        saved = add_channel(project, f"{url}/hook")
        project.client.rpc(
            "save_notification_channel", {"document": {"id": saved["id"], "labels": ["strict"]}}
        ).execute()
        project.client.rpc("test_notification_channel", {"channel_id": saved["id"]}).execute()
        with running_worker(
            stack, tmp_path / "worker.log", ASSAY_EGRESS_ALLOW="", ASSAY_LABELS="strict"
        ):
            await soon(lambda: deliveries(project, saved["id"])[0]["state"] == "failed")

    assert deliveries(project, saved["id"])[0]["slug"] == "egress_denied"
    assert receiver.got == []


def is_in(log: Path, text: str) -> bool:
    """Tell whether *log* holds *text*."""
    return text in log.read_text()


def stored(database: psycopg.Connection, text: str) -> list[str]:
    """Return the tables of ours, and the broadcasts, that hold *text*."""
    tables = database.execute(
        "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace in"
        " ('public'::regnamespace, 'private'::regnamespace, 'realtime'::regnamespace)"
    ).fetchall()
    return [
        name
        for (name,) in tables
        if database.execute(
            f"select exists (select from {name} as rows where strpos(rows::text, %s) > 0)",  # noqa: S608
            (text,),
        ).fetchone()
        == (True,)
    ]
