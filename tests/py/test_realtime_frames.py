"""The two wire versions: frames in, frames out."""

import json

import pytest

from worker.embedded.realtime.frames import Broadcast, Encoded, Frame, FrameError, WireV1, WireV2

V1, V2 = WireV1(), WireV2()


def test_both_versions_carry_the_same_frame() -> None:
    """An object here, an array there; numbers as references become text."""
    wanted = Frame("1", "2", "realtime:x", "phx_leave", {})

    assert V2.decode('["1", 2, "realtime:x", "phx_leave", {}]') == wanted
    assert (
        V1.decode(
            '{"join_ref": 1, "ref": "2", "topic": "realtime:x", "event": "phx_leave",'
            ' "payload": {}}'
        )
        == wanted
    )


@pytest.mark.parametrize("data", ["", "[]", "{}", "[1,2,3,4,5]", "x", b"", b"\x03\x01", b"\x04"])
def test_what_is_not_a_frame_is_an_error(data: Encoded) -> None:
    """Whatever it is, it does not raise anything else."""
    for wire in (V1, V2):
        with pytest.raises(FrameError):
            wire.decode(data)


def test_a_binary_push_is_a_broadcast() -> None:
    """Kind 3: lengths, encoding, strings, payload."""
    strings = (b"10", b"11", "realtime:ä".encode(), b"ev", b"")
    head = bytes([3, *map(len, strings)])

    as_json = V2.decode(head + b"\1" + b"".join(strings) + b'{"a":1}')
    as_bytes = V2.decode(head + b"\0" + b"".join(strings) + b"\xff\x00")

    assert (as_json.join_ref, as_json.ref, as_json.topic) == ("10", "11", "realtime:ä")
    assert (as_json.payload["event"], as_json.payload["payload"]) == ("ev", {"a": 1})
    assert as_bytes.payload["payload"] == b"\xff\x00"


def test_a_broadcast_is_binary_in_version_two_only() -> None:
    """Kind 4: lengths, encoding, strings, payload; version 1.0.0 gets an object."""
    message = Broadcast("realtime:x", "ev", '{"a":1}', message_id="7")

    assert V2.broadcast(message) == b'\x04\x0a\x02\x0a\x01realtime:xev{"id":"7"}{"a":1}'
    assert json.loads(V1.broadcast(message) or "") == {
        "topic": "realtime:x",
        "event": "broadcast",
        "payload": {"type": "broadcast", "event": "ev", "payload": {"a": 1}, "meta": {"id": "7"}},
        "ref": None,
    }


def test_what_does_not_fit_a_binary_frame_is_sent_as_json() -> None:
    """Lengths are single bytes; the topic below needs two."""
    message = Broadcast("realtime:" + "x" * 300, "ev", "{}")

    frame = V2.broadcast(message)

    assert isinstance(frame, str)
    assert json.loads(frame)[2] == message.topic


def test_bytes_reach_version_two_only() -> None:
    """There is no way to put them into an object of version 1.0.0."""
    message = Broadcast("realtime:x", "ev", b"\xff", compact=False)

    assert V1.broadcast(message) is None
    assert V2.broadcast(message) == b"\x04\x0a\x02\x00\x00realtime:xev\xff"
