"""What a handler is given, and the few ways it may read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from examples.legito.errors import invalid, wrong_shape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from examples.legito.state import State

Row = dict[str, Any]
Body = Row | list[Row]

MAX_PAGE = 1000
_FLAGS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class Call:
    """One authenticated request, its path already matched."""

    state: State
    query: dict[str, str]
    raw_body: bytes

    @classmethod
    def of(cls, state: State, query_string: bytes, raw_body: bytes) -> Call:
        """Build from what the server hands over; of a repeated parameter the last one counts."""
        query = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        return cls(state, query, raw_body)

    def json_object(self) -> Row:
        """Return the body, which must be a JSON object."""
        body = self._json()
        if not isinstance(body, dict):
            raise wrong_shape("The body must be a JSON object")
        return body

    def json_array(self) -> list[Row]:
        """Return the body, which must be a JSON array of objects."""
        body = self._json()
        if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
            raise wrong_shape("The body must be a JSON array of objects")
        return body

    def integer(self, name: str) -> int | None:
        """Return the query parameter *name*, None when absent."""
        text = self.query.get(name)
        return None if text is None else _integer(name, text)

    def flag(self, name: str) -> bool | None:
        """Return the query parameter *name*: true, false, 1 or 0; None when absent."""
        text = self.query.get(name)
        if text is None:
            return None
        if text.lower() not in _FLAGS:
            raise invalid((name, "must be true, false, 1 or 0"))
        return _FLAGS[text.lower()]

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """Return the query parameter *name*, which must be one of *allowed*."""
        return one_of(name, self.query.get(name, default), allowed)

    def pipe(self, name: str) -> list[str]:
        """Return the parts of a pipe-separated parameter; empty when absent: no filter."""
        return [part for part in self.query.get(name, "").split("|") if part]

    def pipe_integers(self, name: str) -> set[int]:
        """Return the numbers of a pipe-separated parameter; empty when absent: no filter."""
        return {_integer(name, part) for part in self.pipe(name)}

    def page(self, rows: Iterable[Row], default_limit: int = MAX_PAGE) -> list[Row]:
        """Cut *rows* as ``limit`` and ``offset`` ask."""
        limit, offset = self.integer("limit"), self.integer("offset") or 0
        limit = default_limit if limit is None else limit
        if not 1 <= limit <= MAX_PAGE:
            raise invalid(("limit", f"must be between 1 and {MAX_PAGE}"))
        if offset < 0:
            raise invalid(("offset", "must not be negative"))
        return list(rows)[offset : offset + limit]

    def _json(self) -> object:
        try:
            return json.loads(self.raw_body)
        except ValueError as exc:
            raise wrong_shape("The body must be JSON") from exc


def text(row: Row, field: str) -> str:
    """Return *field* of a body, which must be a string that is not blank."""
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise invalid((field, "must be a text that is not empty"))
    return value


def one_of(field: str, value: object, allowed: Collection[str]) -> str:
    """Return *value* when it is one of *allowed*."""
    if not isinstance(value, str) or value not in allowed:
        raise invalid((field, f"must be one of {', '.join(sorted(allowed))}"))
    return value


def typed(row: Row, kinds: dict[str, type | tuple[type, ...]]) -> Row:
    """Return the fields of *row* that *kinds* names, each checked against its types.

    Fields that are absent stay absent, so the answer can update a row; other fields are dropped.
    """
    taken = {field: row[field] for field in kinds if field in row}
    faults = [
        (field, "has the wrong type")
        for field, value in taken.items()
        if not matches(value, kinds[field])
    ]
    if faults:
        raise invalid(*faults)
    return taken


def matches(value: object, kind: type | tuple[type, ...]) -> bool:
    """Tell whether *value* is a *kind*; unlike Python, true and false are no numbers here."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def success() -> Row:
    """Return the body of operations that have nothing else to say."""
    return {"code": 200, "status": "OK"}


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as exc:
        raise invalid((name, "must be an integer")) from exc
