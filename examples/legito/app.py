"""The ASGI application: authenticate, route, answer; nothing waits but for the body and faults.

A plain ASGI callable rather than a framework's, because the benchmarks share two cores with it.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from examples.legito import auth, faults, fixtures, sink
from examples.legito.call import Call
from examples.legito.errors import ApiError, not_found, unauthorized
from examples.legito.routing import ROUTES, Router
from examples.legito.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from examples.legito.auth import Credentials
    from examples.legito.state import State

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

BASE_PATH = "/api/v7"


# What a server offers that can break a connection off without an answer; see ``__main__``.
RESET = "legito.reset"


class LegitoApp:
    """One workspace behind one key pair, and beside it a sink for its webhooks."""

    def __init__(
        self,
        state: State,
        credentials: Credentials,
        webhooks: Webhooks,
        planned: Sequence[faults.Fault] = (),
    ) -> None:
        """Serve *state* to whoever holds *credentials*, with the faults *planned*."""
        self.state = state
        self.webhooks = webhooks
        self._credentials = credentials
        self._faults = planned
        self._router = Router(ROUTES)
        self._sink = sink.Sink()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other protocols are refused."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        body = await _read(receive)
        struck = self._struck(scope)
        if "latency" in struck:
            await asyncio.sleep(struck["latency"].ms / 1000)
        if "resets" in struck:
            await _reset(scope, receive)
            return
        try:
            status, document = self._answer(scope, body, struck)
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

    def _struck(self, scope: Message) -> dict[str, faults.Fault]:
        """Count the call with every fault, and return those that strike it."""
        path = scope["path"].removeprefix(BASE_PATH)
        if path == scope["path"]:
            return {}
        return {f.name: f for f in self._faults if f.strikes(scope["method"], path)}

    def _answer(
        self, scope: Message, body: bytes, struck: dict[str, faults.Fault]
    ) -> tuple[int, object]:
        if scope["path"].startswith(f"{sink.BASE_PATH}/"):
            return self._sink.answer(scope["method"], scope["path"], scope["headers"], body)
        if "bursts" in struck:
            raise struck["bursts"].error()
        header = dict(scope["headers"]).get(b"authorization")
        auth.check(header and header.decode("latin-1"), self._credentials, time.time())
        if "tokens" in struck:
            raise unauthorized("The token has expired")
        if not scope["path"].startswith(f"{BASE_PATH}/"):
            raise not_found("operation at", scope["path"])
        path = scope["path"].removeprefix(BASE_PATH)
        status, handler, parameters = self._router.find(scope["method"], path)
        call = Call.of(self.state, scope["query_string"], body)
        document = handler(call, *parameters)
        return status, faults.reshape(document) if "shapes" in struck else document


def create_app(
    api_key: str,
    private_key: str,
    *,
    long_tokens: bool = False,
    lenient_codes: bool = False,
    webhook_delay_s: float = 0.2,
    planned: Sequence[faults.Fault] = (),
) -> LegitoApp:
    """Return the application over a fresh workspace.

    With *long_tokens* a token may live longer than an hour, as the old official client has it;
    with *lenient_codes* a record code stands for its newest version. Push connections are told
    *webhook_delay_s* after an event. *planned* are the faults.
    """
    state = fixtures.build(lenient_codes=lenient_codes)
    credentials = auth.Credentials(api_key, private_key, long_tokens)
    return LegitoApp(state, credentials, Webhooks(state, webhook_delay_s), planned)


async def _reset(scope: Message, receive: Receive) -> None:
    """Break the connection off, and return when the server has noticed."""
    extensions = scope.get("extensions") or {}
    if RESET not in extensions:
        raise ConnectionResetError
    extensions[RESET]["reset"]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
