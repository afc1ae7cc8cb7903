"""A joined channel: what it asked for, whose it is, and how to reach it."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from zlib import crc32

from worker.embedded.realtime.filters import Condition
from worker.embedded.realtime.frames import Broadcast, Encoded, Wire
from worker.embedded.realtime.tokens import Claims

TOPIC_PREFIX: Final = "realtime:"
_LARGEST_ID: Final = 2**27


@dataclass(frozen=True, slots=True)
class Binding:
    """One row change subscription, checked against the catalog."""

    id: int
    event: str
    schema: str
    table: str
    conditions: tuple[Condition, ...] = ()
    selected: frozenset[str] | None = None

    def covers(self, schema: str, table: str) -> bool:
        """Say whether changes of this table are meant."""
        return self.schema in ("*", schema) and self.table in ("*", table)


def binding_id(request: Mapping[str, Any]) -> int:
    """Return the number a client will know its subscription by: never 0, which it would ignore."""
    return crc32(json.dumps(request, sort_keys=True).encode()) % (_LARGEST_ID - 1) + 1


@dataclass(frozen=True, slots=True)
class JoinConfig:
    """What a client asked for when joining."""

    is_private: bool = False
    acknowledges: bool = False
    hears_itself: bool = False
    wants_ready: bool = False
    replay: Mapping[str, Any] | None = None
    presence_key: str = ""
    has_presence: bool = False
    requests: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def parse(cls, payload: object) -> Self:
        """Read a join payload; what is missing or odd takes its default, as on the platform."""
        config = _mapping(_mapping(payload).get("config"))
        broadcast = _mapping(config.get("broadcast"))
        presence = _mapping(config.get("presence"))
        replay = broadcast.get("replay")
        requests = config.get("postgres_changes")
        return cls(
            is_private=_flag(config.get("private")),
            acknowledges=_flag(broadcast.get("ack")),
            hears_itself=_flag(broadcast.get("self")),
            wants_ready=_flag(broadcast.get("replication_ready")),
            replay=replay if isinstance(replay, Mapping) else None,
            presence_key=str(presence.get("key") or ""),
            has_presence=_flag(presence.get("enabled")),
            requests=tuple(
                request
                for request in (requests if isinstance(requests, list) else [])
                if isinstance(request, Mapping)
            ),
        )


@dataclass(eq=False, slots=True)
class Channel:
    """One channel of one socket.

    *since* is the position of the log when it joined: older commits are not its business.
    *may_send* is ``None`` until the policies were asked.
    """

    topic: str
    join_ref: str | None
    config: JoinConfig
    wire: Wire
    send: Callable[[Encoded], None]
    claims: Claims
    since: int
    headers: str = "{}"
    bypasses_row_security: bool = False
    may_receive: bool = True
    may_send: bool | None = None
    bindings: tuple[Binding, ...] = ()
    replayed: frozenset[str] = frozenset()
    is_open: bool = True
    expiry: asyncio.TimerHandle | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Return the topic without its prefix, as policies and ``realtime.send`` know it."""
        return self.topic.removeprefix(TOPIC_PREFIX)

    @property
    def room(self) -> tuple[bool, str]:
        """Return what separates audiences: private and public channels of one name never mix."""
        return self.config.is_private, self.name

    def system(self, extension: str, status: str, message: str) -> None:
        """Send a system message."""
        payload = {
            "extension": extension,
            "status": status,
            "message": message,
            "channel": self.name,
        }
        self.push("system", payload)

    def push(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send an event to this channel alone."""
        text = json.dumps(payload, ensure_ascii=False)
        self.send(self.wire.push(self.join_ref, self.topic, event, text))

    def replay(self, message: Broadcast) -> None:
        """Send a stored broadcast to this channel alone."""
        encoded = self.wire.broadcast(message)
        if encoded is not None:
            self.send(encoded)

    def end(self) -> None:
        """Stop everything that still works for this channel."""
        self.is_open = False
        if self.expiry is not None:
            self.expiry.cancel()
        for task in self.tasks:
            task.cancel()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _flag(value: object) -> bool:
    return value in (True, "true", "True")
