"""Look things up in an answer. Pure: no I/O, no verdicts, no exception for a bad expression."""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import jsonpath_ng
import re2
from jsonpath_ng.ext.parser import parse as parse_jsonpath
from jsonschema import Draft202012Validator, ValidationError, validators
from referencing.jsonschema import EMPTY_REGISTRY

from worker import jsontext
from worker.models import Fault, Lookup, Observed, Pairs

VALUE_BYTES = 256 * 1024
REPORT_BYTES = 1024 * 1024
_PATH_CHARS = 2000
_UNSTORABLE = "a found value holds a NUL or half a surrogate pair"

# Steps that name one child each: these need no parser, and jsonpath-ng is slow.
_STEP = re.compile(
    r"\[([0-9]{1,9})\]"
    r"|\.(?!(?:where|wherenot)\b)([A-Za-z_][A-Za-z0-9_]*)"
    r"|\['([^'\\\n]+)'\]"
    r'|\["([^"\\\n]+)"\]'
)

# Expressions whose cost the size of the body bounds; a union such as [0,0] doubles at each step.
_TAME = (jsonpath_ng.Root, jsonpath_ng.Slice, jsonpath_ng.This, jsonpath_ng.Wildcard)


class LookupFailed(Exception):  # noqa: N818 - it is a finding, not a fault
    """A lookup could not be made; *fault* says why."""

    def __init__(self, slug: str, message: str) -> None:
        """Say it as a slug of ``docs/errors.md`` and a sentence."""
        super().__init__(message)
        self.fault = Fault(slug=slug, message=message)


class _Number(float):
    """A float that remembers its digits: jsonpath-ng's filters compare int and float only."""

    def __init__(self, digits: str) -> None:
        self.digits = digits


