"""Filters of row change subscriptions: ``column=operator.value``, parsed and evaluated.

A value is compared as PostgreSQL compares its type. Equality of types whose text is canonical is
decided here; everything else is asked of the server, once per condition and batch.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncConnection, sql

from worker.embedded.realtime.pgoutput import Toast, Value

_INFIX: Final = {
    "eq": "=",
    "neq": "<>",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
    "like": "~~",
    "ilike": "~~*",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "is distinct from",
    "in": "= any",
}
_KEYWORDS: Final = ("null", "true", "false", "unknown")
_MOST_VALUES: Final = 100
_INTEGERS: Final = (20, 21, 23)
_TEXTS: Final = (25, 1043)
_UUID: Final = 2950


class FilterError(ValueError):
    """A filter that cannot be parsed; the message is what the client is told."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. *values* has one entry but for ``in``."""

    column: str
    operator: str
    values: tuple[str, ...]
    is_negated: bool

    async def evaluate(
        self,
        connection: AsyncConnection,
        type_oid: int,
        type_name: str,
        values: Sequence[Value],
    ) -> list[bool]:
        """Say for each value whether the condition holds; unknown and unlogged count as no."""
        known = [None if value is Toast.UNCHANGED else value for value in values]
        matches = self._decide(type_oid, known)
        if matches is None:
            matches = await self._ask(connection, type_name, known)
        return [
            match and value is not Toast.UNCHANGED
            for match, value in zip(matches, values, strict=True)
        ]

    def _decide(self, type_oid: int, values: Sequence[str | None]) -> list[bool] | None:
        """Evaluate without the server, where the type allows; ``None`` where it does not."""
        if self.operator == "is" and self.values == ("null",):
            return [(value is None) != self.is_negated for value in values]
        if self.operator not in ("eq", "neq", "in"):
            return None
        wanted = {_canonical(type_oid, value) for value in self.values}
        if None in wanted:
            return None
        is_inverse = self.is_negated != (self.operator == "neq")
        return [value is not None and (value in wanted) != is_inverse for value in values]

    async def _ask(
        self, connection: AsyncConnection, type_name: str, values: list[str | None]
    ) -> list[bool]:
        query = sql.SQL(
            "select coalesce({}, false) from unnest({}::text[]) with ordinality as row (value, n)"
            " order by row.n"
        ).format(self.expression(sql.SQL("row.value"), type_name), values)
        return [matches for (matches,) in await (await connection.execute(query)).fetchall()]

    def expression(self, operand: sql.Composable, type_name: str) -> sql.Composed:
        """Return the comparison of *operand* (text) as SQL over type *type_name*."""
        as_type = sql.SQL(type_name)
        left = sql.SQL("({})::{}").format(operand, as_type)
        if self.operator == "is":
            keyword = sql.SQL(self.values[0])
            test = sql.SQL("({} is {})").format(left, keyword)
        elif self.operator == "in":
            listed = sql.SQL("({}::text[])::{}[]").format(list(self.values), as_type)
            test = sql.SQL("({} = any ({}))").format(left, listed)
        else:
            infix = sql.SQL(_INFIX[self.operator])
            right = sql.SQL("({}::text)::{}").format(self.values[0], as_type)
            test = sql.SQL("({} {} {})").format(left, infix, right)
        return sql.SQL("not {}").format(test) if self.is_negated else sql.SQL("{}").format(test)


def parse(text: str) -> tuple[Condition, ...]:
    """Parse a filter; conditions joined by commas must all hold. Blank text means no condition."""
    if not text.strip():
        return ()
    return tuple(_condition(part) for part in _split(text.strip()))


def _condition(text: str) -> Condition:
    column, has_test, test = text.partition("=")
    if not has_test or not column:
        raise FilterError(f'Error parsing `filter` params: ["{text}"]')
    is_negated = test.startswith("not.")
    operator, _, value = test.removeprefix("not.").partition(".")
    if operator not in _INFIX and operator != "is":
        raise FilterError(f'Error parsing `filter` params: ["{operator}", "{value}"]')
    values: tuple[str, ...] = (_unquote(value),)
    if operator == "in":
        if not (value.startswith("(") and value.endswith(")")):
            raise FilterError(f'Error parsing `filter` params: ["in", "{value}"]')
        values = tuple(_unquote(part) for part in _split(value[1:-1]))
        if len(values) > _MOST_VALUES:
            raise FilterError("too many values for `in` filter. Maximum 100")
    if operator == "is" and value not in _KEYWORDS:
        raise FilterError("invalid value for is filter: must be null, true, false, or unknown")
    return Condition(column.strip(), operator, values, is_negated)


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses and double quotes."""
    parts, start, depth, is_quoted, at = [], 0, 0, False, 0
    while at < len(text):
        match text[at]:
            case "\\" if is_quoted:
                at += 1
            case '"' if is_quoted or text[at - 1 : at] in ("", ".", "(", ","):
                is_quoted = not is_quoted
            case "(" if not is_quoted:
                depth += 1
            case ")" if not is_quoted:
                depth -= 1
            case "," if depth <= 0 and not is_quoted:
                parts.append(text[start:at])
                start = at + 1
        at += 1
    return [*parts, text[start:]]


def _unquote(text: str) -> str:
    if len(text) < len('""') or not (text.startswith('"') and text.endswith('"')):
        return text
    plain, escaped = [], False
    for character in text[1:-1]:
        escaped = character == "\\" and not escaped
        if not escaped:
            plain.append(character)
    return "".join(plain)


def _canonical(type_oid: int, value: str) -> str | None:
    """Return *value* as the type would print it, ``None`` where only the server knows."""
    try:
        if type_oid in _INTEGERS:
            return str(int(value))
        if type_oid == _UUID:
            return str(uuid.UUID(value))
    except ValueError:
        return None
    return value if type_oid in _TEXTS else None
