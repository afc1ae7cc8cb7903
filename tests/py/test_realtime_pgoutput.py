"""The decoder of pgoutput, on messages put together by hand."""

import struct
from datetime import UTC, datetime

import pytest

from worker.embedded.realtime.pgoutput import (
    Begin,
    Change,
    Column,
    Commit,
    Relation,
    Toast,
    Truncate,
    decode,
)


def text(value: str) -> bytes:
    """Return a value in text form, as a row carries it."""
    return b"t" + struct.pack("!I", len(value.encode())) + value.encode()


def row(*values: bytes) -> bytes:
    return struct.pack("!H", len(values)) + b"".join(values)


def test_a_transaction_begins_with_its_commit() -> None:
    """Position, time (microseconds since 2000) and transaction id."""
    message = b"B" + struct.pack("!QqI", 0x1_0000_0002, 86_400_000_000 + 341_000, 7)

    assert decode(message) == Begin(
        0x1_0000_0002, datetime(2000, 1, 2, 0, 0, 0, 341_000, tzinfo=UTC), 7
    )


def test_a_commit_tells_where_it_ends() -> None:
    """The second of its two positions."""
    assert decode(b"C" + struct.pack("!BQQq", 0, 1, 2, 3)) == Commit(2)


def test_a_relation_names_its_columns_and_identity() -> None:
    """An empty schema name stands for pg_catalog."""
    message = (
        b"R"
        + struct.pack("!I", 99)
        + "\0nötes\0d".encode()
        + struct.pack("!H", 2)
        + (b"\1id\0" + struct.pack("!Ii", 20, -1))
        + (b"\0body\0" + struct.pack("!Ii", 25, -1))
    )

    assert decode(message) == Relation(
        99,
        "pg_catalog",
        "nötes",
        "d",
        (Column("id", 20, True), Column("body", 25, False)),  # noqa: FBT003
    )


def test_an_insert_carries_text_and_null() -> None:
    """Text is UTF-8 and may be empty; null is not empty."""
    message = b"I" + struct.pack("!I", 99) + b"N" + row(text("ä"), b"n", text(""))

    assert decode(message) == Change(99, "INSERT", ("ä", None, ""), None, old_is_key=False)


@pytest.mark.parametrize(
    ("part", "old", "old_is_key"),
    [
        (b"", None, False),
        (b"K" + row(text("1"), b"n"), ("1", None), True),
        (b"O" + row(text("1"), text("a")), ("1", "a"), False),
    ],
)
def test_an_update_may_carry_the_old_key_or_row(
    part: bytes, old: tuple[str | None, ...] | None, *, old_is_key: bool
) -> None:
    """Neither, the key if it changed, or the whole row; what stayed in TOAST is marked."""
    message = b"U" + struct.pack("!I", 99) + part + b"N" + row(text("2"), b"u")

    assert decode(message) == Change(
        99, "UPDATE", ("2", Toast.UNCHANGED), old, old_is_key=old_is_key
    )


def test_a_delete_has_no_new_row() -> None:
    """Only what the replica identity kept."""
    message = b"D" + struct.pack("!I", 99) + b"K" + row(text("1"), b"n")

    assert decode(message) == Change(99, "DELETE", None, ("1", None), old_is_key=True)


def test_a_truncate_lists_its_tables() -> None:
    """One statement may empty several."""
    assert decode(b"T" + struct.pack("!IBII", 2, 0, 5, 6)) == Truncate((5, 6))


def test_rows_nobody_wants_are_not_parsed() -> None:
    """The row may be anything: it is not looked at."""
    assert decode(b"I" + struct.pack("!I", 99) + b"garbage", lambda id_: id_ != 99) is None


@pytest.mark.parametrize("message", [b"Y\0\0\0\1public\0mood\0", b"O\0", b"M"])
def test_messages_without_use_are_skipped(message: bytes) -> None:
    """Types, origins and logical messages."""
    assert decode(message) is None


def test_an_unknown_value_is_an_error() -> None:
    """Better to fail than to shift every value after it."""
    with pytest.raises(ValueError, match="unexpected value tag"):
        decode(b"I" + struct.pack("!I", 99) + b"N" + row(b"b"))
