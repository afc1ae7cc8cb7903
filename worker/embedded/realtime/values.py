"""Values of a change as JSON text, the way ``to_jsonb`` would render them.

The log carries each value as its type prints it. For the common types the JSON form follows from
that text; for the rest (arrays, composites, enums, ranges, domains) the server converts.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from psycopg import AsyncConnection, sql

from worker.embedded.realtime.pgoutput import Toast, Value

_JSON_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(text: str) -> str:
    # NaN and the infinities are strings in JSON
    return text if _JSON_NUMBER.fullmatch(text) else _string(text)


def _boolean(text: str) -> str:
    return "true" if text == "t" else "false"


def _document(text: str) -> str:
    return text


def _timestamp(text: str) -> str:
    return _string(text.replace(" ", "T", 1))


def _instant(text: str) -> str:
    # the log is read in UTC, where the offset is always printed as +00
    return _timestamp(text.replace("+00", "+00:00"))


_RULES: Final[dict[int, Callable[[str], str]]] = {
    16: _boolean,
    114: _document,
    3802: _document,
    1114: _timestamp,
    1184: _instant,
    **dict.fromkeys((20, 21, 23, 700, 701, 1700), _number),
    # bytea, char, name, text, oid, inet, bpchar, varchar, date, time, interval, timetz, uuid
    **dict.fromkeys((17, 18, 19, 25, 26, 869, 1042, 1043, 1082, 1083, 1186, 1266, 2950), _string),
}


async def render(
    connection: AsyncConnection, type_oid: int, type_name: str, values: Sequence[Value]
) -> list[str | None]:
    """Return each value as JSON text; ``None`` where the log lacks it."""
    texts = [value for value in values if isinstance(value, str)]
    rule = _RULES.get(type_oid)
    if rule is not None:
        rendered = iter([rule(text) for text in texts])
    else:
        rendered = iter(await _ask(connection, type_name, texts) if texts else [])
    return [
        next(rendered) if isinstance(value, str) else None if value is Toast.UNCHANGED else "null"
        for value in values
    ]


async def _ask(connection: AsyncConnection, type_name: str, texts: list[str]) -> list[str]:
    query = sql.SQL(
        "select to_jsonb(row.value::{})::text"
        " from unnest({}::text[]) with ordinality as row (value, n) order by row.n"
    ).format(sql.SQL(type_name), texts)
    return [text for (text,) in await (await connection.execute(query)).fetchall()]
