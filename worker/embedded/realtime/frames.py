"""The two wire versions: what clients send, decoded; what the server sends, encoded.

Version 1.0.0 is one JSON object per frame. Version 2.0.0 is a JSON array, or for broadcasts a
binary frame whose lengths are single bytes. A broadcast is encoded once per version, however many
sockets receive it.
"""

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

Encoded: TypeAlias = str | bytes

_PUSH_KIND: Final = 3
_BROADCAST_KIND: Final = 4
_BINARY: Final = 0
_JSON: Final = 1
_LONGEST_FIELD: Final = 255


class FrameError(ValueError):
    """The client sent something that is not a frame of its version."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message from a client. A binary payload sits in *payload* as bytes."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One broadcast on its way out.

    *payload* is JSON text, or bytes for a binary broadcast. *compact* asks for the binary frame of
    version 2.0.0, which the platform uses for all but plain JSON frames and batches over HTTP.
    """

    topic: str
    event: str
    payload: str | bytes
    message_id: str | None = None
    compact: bool = True
    replayed: bool = False

    def meta(self) -> dict[str, Any]:
        """Return what the server adds: the message's id and whether it is a replay."""
        meta: dict[str, Any] = {"replayed": True} if self.replayed else {}
        return meta | {"id": self.message_id} if self.message_id else meta


class Wire(Protocol):
    """One wire version."""

    def decode(self, data: Encoded) -> Frame:
        """Return the frame in *data*, or raise ``FrameError``."""

    def reply(self, to: Frame, status: str, response: Any) -> str:  # noqa: ANN401
        """Answer *to* with status ``ok`` or ``error``."""

    def push(self, join_ref: str | None, topic: str, event: str, payload: str) -> str:
        """Send *payload* (JSON text) to one channel."""

    def close(self, join_ref: str | None, topic: str) -> str:
        """Tell a client that its channel is gone."""

    def fan_out(self, topic: str, event: str, payload: str) -> str:
        """Send *payload* (JSON text) to any channel of *topic*."""

    def broadcast(self, message: Broadcast) -> Encoded | None:
        """Encode *message*; ``None`` if this version cannot carry it."""


class WireV1:
    """Version 1.0.0, spoken by supabase-py."""

    def decode(self, data: Encoded) -> Frame:
        """Return the frame in *data*, or raise ``FrameError``."""
        document = _parse(data)
        if not isinstance(document, dict):
            raise FrameError("a frame of version 1.0.0 is an object")
        return _frame(
            document.get("join_ref"),
            document.get("ref"),
            document.get("topic"),
            document.get("event"),
            document.get("payload"),
        )

    def reply(self, to: Frame, status: str, response: Any) -> str:  # noqa: ANN401
        """Answer *to* with status ``ok`` or ``error``."""
        return _dump(
            {
                "topic": to.topic,
                "event": "phx_reply",
                "payload": {"status": status, "response": response},
                "ref": to.ref,
            }
        )

    def push(self, join_ref: str | None, topic: str, event: str, payload: str) -> str:
        """Send *payload* to one channel."""
        del join_ref  # this version's server frames carry none
        return self.fan_out(topic, event, payload)

    def close(self, join_ref: str | None, topic: str) -> str:
        """Tell a client that its channel is gone."""
        return _dump({"topic": topic, "event": "phx_close", "payload": {}, "ref": join_ref})

    def fan_out(self, topic: str, event: str, payload: str) -> str:
        """Send *payload* to any channel of *topic*."""
        return f'{{"topic":{_dump(topic)},"event":"{event}","payload":{payload},"ref":null}}'

    def broadcast(self, message: Broadcast) -> Encoded | None:
        """Encode *message*; bytes cannot be carried."""
        payload = _broadcast_payload(message)
        return None if payload is None else self.fan_out(message.topic, "broadcast", payload)


