"""Delivery of events of document records to push connections, some time after they happened.

Tried once, in no promised order. Only loopback addresses are delivered to: a stand-in has no
business with anyone else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from examples.legito import versions

if TYPE_CHECKING:
    from examples.legito.state import Row, State

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT_S = 10
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")


class Webhooks:
    """Watches a workspace and posts what its push connections ask for."""

    def __init__(self, state: State, delay_s: float) -> None:
        """Deliver *delay_s* after each event of *state*."""
        self._state = state
        self._delay_s = delay_s
        # The event loop itself holds tasks weakly only.
        self._under_way: set[asyncio.Task[None]] = set()
        state.watch = self._on_event

    async def settle(self) -> int:
        """Wait until nothing is under way; return how many deliveries were."""
        return len(await asyncio.gather(*self._under_way))

    def _on_event(self, event: Row, record: Row) -> None:
        for connection in self._state.push_connections.values():
            if _wants(connection, event, record):
                # Written now: the record may change before the delivery.
                payload = json.dumps(_document(self._state, connection, event, record)).encode()
                headers = _headers(self._state, connection, event, record)
                task = asyncio.ensure_future(self._deliver(connection["url"], headers, payload))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def _deliver(self, url: str, headers: list[tuple[str, bytes]], payload: bytes) -> None:
        await asyncio.sleep(self._delay_s)
        # What goes wrong at the receiver is the receiver's loss.
        with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
            async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as client:
                await client.post(url, content=payload, headers=headers)


def _wants(connection: Row, event: Row, record: Row) -> bool:
    """Tell whether *connection* is to hear of *event*; no event types mean all of them."""
    kinds, suites = connection["eventTypes"], connection["templateSuites"]
    return (
        connection["enabled"]
        and urlsplit(connection["url"]).hostname in LOOPBACK
        and (not kinds or event["type"] in kinds)
        and (connection["templateSuiteAll"] or record["templateSuiteId"] in suites)
        and (
            connection["documentRecordTypeAll"]
            or record["documentRecordTypeId"] in connection["documentRecordTypes"]
        )
    )


def _document(state: State, connection: Row, event: Row, record: Row) -> Row:
    files = _files(state, connection, record)
    return {
        "pushConnectionSystemName": connection["systemName"],
        "eventType": event["type"],
        "documentRecord": record,
        **({"files": files} if files else {}),
    }


def _files(state: State, connection: Row, record: Row) -> Row:
    """Return the files the connection asks for: uploaded ones, and the newest version's."""
    files: Row = {}
    if connection["attachFilesUploaded"]:
        files["uploaded"] = [
            file | {"data": state.file_data[file["id"]]}
            for file in state.files.values()
            if file["documentRecordId"] == record["id"]
        ]
    if connection["attachFilesGenerated"]:
        newest = record["documentVersions"][-1:]
        files["generated"] = [
            file
            for version in newest
            for kind in connection["fileTypes"]
            for file in versions.render(state, version, kind)
        ]
    return files


def _headers(state: State, connection: Row, event: Row, record: Row) -> list[tuple[str, bytes]]:
    """Return the headers of a delivery, their placeholders filled in."""
    headers = [("content-type", b"application/json")]
    for header in connection["headers"]:
        is_api_user = header.get("useDefaultApiUser", False)
        author = state.api_user_id if is_api_user else event["authorId"]
        known = {
            "event": event | {"author": state.users.get(author, {})},
            "documentRecord": record,
        }
        value = _PLACEHOLDER.sub(lambda match, known=known: _find(known, match[1]), header["value"])
        headers.append((header["name"], value.encode()))
    return headers


def _find(known: object, path: str) -> str:
    """Return what *path* leads to as text; empty when it leads nowhere."""
    for step in path.split("."):
        known = known.get(step) if isinstance(known, dict) else None
    return "" if known is None else str(known)
