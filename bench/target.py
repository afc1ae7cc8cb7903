"""A fast API under test: one JSON object for any path."""

import json
from typing import Any

_HEADERS = [(b"content-type", b"application/json")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401, ARG001 - ASGI
    """Answer ``/item/<n>`` with its number; uvicorn serves this."""
    if scope["type"] != "http":
        return
    number = scope["path"].rpartition("/")[2]
    body = json.dumps({"id": number, "name": f"Item {number}", "tags": ["a", "b"]}).encode()
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
