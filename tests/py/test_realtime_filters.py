"""Parsing of row change filters. How they compare is shown against a server elsewhere."""

import pytest

from worker.embedded.realtime.filters import Condition, FilterError, parse


def condition(
    column: str, operator: str, *values: str, is_negated: bool = False
) -> tuple[Condition]:
    return (Condition(column, operator, values, is_negated),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("id=eq.1", condition("id", "eq", "1")),
        ("body=eq.", condition("body", "eq", "")),
        ("body=eq.a.b=c", condition("body", "eq", "a.b=c")),
        ("id=not.gt.5", condition("id", "gt", "5", is_negated=True)),
        ("id=in.(1,2)", condition("id", "in", "1", "2")),
        ('body=in.("a,b",c)', condition("body", "in", "a,b", "c")),
        (r'body=eq."say \"x, y\" \\"', condition("body", "eq", r'say "x, y" \ '.rstrip())),
        ("body=is.null", condition("body", "is", "null")),
        ("body=not.is.null", condition("body", "is", "null", is_negated=True)),
        ("body=like.a%(b,c)", condition("body", "like", "a%(b,c)")),
    ],
)
def test_a_condition_is_column_operator_value(text: str, expected: tuple[Condition, ...]) -> None:
    """Quotes protect commas and parentheses, as the client's own filter builder writes them."""
    assert parse(text) == expected


def test_commas_outside_quotes_and_lists_separate_conditions() -> None:
    """All of them must hold."""
    assert parse("id=gt.1,body=in.(a,b),owner_id=is.null") == (
        *condition("id", "gt", "1"),
        *condition("body", "in", "a", "b"),
        *condition("owner_id", "is", "null"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("undefined", 'Error parsing `filter` params: ["undefined"]'),
        ("id=foo.1", 'Error parsing `filter` params: ["foo", "1"]'),
        ("id=in.1", 'Error parsing `filter` params: ["in", "1"]'),
        ("id=is.nil", "invalid value for is filter: must be null, true, false, or unknown"),
        (
            f"id=in.({','.join(map(str, range(101)))})",
            "too many values for `in` filter. Maximum 100",
        ),
    ],
)
def test_a_bad_filter_is_refused_in_the_platforms_words(text: str, message: str) -> None:
    """The client shows the text to whoever wrote the filter."""
    with pytest.raises(FilterError) as refusal:
        parse(text)

    assert str(refusal.value) == message
