"""Decoder for pgoutput, protocol version 1: bytes of one message in, one frozen object out.

Source: PostgreSQL manual, "Logical Replication Message Formats".
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, TypeAlias

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Toast(Enum):
    """Stands for a large value that an update left alone and the log therefore lacks."""

    UNCHANGED = "unchanged"


Value: TypeAlias = str | Toast | None
Row: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """Start of a committed transaction; *commit_lsn* orders it among all others."""

    commit_lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """End of a transaction."""

    end_lsn: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it was when the change was written."""

    name: str
    type_oid: int
    is_identity: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it was when the change was written; sent before its first change."""

    id: int
    schema: str
    name: str
    replica_identity: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One inserted, updated or deleted row.

    *old* is what the replica identity kept of the former row: ``None`` when nothing was logged,
    only its key (other columns null) when *old_is_key*.
    """

    relation_id: int
    kind: str
    new: Row | None
    old: Row | None
    old_is_key: bool


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables emptied by one statement."""

    relation_ids: tuple[int, ...]


Message: TypeAlias = Begin | Commit | Relation | Change | Truncate

_KINDS: Final = {b"I": "INSERT", b"U": "UPDATE", b"D": "DELETE"}


class _Reader:
    """A position in one message."""

    def __init__(self, data: bytes, at: int = 1) -> None:
        self._data = data
        self._at = at

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def number(self, layout: struct.Struct) -> int:
        return self.unpack(layout)[0]

    def text(self) -> str:
        end = self._data.index(0, self._at)
        value = self._data[self._at : end].decode()
        self._at = end + 1
        return value

    def tag(self) -> bytes:
        self._at += 1
        return self._data[self._at - 1 : self._at]

    def row(self) -> Row:
        return tuple(self._value() for _ in range(self.number(_INT16)))

    def _value(self) -> Value:
        match self.tag():
            case b"n":
                return None
            case b"u":
                return Toast.UNCHANGED
            case b"t":
                size = self.number(_INT32)
                self._at += size
                return self._data[self._at - size : self._at].decode()
            case other:
                raise ValueError(f"unexpected value tag {other!r}")


_INT8: Final = struct.Struct("!B")
_INT16: Final = struct.Struct("!H")
_INT32: Final = struct.Struct("!I")
_BEGIN: Final = struct.Struct("!QqI")
_COMMIT: Final = struct.Struct("!BQQq")
_COLUMN_TYPE: Final = struct.Struct("!Ii")


def decode(data: bytes, wanted: Callable[[int], bool] = lambda _: True) -> Message | None:
    """Decode one message.

    Args:
        data: the message without the replication header.
        wanted: asked with a relation id before a row is parsed, so that skipping is cheap.

    Returns:
        ``None`` for rows nobody wants and for messages without use here (origin, type, logical).
    """
    reader = _Reader(data)
    match data[:1]:
        case b"I" | b"U" | b"D":
            relation_id = reader.number(_INT32)
            return _change(data[:1], relation_id, reader) if wanted(relation_id) else None
        case b"B":
            lsn, microseconds, xid = reader.unpack(_BEGIN)
            return Begin(lsn, _EPOCH + timedelta(microseconds=microseconds), xid)
        case b"C":
            return Commit(reader.unpack(_COMMIT)[2])
        case b"R":
            return _relation(reader)
        case b"T":
            count = reader.number(_INT32)
            reader.tag()
            return Truncate(tuple(reader.number(_INT32) for _ in range(count)))
        case _:
            return None


def _relation(reader: _Reader) -> Relation:
    relation_id = reader.number(_INT32)
    schema = reader.text() or "pg_catalog"
    name = reader.text()
    identity = reader.tag().decode()
    columns = []
    for _ in range(reader.number(_INT16)):
        is_identity = bool(reader.number(_INT8) & 1)
        column = reader.text()
        columns.append(Column(column, reader.unpack(_COLUMN_TYPE)[0], is_identity))
    return Relation(relation_id, schema, name, identity, tuple(columns))


def _change(tag: bytes, relation_id: int, reader: _Reader) -> Change:
    new: Row | None = None
    old: Row | None = None
    part = reader.tag()
    old_is_key = part == b"K"
    if part in b"KO":
        old = reader.row()
        part = reader.tag() if tag == b"U" else b""
    if part == b"N":
        new = reader.row()
    return Change(relation_id, _KINDS[tag], new, old, old_is_key)
