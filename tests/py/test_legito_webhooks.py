"""What the stand-in tells push connections, and the sink that keeps it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from support_http import serve
from support_legito import KEYS, SUITE, connect, new_document, ok

from examples.legito.app import LegitoApp, create_app


@pytest.fixture
def app() -> LegitoApp:
    return create_app(KEYS.api_key, KEYS.private_key, webhook_delay_s=0)


@pytest.fixture
async def api(app: LegitoApp) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(app) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[str, asyncio.Queue[Any]]]:
    """Yield a URL, and a queue of the (headers, body) posted there."""
    received: asyncio.Queue[Any] = asyncio.Queue()

    async def hook(request: web.Request) -> web.Response:
        await received.put((request.headers, await request.json()))
        return web.Response(status=500)

    async with serve(hook=hook) as origin:
        yield f"{origin}/hook", received


async def subscribe(api: httpx.AsyncClient, url: str, **more: Any) -> dict[str, Any]:
    connection = {"name": "n", "url": url, "enabled": True, **more}
    return await ok(api, "POST", "/push-connection", 200, connection)


async def test_a_delivery_names_its_connection_event_and_record(
    app: LegitoApp, api: httpx.AsyncClient, receiver: tuple[str, asyncio.Queue[Any]]
) -> None:
    """The record is whole, and as it was when the event happened."""
    url, received = receiver
    connection = await subscribe(api, url, eventTypes=["NewDocumentVersion"])
    document = await new_document(api)
    renamed = {"name": "Later"}
    await ok(api, "PUT", f"/document-record/{document['documentRecordCode']}", 200, renamed)

    await app.webhooks.settle()
    headers, body = received.get_nowait()

    assert headers["content-type"] == "application/json"
    assert body.keys() == {"pushConnectionSystemName", "eventType", "documentRecord"}
    assert body["pushConnectionSystemName"] == connection["systemName"]
    assert body["eventType"] == "NewDocumentVersion"
    assert body["documentRecord"]["code"] == document["documentRecordCode"]
    assert body["documentRecord"]["name"] == "Supply agreement"
    assert received.empty()


async def test_event_types_choose_and_none_means_all(
    app: LegitoApp, api: httpx.AsyncClient, receiver: tuple[str, asyncio.Queue[Any]]
) -> None:
    """A link that is switched off, a new owner and a new stage are events too."""
    url, received = receiver
    await subscribe(api, url)
    code = (await new_document(api))["documentRecordCode"]
    link = (await ok(api, "POST", f"/share/external-link/{code}", 201, [{}]))[0]["id"]
    await ok(api, "PUT", f"/share/external-link/{link}", 201, {"active": False})
    await ok(api, "DELETE", f"/share/external-link/{link}", 200)
    change = {"ownerId": 102, "workflowStage": {"id": 722}}
    await ok(api, "PUT", f"/document-record/{code}", 200, change)

    await app.webhooks.settle()
    assert {received.get_nowait()[1]["eventType"] for _ in range(7)} == {
        "DocumentRecordCreated",
        "NewDocumentVersion",
        "ExternalSharingActivated",
        "ExternalSharingDeactivated",
        "DocumentRecordUpdated",
        "DocumentOwnerChanged",
        "WorkflowStatusChanged",
    }
    assert received.empty()


@pytest.mark.parametrize(
    "silent",
    [
        {"enabled": False},
        {"eventTypes": ["DocumentRecordDeleted"]},
        {"templateSuiteAll": False, "templateSuites": [SUITE + 1]},
        {"documentRecordTypeAll": False, "documentRecordTypes": [311]},
    ],
)
async def test_what_a_connection_does_not_ask_for_is_not_told(
    app: LegitoApp,
    api: httpx.AsyncClient,
    receiver: tuple[str, asyncio.Queue[Any]],
    silent: dict[str, Any],
) -> None:
    """Disabled, of another event, suite or type."""
    url, received = receiver
    quiet = await subscribe(api, **{"url": url, **silent})
    loud = await subscribe(api, url, eventTypes=["NewDocumentVersion"])

    await new_document(api)

    await app.webhooks.settle()
    told = received.get_nowait()[1]["pushConnectionSystemName"]
    assert told == loud["systemName"] != quiet["systemName"]
    assert received.empty()


async def test_nothing_leaves_the_machine(app: LegitoApp, api: httpx.AsyncClient) -> None:
    """A connection to an address that is not loopback is kept, and not delivered to."""
    connection = await subscribe(api, "https://standin.example/hook")

    await new_document(api)

    assert await app.webhooks.settle() == 0
    assert connection in await ok(api, "GET", "/push-connection", 200)


async def test_headers_are_sent_with_their_placeholders_filled_in(
    app: LegitoApp, api: httpx.AsyncClient, receiver: tuple[str, asyncio.Queue[Any]]
) -> None:
    """The author is who the event names, or the API user on request; what is unknown is empty."""
    url, received = receiver
    author = "{{event.author.name}}"
    headers = [
        {"name": "X-Author", "value": f"by {author}"},
        {"name": "X-User", "value": author, "useDefaultApiUser": True},
        {"name": "X-Type", "value": "{{ event.type }}/{{documentRecord.name}}"},
        {"name": "X-Unknown", "value": "[{{event.nothing.at.all}}]"},
    ]
    await subscribe(api, url, headers=headers, eventTypes=["DocumentRecordCreated"])

    await ok(api, "POST", f"/document-version/data/{SUITE}?authorId=102", 201, [])

    await app.webhooks.settle()
    sent = received.get_nowait()[0]
    assert sent["x-author"] == "by Vera Lindt"
    assert sent["x-user"] == "Api User"
    assert sent["x-type"] == "DocumentRecordCreated/Supply agreement"
    assert sent["x-unknown"] == "[]"


async def test_files_are_attached_on_request(
    app: LegitoApp, api: httpx.AsyncClient, receiver: tuple[str, asyncio.Queue[Any]]
) -> None:
    """Uploaded files with their data, and the newest version in each format asked for."""
    url, received = receiver
    attached = {"attachFilesUploaded": True, "attachFilesGenerated": True}
    await subscribe(api, url, eventTypes=["FileUpload"], fileTypes=["pdf", "txt"], **attached)
    code = (await new_document(api))["documentRecordCode"]
    data = base64.b64encode(b"hello").decode()
    await ok(api, "POST", f"/file/{code}", 201, {"fileName": "a.txt", "data": data})

    await app.webhooks.settle()
    files = received.get_nowait()[1]["files"]

    assert [(file["fileName"], file["data"]) for file in files["uploaded"]] == [("a.txt", data)]
    assert [file["fileName"] for file in files["generated"]] == [
        "Supply agreement.pdf",
        "Supply agreement.txt",
    ]


@pytest.mark.parametrize(
    "header",
    [
        "X-Name: value",
        {"name": "X"},
        {"name": "no header", "value": "v"},
        {"name": "X", "value": "a\nb"},
        {"name": "X", "value": "v", "useDefaultApiUser": 1},
    ],
)
async def test_a_header_that_could_not_be_sent_is_refused(
    api: httpx.AsyncClient, header: object
) -> None:
    """When the connection is made, not when there is something to tell."""
    body = {"name": "n", "url": "https://standin.example", "headers": [header]}

    assert (await ok(api, "POST", "/push-connection", 400, body))["code"] == 400


async def test_an_unreachable_receiver_is_no_fault_of_the_call(
    app: LegitoApp, api: httpx.AsyncClient
) -> None:
    """The call that caused the event knows nothing of it."""
    await subscribe(api, "http://127.0.0.1:1/")

    await new_document(api)
    await app.webhooks.settle()


async def test_the_sink_keeps_what_is_posted_until_it_is_told_to_forget() -> None:
    """Ids do not see each other; no token is needed; a body that is not JSON is kept as text."""
    transport = httpx.ASGITransport(create_app(KEYS.api_key, KEYS.private_key))
    async with httpx.AsyncClient(transport=transport, base_url="http://standin/sink") as client:
        assert await ok(client, "GET", "/one", 200) == []
        await client.post("/one", json={"n": 1}, headers={"X-Note": "first"})
        await client.post("/one", content=b"plain")
        await client.post("/two", json=2)

        kept = await ok(client, "GET", "/one", 200)
        assert [entry["body"] for entry in kept] == [{"n": 1}, "plain"]
        assert kept[0]["headers"]["x-note"] == "first"
        await ok(client, "DELETE", "/one", 200)
        assert await ok(client, "GET", "/one", 200) == []
        assert len(await ok(client, "GET", "/two", 200)) == 1
        await ok(client, "PATCH", "/two", 405)
        await ok(client, "GET", "/", 404)
        await ok(client, "GET", "/one/more", 404)
