"""JSON Schemas at save: what the standard allows is taken, what is refused breaks it."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, SchemaError
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster

NAMES = st.sampled_from(["a", "b/c", "~", "", "é", "type", "$defs"])
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
COUNTS = st.integers(0, 5) | st.just(2.0)
NUMBERS = st.integers(-5, 5) | st.sampled_from([0.5, -1.25])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | NAMES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=3,
)
PATTERNS = st.sampled_from(["^a", "(?!x)b+", r"\d{2,3}", "[^]x]", "", r"(a)\1"])
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, unique=True),
    "required": st.lists(NAMES, unique=True),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, unique=True), max_size=2),
    "enum": st.lists(VALUES, max_size=3),
    "const": VALUES,
    "default": VALUES,
    "examples": st.lists(VALUES, max_size=2),
    "pattern": PATTERNS,
    "multipleOf": st.sampled_from([1, 0.01, 3]),
    "uniqueItems": st.booleans(),
    "title": NAMES,
    "format": NAMES,
    "x-own": VALUES,
    **dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], NUMBERS),
    **dict.fromkeys(
        ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxContains"], COUNTS
    ),
}
NESTED = ["not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames"]
LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"]
MAPS = ["properties", "$defs", "dependentSchemas"]


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> Any:
    """Draw a schema as the standard allows it."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.booleans())
    names = [*KEYWORDS, *(NESTED + LISTS + MAPS + ["patternProperties"] if depth else [])]
    schema: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=4, unique=True)):
        inner = schemas(depth - 1)
        if name in KEYWORDS:
            schema[name] = draw(KEYWORDS[name])
        elif name in NESTED:
            schema[name] = draw(inner)
        elif name in LISTS:
            schema[name] = draw(st.lists(inner, min_size=1, max_size=2))
        elif name in MAPS:
            schema[name] = draw(st.dictionaries(NAMES, inner, max_size=2))
        else:
            schema[name] = draw(st.dictionaries(PATTERNS, inner, max_size=2))
    return schema


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Draw a schema in which one keyword, somewhere, has just any value."""
    schema = draw(schemas())
    place, is_deep = schema, True
    while is_deep and isinstance(place, dict):
        inner = [value for value in place.values() if isinstance(value, dict)]
        is_deep = bool(inner) and draw(st.booleans())
        place = draw(st.sampled_from(inner)) if is_deep else place
    if isinstance(place, dict):
        names = st.sampled_from([*KEYWORDS, *NESTED, *LISTS, *MAPS])
        place[draw(names)] = draw(VALUES)
    return schema


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def fault_of(engine: psycopg.Connection, schema: Any) -> tuple[str, str] | None:
    """Return where and how the database finds fault with *schema*."""
    row = engine.execute(
        """
        select problems.pointer, problems.message
        from private.schema_problem(%s::jsonb, '') as problems
        """,
        [json.dumps(schema)],
    ).fetchone()
    return row if row and row[1] else None


def is_schema(schema: Any) -> bool:
    """Tell whether the meta-schema takes *schema*."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


@given(schema=schemas())
@example(schema={"properties": {"$ref": {"type": "string"}, "enum": {"const": {"type": 5}}}})
@example(schema={"enum": [{"type": "text"}], "default": {"pattern": "("}})
@examples(250)
def test_what_the_standard_allows_is_taken(engine: psycopg.Connection, schema: Any) -> None:
    """At any depth; what stands in values is no keyword."""
    assert fault_of(engine, schema) is None


@given(schema=mutated())
@example(schema={"properties": {"a": {"required": ["x", "x"]}}})
@example(schema={"dependentRequired": {"a": "b"}})
@examples(500)
def test_what_breaks_the_meta_schema_is_refused(engine: psycopg.Connection, schema: Any) -> None:
    """And nothing else is, but for broken patterns; the pointer leads to what is wrong."""
    fault = fault_of(engine, schema)

    if fault is None:
        assert is_schema(schema)
    else:
        assert not is_schema(schema) or "pattern" in fault[0]
        assert resolves(schema, fault[0])


def resolves(document: Any, pointer: str) -> bool:
    """Tell whether *pointer* leads to something."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(name)]
        elif name in document:
            document = document[name]
        else:
            return False
    return True
