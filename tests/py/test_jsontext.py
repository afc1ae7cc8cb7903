"""JSON that keeps its digits."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import jsontext

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text", ["1.10", "[0.1,1.000]", '{"a":123456789.123456789123456789}', "1E+400"]
)
def test_a_fraction_keeps_its_digits(text: str) -> None:
    """What is read and written again is the same text."""
    assert jsontext.dumps(jsontext.loads(text)) == text


@given(JSON)
def test_any_value_survives_a_round_trip(value: object) -> None:
    """Writing and reading gives the value back, as an ordinary parser agrees."""
    text = jsontext.dumps(value)

    assert jsontext.loads(text) == value
    json.loads(text)


def test_an_integer_beyond_pythons_limit_is_read() -> None:
    """A number of 5,000 digits is a number, not a fault."""
    text = "9" * 5000

    assert jsontext.dumps(jsontext.loads(text)) == text


def test_nan_becomes_its_name() -> None:
    """What jsonb cannot hold as a number arrives as a string."""
    assert jsontext.loads("[NaN,-Infinity]") == ["NaN", "-Infinity"]


def test_what_nests_too_deeply_is_not_json() -> None:
    """A hundred thousand brackets raise the same error as any other text that is not JSON."""
    with pytest.raises(ValueError, match="nested too deeply"):
        jsontext.loads("[" * 100_000)


def test_a_value_that_is_no_json_is_refused() -> None:
    """Only JSON and Decimal are written."""
    with pytest.raises(TypeError, match="set is not JSON"):
        jsontext.dumps({"a": {1}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("plain", True), ("\\u0000", True), ("a\x00b", False), ("\\\x00", False), ("\ud800", False)],
)
def test_storable_means_neither_nul_nor_half_a_pair(value: str, *, expected: bool) -> None:
    """The escape is looked for, not its spelling in a backslashed text."""
    assert jsontext.is_storable(jsontext.dumps(value)) is expected


def test_decimals_inside_strings_are_left_alone() -> None:
    """A string that looks like a number stays one, beside numbers that are written bare."""
    assert jsontext.dumps(["1.10", Decimal("1.10"), 'a"b']) == '["1.10",1.10,"a\\"b"]'
