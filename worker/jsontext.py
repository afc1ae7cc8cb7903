"""JSON in and out without changing a digit: ``1.10`` stays ``1.10`` on its way through."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import simplejson

_NUL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def loads(text: str | bytes, parse_float: Callable[[str], Any] = Decimal) -> Any:  # noqa: ANN401
    """Parse *text*; fractions go to *parse_float*, NaN and infinities become their names.

    Raises ``ValueError`` for what is not JSON, and for nesting too deep to parse.
    """
    try:
        return json.loads(text, parse_float=parse_float, parse_constant=str)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # An integer longer than Python's limit for int(); a Decimal has no such limit.
        return json.loads(text, parse_float=parse_float, parse_int=Decimal, parse_constant=str)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def dumps(value: Any) -> str:  # noqa: ANN401
    """Write *value* as compact JSON, each ``Decimal`` with exactly its digits."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL takes the JSON *text*: no NUL in it, no half surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return _NUL_ESCAPE.search(text) is None
