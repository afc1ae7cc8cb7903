"""The stand-in in this process, called as a client would."""

import json
import time
import uuid
from typing import Any

import httpx

from examples.legito.app import LegitoApp
from examples.legito.auth import Credentials, sign

KEYS = Credentials(api_key=str(uuid.UUID(int=7)), private_key="a-private-key-of-at-least-32-bytes")
SUITE = 501
COUNTERPARTY = 601

# Any by another name: an answer may be any JSON, and the assertions are what checks it.
Json = Any


def connect(app: LegitoApp, token: str | None = None) -> httpx.AsyncClient:
    """Return a client that carries a good *token*."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://standin/api/v7",
        headers={"authorization": f"Bearer {token or sign(KEYS, time.time())}"},
    )


async def ok(
    api: httpx.AsyncClient, method: str, path: str, status: int, body: object = None
) -> Json:
    """Send, insist on *status*, return the JSON answer."""
    content = None if body is None else json.dumps(body)
    response = await api.request(method, path, content=content)
    assert response.status_code == status, response.text
    return response.json()


async def new_document(api: httpx.AsyncClient, *values: dict[str, Any]) -> dict[str, Any]:
    """Fill in the template with *values*."""
    return await ok(api, "POST", f"/document-version/data/{SUITE}", 201, list(values))


async def value_of(api: httpx.AsyncClient, version: dict[str, Any], name: str) -> object:
    """Return the value of the element *name* in a version."""
    items = await ok(api, "GET", f"/document-version/data/{version['code']}", 200)
    return next(item["value"] for item in items if item["name"] == name)
