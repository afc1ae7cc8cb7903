"""The ASGI application: authenticate, route, answer; nothing waits except for the body.

A plain ASGI callable rather than a framework's, because the benchmarks share two cores with it.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from examples.legito import auth, fixtures
from examples.legito.call import Call
from examples.legito.errors import ApiError, not_found
from examples.legito.routing import ROUTES, Router

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from examples.legito.auth import Credentials
    from examples.legito.state import State

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

BASE_PATH = "/api/v7"


class LegitoApp:
    """One workspace behind one key pair."""

    def __init__(self, state: State, credentials: Credentials) -> None:
        """Serve *state* to whoever holds *credentials*."""
        self.state = state
        self._credentials = credentials
        self._router = Router(ROUTES)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other protocols are refused."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        body = await _read(receive)
        try:
            status, document = self._answer(scope, body)
            headers = {}
        except ApiError as error:
            status, document, headers = int(error.status), error.body(), error.headers
        payload = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(payload)),
            **headers,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": payload})

    def _answer(self, scope: Message, body: bytes) -> tuple[int, object]:
        header = dict(scope["headers"]).get(b"authorization")
        auth.check(header and header.decode("latin-1"), self._credentials, time.time())
        if not scope["path"].startswith(f"{BASE_PATH}/"):
            raise not_found("operation at", scope["path"])
        path = scope["path"].removeprefix(BASE_PATH)
        status, handler, parameters = self._router.find(scope["method"], path)
        call = Call.of(self.state, scope["query_string"], body)
        return status, handler(call, *parameters)


def create_app(
    api_key: str, private_key: str, *, long_tokens: bool = False, lenient_codes: bool = False
) -> LegitoApp:
    """Return the application over a fresh workspace.

    With *long_tokens* a token may live longer than an hour, as the old official client has it;
    with *lenient_codes* a record code stands for its newest version.
    """
    state = fixtures.build(lenient_codes=lenient_codes)
    return LegitoApp(state, auth.Credentials(api_key, private_key, long_tokens))


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