@dataclass(frozen=True)
class Evidence:
    """What lookups look in: headers, and the body's text or (``fault``) why there is none."""

    headers: Pairs
    text: str = ""
    fault: Fault | None = None

    @cached_property
    def document(self) -> Any:  # noqa: ANN401
        """The body as JSON, fractions as ``Decimal``."""
        return self._parse(jsontext.loads)

    @cached_property
    def comparable(self) -> Any:  # noqa: ANN401
        """The body as JSON with fractions that filters can compare."""
        return self._parse(lambda text: jsontext.loads(text, parse_float=_Number))

    def _parse(self, loads: Callable[[str], Any]) -> Any:  # noqa: ANN401
        if not self.text.strip():
            raise LookupFailed("body_not_json", "the body is not JSON: it is empty")
        try:
            return loads(self.text.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            raise LookupFailed("body_not_json", f"the body is not JSON: {error}") from None


def _in_body(evidence: Evidence, lookup: Lookup) -> list[Any]:
    path = lookup.path or "$"
    steps = simple_steps(path)
    if steps is not None:
        return follow(evidence.document, steps)
    expression = _expression(path)
    tame = _is_tame(expression)
    document = evidence.document if tame else evidence.comparable
    try:
        values = [match.value for match in expression.find(document)]
    except Exception as error:  # noqa: BLE001 - jsonpath-ng raises whatever its operators do
        said = f"the path cannot be applied: {type(error).__name__}"
        raise LookupFailed("invalid_path", said) from None
    return values if tame else _with_digits(values)


def _in_header(evidence: Evidence, lookup: Lookup) -> list[Any]:
    wanted = (lookup.name or "").lower()
    return [value for name, value in evidence.headers if name.lower() == wanted]


def _by_schema(evidence: Evidence, lookup: Lookup) -> list[Any]:
    document = evidence.document
    draft = validators.validator_for(lookup.json_schema, default=Draft202012Validator)
    types = draft.TYPE_CHECKER.redefine("integer", _is_whole)
    # An empty registry: nothing is fetched.
    rules = validators.extend(draft, type_checker=types)
    schema = rules(lookup.json_schema, registry=EMPTY_REGISTRY)
    try:
        return [_told(error) for error in islice(schema.iter_errors(document), 20)]
    except Exception as error:  # noqa: BLE001 - a broken schema raises whatever it breaks
        said = f"the schema cannot be applied: {type(error).__name__}"
        raise LookupFailed("invalid_schema", said) from None


def _is_whole(_: object, value: object) -> bool:
    return type(value) is int or (type(value) is Decimal and value == value.to_integral_value())


def _told(error: ValidationError) -> dict[str, Any]:
    """Say it without the value itself, which may be as long as the body."""
    said = error.message.removeprefix(repr(error.instance)).strip()
    place, rule = [*error.absolute_path], [*error.absolute_schema_path]
    return {"path": place, "schema_path": rule, "message": said}


# A new source is a function and a line here, and in OF_BODY if it reads the body.
SOURCES: Mapping[str, Callable[[Evidence, Lookup], list[Any]]] = {
    "body": _in_body,
    "header": _in_header,
    "text": lambda evidence, _: [evidence.text],
    "schema": _by_schema,
}
OF_BODY = frozenset({"body", "text", "schema"})


def observe(lookup: Lookup, evidence: Evidence) -> Observed:
    """Make one *lookup*; whatever is wrong with it is told in ``error``."""
    fault = evidence.fault if lookup.source in OF_BODY else None
    if lookup.source not in SOURCES:
        said = f"this worker does not know the source {lookup.source!r}"
        fault = Fault(slug="unknown_source", message=said)
    if fault:
        return Observed(id=lookup.id, error=fault)
    try:
        values = SOURCES[lookup.source](evidence, lookup)
        if lookup.pattern is not None:
            values = _matched(values, lookup.pattern)
        return Observed(id=lookup.id, found=bool(values), values=tuple(values))
    except LookupFailed as failure:
        return Observed(id=lookup.id, error=failure.fault)


def is_heavy(lookup: Lookup) -> bool:
    """Tell whether the cost of *lookup* is not bounded by the size of what it looks in."""
    path = lookup.path or "$"
    if lookup.source != "body" or simple_steps(path) is not None:
        return lookup.source == "schema"
    try:
        return not _is_tame(_expression(path))
    except LookupFailed:
        return False


@lru_cache(maxsize=4096)
def simple_steps(path: str) -> tuple[str | int, ...] | None:
    """Return the keys and indexes of a path as plain as ``$.a.b[0]['c']``, else None."""
    steps: list[str | int] = []
    end = 1
    while step := _STEP.match(path, end):
        text = step[step.lastindex or 0]
        steps.append(int(text) if step.lastindex == 1 else text)
        end = step.end()
    return tuple(steps) if path.startswith("$") and end == len(path) else None


def follow(value: Any, steps: Sequence[str | int]) -> list[Any]:  # noqa: ANN401
    """Return what lies at the end of *steps*: one value, or none."""
    try:
        for step in steps:
            kind: Any = dict if isinstance(step, str) else list
            if not isinstance(value, kind):
                return []
            value = value[step]
    except LookupError:
        return []
    return [value]


@lru_cache(maxsize=1024)
def _expression(path: str) -> jsonpath_ng.JSONPath:
    if len(path) > _PATH_CHARS:
        raise LookupFailed("invalid_path", f"the path is longer than {_PATH_CHARS} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return parse_jsonpath(path)
    except Exception as error:  # noqa: BLE001 - its parser raises bare Exception, among others
        raise LookupFailed("invalid_path", f"the path is not valid: {error}") from None


def _is_tame(expression: Any) -> bool:  # noqa: ANN401
    # By exact type: what sorts derives from what does nothing.
    kind = type(expression)
    if kind is jsonpath_ng.Child:
        return _is_tame(expression.left) and _is_tame(expression.right)
    if kind is jsonpath_ng.Fields:
        return len(expression.fields) == 1
    return kind in _TAME or (kind is jsonpath_ng.Index and len(expression.indices) == 1)


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> Any:  # noqa: ANN401
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise LookupFailed("invalid_pattern", f"the pattern is not valid: {error}") from None


def _matched(values: Sequence[Any], pattern: str) -> list[Any]:
    """Return the first match in each of *values*: its first group if there is one, else all."""
    regex = _regex(pattern)
    group = min(regex.groups, 1)
    texts = (value if isinstance(value, str) else jsontext.dumps(value) for value in values)
    try:
        matches = [regex.search(text) for text in texts]
    except UnicodeEncodeError:
        raise LookupFailed("unstorable_value", _UNSTORABLE) from None
    return [match[group] for match in matches if match and match[group] is not None]


def fit(found: Iterable[Observed]) -> list[Observed]:
    """Keep of what was *found* what the database can hold and a report has room for."""
    room = REPORT_BYTES
    kept = []
    for one in found:
        values: list[Any] = []
        fault, cut = one.error, False
        for value in one.values:
            text = jsontext.dumps(value)
            if not jsontext.is_storable(text):
                fault, values = Fault(slug="unstorable_value", message=_UNSTORABLE), []
                break
            limit = min(room, VALUE_BYTES)
            size = len(text.encode())
            if size > limit:
                whole = value if isinstance(value, str) else text
                value = whole.encode()[:limit].decode(errors="ignore")  # noqa: PLW2901
                cut = True
            values.append(value)
            room -= min(size, limit)
        changes = {"values": tuple(values), "error": fault, "truncated": cut}
        kept.append(one.model_copy(update=changes))
    return kept


def _with_digits(value: Any) -> Any:  # noqa: ANN401
    match value:
        case _Number():
            return Decimal(value.digits)
        case list():
            return [_with_digits(element) for element in value]
        case dict():
            return {name: _with_digits(element) for name, element in value.items()}
        case float():
            return value if value - value == 0 else str(value)
        case _:
            return value
