"""Holding a body to a JSON Schema: what is found, what cannot be said, and how long it may take."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from support_wait import HANG_S

from worker import jsontext
from worker.evaluator import Evaluator
from worker.models import Fault, Lookup, Observed
from worker.observe import Evidence, is_heavy, observe


@pytest.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    evaluator = Evaluator(timeout_s=HANG_S)
    yield evaluator
    await evaluator.aclose()


def held_to(schema: Any, text: str) -> Observed:
    """Hold *text* to *schema*, which comes as the wire brings it."""
    schema = jsontext.loads(json.dumps(schema)) if not isinstance(schema, str) else schema
    return observe(Lookup(id=-1, source="schema", json_schema=schema), Evidence((), text))


def errors_of(schema: Any, text: str) -> list[dict[str, Any]]:
    """Return what is found against *schema*; there must be no fault."""
    found = held_to(schema, text)
    assert found.error is None
    return list(found.values)


def test_a_body_that_fits_has_no_errors() -> None:
    """Members that the schema does not name are no matter."""
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}

    assert errors_of(schema, '{"id": 5, "more": []}') == []


def test_an_error_says_where_and_by_which_rule() -> None:
    """In the body and in the schema; the value itself, which may be long, is left out."""
    schema = {"properties": {"items": {"items": {"properties": {"id": {"type": "string"}}}}}}

    errors = errors_of(schema, '{"items": [{"id": "a"}, {"id": 7}]}')

    assert errors == [
        {
            "path": ["items", 1, "id"],
            "schema_path": ["properties", "items", "items", "properties", "id", "type"],
            "message": "is not of type 'string'",
        }
    ]


def test_what_is_missing_is_named() -> None:
    """A message that does not begin with the value stays whole."""
    assert errors_of({"required": ["id"]}, "{}")[0]["message"] == "'id' is a required property"


def test_twenty_errors_are_enough() -> None:
    """Of a thousand."""
    assert len(errors_of({"items": {"type": "string"}}, json.dumps([1] * 1000))) == 20


@pytest.mark.parametrize(
    ("schema", "text", "is_valid"),
    [
        ('{"const": 9007199254740993}', "9007199254740993", True),
        ('{"const": 9007199254740993}', "9007199254740992", False),
        ('{"maximum": 0.1}', "0.1", True),
        ('{"maximum": 0.1}', "0.10000000000000000001", False),
        ('{"multipleOf": 0.01}', "1.10", True),
        ('{"multipleOf": 0.01}', "1.105", False),
        ('{"type": "integer"}', "1.0", True),
        ('{"type": "integer"}', "1.5", False),
        ('{"type": "integer"}', "true", False),
        ('{"type": "integer"}', "9" * 5000, True),
        ('{"type": "number"}', "1.5", True),
        ('{"type": "integer"}', "1e1000000", True),
    ],
)
def test_numbers_keep_their_digits(schema: str, text: str, is_valid: bool) -> None:  # noqa: FBT001
    """Neither the body's nor the schema's go through a float."""
    lookup = Lookup(id=-1, source="schema", json_schema=jsontext.loads(schema))

    found = observe(lookup, Evidence((), text))

    assert (found.error, not found.values) == (None, is_valid)


def test_true_and_false_are_schemas() -> None:
    """Anything fits the one, nothing the other."""
    anything, nothing = True, False

    assert errors_of(anything, "5") == []
    assert len(errors_of(nothing, "5")) == 1


def test_another_draft_is_taken_if_the_schema_names_it() -> None:
    """In draft 4 an exclusive maximum is a switch."""
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "maximum": 5,
        "exclusiveMaximum": True,
    }

    assert errors_of(schema, "4.9") == []
    assert len(errors_of(schema, "5")) == 1


def test_a_format_is_a_remark() -> None:
    """As the standard has it, and no name is looked up for a host."""
    assert errors_of({"format": "idn-hostname"}, '"no host at all"') == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "text"},
        {"required": 5},
        {"pattern": "("},
    ],
)
def test_a_schema_that_cannot_be_applied_is_a_fault(schema: Any) -> None:
    """A reference that leads nowhere or in a circle, and what is no schema; nothing is fetched."""
    found = held_to(schema, '{"a": "b"}' if "required" in schema else '"b"')

    assert found.error
    assert found.error.slug == "invalid_schema"


def test_a_body_that_is_nested_too_deeply_is_a_fault() -> None:
    """Of the schema that goes down with it, not of the worker."""
    found = held_to({"items": {"$ref": "#"}}, "[" * 600 + "]" * 600)

    assert found.error
    assert found.error.slug == "invalid_schema"


@pytest.mark.parametrize("text", ["", "<p>", '{"a": '])
def test_a_body_that_is_not_json_is_told_as_for_paths(text: str) -> None:
    """It is the answer's fault."""
    found = held_to({}, text)

    assert found.error
    assert found.error.slug == "body_not_json"


def test_a_body_that_is_not_there_is_told_as_it_is() -> None:
    """Cut, or not text."""
    fault = Fault(slug="body_truncated", message="cut")
    lookup = Lookup(id=-1, source="schema", json_schema={})

    assert observe(lookup, Evidence((), fault=fault)).error == fault


def test_a_schema_is_never_applied_in_the_event_loop() -> None:
    """What it costs cannot be seen from outside."""
    assert is_heavy(Lookup(id=-1, source="schema", json_schema=True))


async def test_a_schema_that_takes_too_long_is_given_up() -> None:
    """A pattern that backtracks stalls nobody; the look-ups beside it are answered."""
    impatient = Evaluator(timeout_s=3.0)
    lookups = [
        Lookup(id=0, source="body", path="$..a"),
        Lookup(id=-1, source="schema", json_schema={"items": {"pattern": "^(a+)+$"}}),
    ]
    try:
        found = await impatient.observe_all(lookups, Evidence((), json.dumps(["a" * 40 + "!"])))
    finally:
        await impatient.aclose()

    assert found[0].error is None
    assert found[1].error
    assert found[1].error.slug == "lookup_too_slow"


async def test_a_huge_body_is_held_to_its_schema(evaluator: Evaluator) -> None:
    """And so is a long list of errors kept within a report."""
    text = json.dumps([{"n": "x" * 100_000}] * 100)
    schema = {"items": {"properties": {"n": {"maxLength": 5}}}}

    (found,) = await evaluator.observe_all(
        [Lookup(id=-1, source="schema", json_schema=schema)], Evidence((), text)
    )

    assert len(found.values) == 20
    assert found.values[0]["message"] == "is too long"


async def test_what_the_database_cannot_hold_is_a_fault(evaluator: Evaluator) -> None:
    """A NUL in the name of a member."""
    lookup = Lookup(id=-1, source="schema", json_schema={"additionalProperties": {"minimum": 5}})

    (found,) = await evaluator.observe_all([lookup], Evidence((), '{"a\\u0000": 1}'))

    assert found.error
    assert found.error.slug == "unstorable_value"


async def test_digits_survive_the_way_to_the_helper(evaluator: Evaluator) -> None:
    """And back, in a message."""
    schema = {"minimum": Decimal("1.10")}

    (found,) = await evaluator.observe_all(
        [Lookup(id=-1, source="schema", json_schema=schema)], Evidence((), "1.09")
    )

    assert found.values[0]["message"] == "is less than the minimum of Decimal('1.10')"
