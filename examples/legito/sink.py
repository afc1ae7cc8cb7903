"""Where a webhook may be delivered and read back: ``/sink/<id>``, outside the API, without a token.

A test makes up an id, so that nobody else's deliveries are in its way.
"""

from __future__ import annotations

import json
from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from examples.legito.errors import ApiError, not_found

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE_PATH = "/sink"


class Sink:
    """Keeps what is posted, in the order of arrival."""

    def __init__(self) -> None:
        """Begin empty."""
        self._received: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def answer(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, object]:
        """POST keeps, GET lists ``{headers, body}``, DELETE forgets."""
        name = path.removeprefix(f"{BASE_PATH}/")
        if not name or "/" in name:
            raise not_found("sink", name)
        if method == "POST":
            sent = {key.decode("latin-1"): value.decode("latin-1") for key, value in headers}
            self._received[name].append({"headers": sent, "body": _read(body)})
        elif method == "DELETE":
            self._received.pop(name, None)
        elif method != "GET":
            raise ApiError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{method} is not allowed here",
                headers={"allow": "DELETE, GET, POST"},
            )
        return HTTPStatus.OK, self._received.get(name, [])


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("latin-1")
