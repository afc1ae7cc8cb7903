"""Broadcasts over HTTP: a batch as JSON, or one event with its payload as the body."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from psycopg import Error
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.embedded.realtime.authorization import Caller, may_send
from worker.embedded.realtime.database import Session
from worker.embedded.realtime.frames import Broadcast
from worker.embedded.realtime.hub import Hub
from worker.embedded.realtime.service import LARGEST_PAYLOAD_BYTES
from worker.embedded.realtime.tokens import OPAQUE_PREFIX, Claims, TokenError, Tokens


class BroadcastApi:
    """The two endpoints. Accepted means 202, also for a private message that policies drop."""

    def __init__(self, *, tokens: Tokens, hub: Hub, session: Session) -> None:
        """Serve broadcasts to *hub*, asking policies through *session*."""
        self._tokens = tokens
        self._hub = hub
        self._session = session

    async def batch(self, request: Request) -> Response:
        """Handle ``POST /api/broadcast`` with ``{"messages": [...]}``."""
        try:
            claims = self._claims(request)
            messages = _messages(await request.body())
        except TokenError as error:
            return JSONResponse({"error": error.message}, 401)
        except ValueError as error:
            return JSONResponse({"errors": {"messages": [str(error)]}}, 422)
        allowed: dict[str, bool] = {}
        for message in messages:
            topic, is_private = message["topic"], bool(message.get("private"))
            if is_private and topic not in allowed:
                allowed[topic] = await self._may_send(claims, topic)
            if not is_private or allowed[topic]:
                payload = json.dumps(message["payload"], ensure_ascii=False)
                outgoing = Broadcast(topic, message["event"], payload, compact=False)
                self._hub.broadcast(outgoing, is_private=is_private)
        return Response(status_code=202)

    async def single(self, request: Request) -> Response:
        """Handle ``POST /api/broadcast/{topic}/events/{event}`` with any JSON or bytes as body."""
        body = await request.body()
        payload: str | bytes = body
        try:
            claims = self._claims(request)
            if request.headers.get("content-type", "").startswith("application/json"):
                payload = json.dumps(json.loads(body), ensure_ascii=False)
        except TokenError as error:
            return JSONResponse({"error": error.message}, 401)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        if len(body) > LARGEST_PAYLOAD_BYTES:
            return JSONResponse({"error": "Payload size exceeds the limit"}, 413)
        topic, event = _topic_and_event(request)
        is_private = request.query_params.get("private") == "true"
        if not is_private or await self._may_send(claims, topic):
            self._hub.broadcast(Broadcast(topic, event, payload), is_private=is_private)
        return Response(status_code=202)

    def _claims(self, request: Request) -> Claims:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not bearer or bearer.startswith(OPAQUE_PREFIX):
            bearer = request.headers.get("apikey") or bearer
        if not bearer:
            raise TokenError("MissingAuthorization", "API key is missing")
        return self._tokens.verify(self._tokens.resolve(bearer))

    async def _may_send(self, claims: Claims, topic: str) -> bool:
        try:
            async with self._session.use() as connection:
                return await may_send(connection, Caller(claims, topic), "broadcast")
        except Error:
            return False


def _topic_and_event(request: Request) -> tuple[str, str]:
    """Return both from the path as it was sent: either may hold an encoded slash."""
    match request.scope["raw_path"].decode("ascii").split("/"):
        case [*_, "broadcast", topic, "events", event]:
            return unquote(topic), unquote(event)
        case _:
            raise HTTPException(404)


def _messages(body: bytes) -> list[Mapping[str, Any]]:
    """Return the messages of a batch, or raise ``ValueError`` saying what is missing."""
    document = json.loads(body)
    messages = document.get("messages") if isinstance(document, dict) else None
    if not isinstance(messages, list):
        raise ValueError("can't be blank")  # noqa: TRY004 - the client's mistake, not ours
    for message in messages:
        if not isinstance(message, dict) or "payload" not in message:
            raise ValueError("topic, event and payload can't be blank")
        if not all(isinstance(message.get(name), str) for name in ("topic", "event")):
            raise ValueError("topic, event and payload can't be blank")
    return messages
