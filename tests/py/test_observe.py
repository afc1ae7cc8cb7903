"""Looking things up in an answer."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse

from worker import observe as module
from worker.models import Fault, Lookup, Observed
from worker.observe import Evidence, fit, follow, is_heavy, observe, simple_steps

BODY = (
    '{"a":{"b":[{"c":1.10,"d":"x1"},{"c":2,"d":"x2"}]},"s":"k=v","n":null,"big":9007199254740993}'
)
NAMES = st.sampled_from(["a", "b", "c", "true", "null", "where", "wherenot", "len", "x_1", "0"])
ODD_NAMES = st.text(
    st.characters(exclude_characters="'\"\\\n", codec="utf-8"), min_size=1, max_size=4
)
STEPS = st.one_of(
    st.sampled_from(["a", "b", "c", "true", "false", "null", "len", "keys", "x_1", "_"]).map(
        ".{}".format
    ),
    st.integers(0, 3).map("[{}]".format),
    st.one_of(NAMES, ODD_NAMES).map("['{}']".format),
    st.one_of(NAMES, ODD_NAMES).map('["{}"]'.format),
)
PATHS = st.lists(STEPS, max_size=5).map(lambda steps: "$" + "".join(steps))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.one_of(NAMES, ODD_NAMES), inner, max_size=5)
    ),
    max_leaves=25,
)


def body(path: str | None = None, pattern: str | None = None, text: str = BODY) -> Observed:
    """Look up *path* in a body."""
    lookup = Lookup(id=3, source="body", path=path, pattern=pattern)
    return observe(lookup, Evidence((), text))


@given(PATHS, DOCUMENTS)
def test_the_fast_path_finds_what_jsonpath_ng_finds(path: str, document: object) -> None:
    """Wherever it declares itself able, it agrees; elsewhere it stands aside."""
    steps = simple_steps(path)

    if steps is not None:
        assert follow(document, steps) == [match.value for match in parse(path).find(document)]


def test_the_fast_path_is_taken_where_it_should() -> None:
    """The common paths are the fast ones, and only they."""
    assert simple_steps("$") == ()
    assert simple_steps("$.a.b[0]['c d'][\"e\"]") == ("a", "b", 0, "c d", "e")
    for path in ("a.b", "$..a", "$.a[-1]", "$.*", "$.a-b", "$.where", "$[0,1]", "$.a.", "$ .a"):
        assert simple_steps(path) is None


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.a.b[0].c", (Decimal("1.10"),)),
        ("$.big", (9007199254740993,)),
        ("$.n", (None,)),
        ("$.a.b[*].d", ("x1", "x2")),
        ("$..d", ("x1", "x2")),
        ("$.a.b[?(@.c > 1.5)].d", ("x2",)),
        ("$.a.b[?(@.c == 1.1)].c", (Decimal("1.10"),)),
        ("$.missing", ()),
        ("$.s.t", ()),
    ],
)
def test_a_path_finds_values_with_their_digits(path: str, values: tuple[Any, ...]) -> None:
    """Through the fast path and through jsonpath-ng, filters included."""
    found = body(path)

    assert found == Observed(id=3, found=bool(values), values=values)
    assert [str(value) for value in found.values] == [str(value) for value in values]


def test_without_a_path_the_whole_body_is_found() -> None:
    """A missing path is the root."""
    assert body().values == (json.loads(BODY, parse_float=Decimal),)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "it is empty"), ("<html>", "Expecting value"), ("[" * 50_000, "nested too deeply")],
)
def test_a_body_that_is_not_json_is_an_error_of_the_lookup(text: str, said: str) -> None:
    """Not a value that was not found."""
    found = body("$.a", text=text)

    assert not found.found
    assert found.error
    assert found.error.slug == "body_not_json"
    assert said in found.error.message


def test_a_byte_order_mark_does_not_make_a_body_something_else() -> None:
    """Some servers still send one."""
    assert body("$.a", text='\ufeff{"a":1}').values == (1,)


@pytest.mark.parametrize("path", ["$.[", "$.a[?(", "", "$" + "[0]" * 1000 + "[*]"])
def test_a_bad_path_is_an_error_of_the_lookup(path: str) -> None:
    """Even the empty one means the root; the others are told to be wrong."""
    found = body(path)

    assert bool(found.error) is bool(path)


def test_headers_are_found_whatever_their_case() -> None:
    """All of them, in order."""
    headers = (("Set-Cookie", "a=1"), ("X", "y"), ("set-cookie", "b=2"))

    found = observe(Lookup(id=0, source="header", name="SET-COOKIE"), Evidence(headers))

    assert found.values == ("a=1", "b=2")


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        ("k=(.)", ("v",)),
        ("k=.", ("k=v",)),
        ("(x)?k", ()),
        ("nothing", ()),
    ],
)
def test_a_pattern_gives_its_first_group_or_the_whole_match(
    pattern: str, values: tuple[str, ...]
) -> None:
    """A group that took no part is no match."""
    assert body("$.s", pattern).values == values


def test_a_pattern_sees_other_values_as_compact_json() -> None:
    """One match for each value that has one."""
    assert body("$.a.b[*]", '"c":([0-9.]+)').values == ("1.10", "2")


def test_text_is_the_whole_body() -> None:
    """And needs no JSON."""
    found = observe(Lookup(id=0, source="text", pattern="<b>(.*)</b>"), Evidence((), "<b>é</b>"))

    assert found.values == ("é",)


def test_a_bad_pattern_is_an_error_of_the_lookup() -> None:
    """RE2 knows no look-behind."""
    assert "the pattern is not valid" in str(body("$.s", "(?<=k)v").error)


def test_a_pattern_that_would_hang_other_engines_is_harmless() -> None:
    """RE2 takes linear time."""
    found = observe(
        Lookup(id=0, source="text", pattern="^(a+)+$"), Evidence((), "a" * 50_000 + "!")
    )

    assert not found.found


def test_an_unknown_source_is_an_error_of_the_lookup() -> None:
    """The database may be newer than the worker."""
    found = observe(Lookup(id=0, source="aura"), Evidence(()))

    assert found.error
    assert found.error.slug == "unknown_source"


@pytest.mark.parametrize("source", ["body", "text"])
def test_a_body_that_cannot_be_judged_says_why(source: str) -> None:
    """Headers still can."""
    fault = Fault(slug="body_truncated", message="only part of it was read")
    evidence = Evidence((("a", "b"),), fault=fault)

    assert observe(Lookup(id=0, source=source), evidence).error == fault
    assert observe(Lookup(id=0, source="header", name="a"), evidence).values == ("b",)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a[0]", False),
        ("$.a[*].b", False),
        ("$.a[1:3]", False),
        ("$[", False),
        ("$..a", True),
        ("$.a[?(@.b)]", True),
        ("$[0,0][0,0]", True),
        ("$.a.`sorted`", True),
    ],
)
def test_heavy_is_what_can_cost_more_than_the_body_is_long(path: str, *, expected: bool) -> None:
    """A bad path costs nothing: it is told at once."""
    assert is_heavy(Lookup(id=0, source="body", path=path)) is expected


def test_a_long_value_is_cut_and_says_so() -> None:
    """At the limit, between characters."""
    (kept,) = fit([Observed(id=0, found=True, values=("é" * module.VALUE_BYTES,))])

    assert kept.truncated
    assert len(kept.values[0].encode()) == module.VALUE_BYTES


def test_a_report_holds_a_limited_amount() -> None:
    """The lookups that come last are cut first."""
    value = ["x" * 1000] * 200
    found = [Observed(id=number, found=True, values=(value,)) for number in range(6)]

    kept = fit(found)

    assert [one.truncated for one in kept] == [False] * 5 + [True]
    assert sum(len(str(one.values[0])) for one in kept) < module.REPORT_BYTES * 1.1


@pytest.mark.parametrize("text", ['{"a":"\\u0000"}', '{"a":"\\ud800"}'])
def test_what_the_database_cannot_hold_is_an_error_of_the_lookup(text: str) -> None:
    """It was found, but cannot be said."""
    (kept,) = fit([body("$.a", text=text)])

    assert kept.found
    assert kept.values == ()
    assert kept.error