class WireV2:
    """Version 2.0.0, spoken by supabase-js."""

    def decode(self, data: Encoded) -> Frame:
        """Return the frame in *data*, or raise ``FrameError``."""
        if isinstance(data, bytes):
            return _decode_push(data)
        document = _parse(data)
        if not isinstance(document, list) or len(document) != len(Frame.__slots__):
            raise FrameError("a frame of version 2.0.0 is an array of five")
        return _frame(*document)

    def reply(self, to: Frame, status: str, response: Any) -> str:  # noqa: ANN401
        """Answer *to* with status ``ok`` or ``error``."""
        payload = {"status": status, "response": response}
        return _dump([to.join_ref, to.ref, to.topic, "phx_reply", payload])

    def push(self, join_ref: str | None, topic: str, event: str, payload: str) -> str:
        """Send *payload* to one channel."""
        return f'[{_dump(join_ref)},null,{_dump(topic)},"{event}",{payload}]'

    def close(self, join_ref: str | None, topic: str) -> str:
        """Tell a client that its channel is gone."""
        return _dump([join_ref, join_ref, topic, "phx_close", {}])

    def fan_out(self, topic: str, event: str, payload: str) -> str:
        """Send *payload* to any channel of *topic*."""
        return f'[null,null,{_dump(topic)},"{event}",{payload}]'

    def broadcast(self, message: Broadcast) -> Encoded | None:
        """Encode *message*, as a binary frame where asked for and possible."""
        meta = message.meta()
        fields = [
            message.topic.encode(),
            message.event.encode(),
            _dump(meta).encode() if meta else b"",
        ]
        is_binary = isinstance(message.payload, bytes)
        fits = all(len(field) <= _LONGEST_FIELD for field in fields)
        if fits and (message.compact or is_binary):
            encoding = _BINARY if is_binary else _JSON
            head = bytes([_BROADCAST_KIND, *map(len, fields), encoding])
            return b"".join([head, *fields, _as_bytes(message.payload)])
        payload = _broadcast_payload(message)
        return None if payload is None else self.fan_out(message.topic, "broadcast", payload)


WIRES: Final[dict[str, Wire]] = {"1.0.0": WireV1(), "2.0.0": WireV2()}


def _decode_push(data: bytes) -> Frame:
    """Decode kind 3: a client's broadcast, sent so by supabase-js whatever the payload."""
    sizes, at = data[1:6], 7
    if len(data) < at or data[0] != _PUSH_KIND:
        raise FrameError("unknown kind of binary frame")
    fields = []
    for size in sizes:
        fields.append(data[at : at + size])
        at += size
    try:
        join_ref, ref, topic, event, _meta = (field.decode() for field in fields)
    except UnicodeDecodeError as error:
        raise FrameError("a binary frame with names that are not UTF-8") from error
    payload: Any = data[at:]
    if data[6] == _JSON:
        payload = _parse(payload)
    return Frame(
        join_ref or None,
        ref or None,
        topic,
        "broadcast",
        {"type": "broadcast", "event": event, "payload": payload, "compact": True},
    )


def _frame(join_ref: object, ref: object, topic: object, event: object, payload: object) -> Frame:
    if not isinstance(topic, str) or not isinstance(event, str):
        raise FrameError("a frame needs a topic and an event")
    return Frame(
        None if join_ref is None else str(join_ref),
        None if ref is None else str(ref),
        topic,
        event,
        payload,
    )


def _broadcast_payload(message: Broadcast) -> str | None:
    if isinstance(message.payload, bytes):
        return None
    meta = message.meta()
    tail = f',"meta":{_dump(meta)}' if meta else ""
    event = _dump(message.event)
    return f'{{"type":"broadcast","event":{event},"payload":{message.payload}{tail}}}'


def _as_bytes(payload: str | bytes) -> bytes:
    return payload if isinstance(payload, bytes) else payload.encode()


def _parse(data: Encoded) -> Any:  # noqa: ANN401
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError("not JSON") from error


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
