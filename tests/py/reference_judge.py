"""Judging, written down once more: operators, assertions and the delay of a retry."""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from reference_support import jsonb_text, tagged
from reference_templates import text_of

TYPES = {"NoneType": "null", "bool": "boolean", "Decimal": "number", "str": "string"}
ORDER = ("greater_than", "greater_or_equal", "less_than", "less_or_equal")
NOTHING = object()
OPERATORS = (
    *("equals", "not_equals", *ORDER, "contains", "not_contains", "matches"),
    *("exists", "not_exists", "type", "length", "one_of"),
)


def equal(one: Any, other: Any) -> bool:
    """Return whether two values are equal as JSON."""
    return tagged(one) == tagged(other)


def type_of(value: Any) -> str:
    """Return the JSON type of *value*."""
    containers = {"dict": "object", "list": "array"}
    return (TYPES | containers)[type(value).__name__]


def is_part(part: Any, whole: Any) -> bool:
    """Return whether *whole* contains *part*: members with their parts, elements in any order."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and is_part(part[key], whole[key]) for key in part)
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(is_part(each, candidate) for candidate in whole) for each in part)
    return equal(part, whole)


def contains(actual: Any, expected: Any) -> bool | None:
    """Return whether a text, an array or an object contains *expected*; None if it cannot."""
    match actual, expected:
        case str(), _:
            return text_of(expected) in actual
        case list(), _:
            return any(equal(each, expected) for each in actual)
        case dict(), str():
            return expected in actual
        case dict(), dict():
            return is_part(expected, actual)
        case _:
            return None


def compare_size(operator: str, actual: Any, expected: Any) -> bool | None:
    """Return how two numbers or two texts compare; None for anything else."""
    if type(actual) is not type(expected) or not isinstance(actual, Decimal | str):
        return None
    return {
        "greater_than": actual > expected,
        "greater_or_equal": actual >= expected,
        "less_than": actual < expected,
        "less_or_equal": actual <= expected,
    }[operator]


def is_of_type(actual: Any, expected: Any) -> bool:
    """Return whether *expected* names the type of *actual*."""
    is_whole = isinstance(actual, Decimal) and actual == actual.to_integral_value()
    return expected == type_of(actual) or (expected == "integer" and is_whole)


def is_one_of(actual: Any, expected: Any) -> bool | None:
    """Return whether *actual* is among the choices; None if there are no choices."""
    is_list = isinstance(expected, list)
    return any(equal(actual, choice) for choice in expected) if is_list else None


def has_length(actual: Any, expected: Any) -> bool | None:
    """Return whether *actual* has so many characters, elements or keys; None if it has none."""
    has_any = isinstance(actual, str | list | dict)
    return equal(Decimal(len(actual)), expected) if has_any else None


def compare(operator: str, actual: Any, expected: Any) -> bool | None:
    """Return whether *actual* satisfies *operator*; None when the two cannot be compared."""
    if operator in ORDER:
        return compare_size(operator, actual, expected)
    if operator == "not_contains":
        has = contains(actual, expected)
        return None if has is None else not has
    by_operator: dict[str, Callable[[Any, Any], bool | None]] = {
        "equals": equal,
        "not_equals": lambda one, other: not equal(one, other),
        "one_of": is_one_of,
        "contains": contains,
        "type": is_of_type,
        "length": has_length,
    }
    return by_operator[operator](actual, expected) if operator in by_operator else None


def read_header(operator: str, values: list[str]) -> Any:
    """Return several fields of one name as one; for a comparison of size, as a number if it is."""
    joined = ", ".join(values)
    whole, _, fraction = joined.removeprefix("-").partition(".")
    is_number = whole.isdigit() and joined.isascii() and len(whole) <= 100
    if "." in joined:
        is_number = is_number and fraction.isdigit() and len(fraction) <= 100
    return Decimal(joined) if operator in ORDER and is_number else joined


def find_actual(
    assertion: Mapping[str, Any], response: Any, timing: Any, observed: Mapping[str, Any] | None
) -> tuple[bool, Any]:
    """Return whether something was found, and what to judge: NOTHING if there is nothing."""
    source = assertion["source"]
    if source in ("status", "duration"):
        facts, key = (response, "status") if source == "status" else (timing, "total")
        return key in facts, facts.get(key, NOTHING)
    is_found = observed is not None and observed["found"]
    if assertion.get("many"):
        return is_found, observed["values"] if observed else NOTHING
    if not is_found or observed is None:
        return False, NOTHING
    if source == "header":
        return True, read_header(assertion["operator"], observed["values"])
    return True, observed["values"][0]


def judge(
    assertion: Mapping[str, Any],
    response: Any,
    timing: Any,
    observed: Mapping[str, Any] | None,
    narrowed: Mapping[str, Any] | None,
) -> tuple[bool, Any]:
    """Return whether *assertion* holds, and what it was judged on."""
    operator, expected = assertion["operator"], assertion.get("expected")
    is_found, actual = find_actual(assertion, response, timing, observed)
    if operator in ("exists", "not_exists"):
        return is_found == (operator == "exists"), actual
    # of a path that may find several, finding none is the empty array
    if actual is NOTHING:
        return False, actual
    if operator == "matches":
        return narrowed is not None and narrowed["found"], actual
    if assertion["source"] == "header" and operator in ("equals", "not_equals", "one_of"):
        is_list = isinstance(expected, list)
        expected = [text_of(each) for each in expected] if is_list else text_of(expected)
    return compare(operator, actual, expected) is True, actual


def jitter(seed: str, retry_number: int) -> Decimal:
    """Return the number in [0.5, 1.5) that a seed and a retry stand for."""
    digest = hashlib.md5(f"{seed}:{retry_number}".encode(), usedforsecurity=False).hexdigest()
    return Decimal("0.5") + Decimal(int(digest[:13], 16)) / Decimal(2**52)


def plain_delay(retry: Mapping[str, Any], retry_number: int) -> Decimal:
    """Return min(cap, base * factor ^ n) in milliseconds."""
    cap = Decimal(retry.get("cap_ms", 30000))
    factor = Decimal(retry.get("factor", 2))
    growth = Decimal(1) if retry_number == 0 else factor**retry_number
    return min(cap, Decimal(retry.get("base_ms", 500)) * growth)


def describe(value: Any) -> str:
    """Return *value* as a message shows it: JSON, at most 120 characters."""
    text = jsonb_text(value)
    return text if len(text) <= 120 else text[:117] + "..."
