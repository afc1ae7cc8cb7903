"""JSONPath at save: the documented grammar is taken, and what is taken the worker reads."""

import re
import warnings
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster

# The grammar of docs/tests.md, as strategies.
WORDS = st.sampled_from(["a", "items", "_x", "a-b", "@type", "true", "null", "x1", "whereabouts"])
QUOTED = st.sampled_from(["'b'", '"b"', "'a b'", "'where'", r"'it\'s'", '"žluť"', "''", r'"\\"'])
NAMES = WORDS | QUOTED
NUMBERS = st.integers(-20, 20).map(str)
SPACES = st.sampled_from(["", "", "", " ", "  ", "\t", "\n"])
LITERALS = st.one_of(NUMBERS, st.sampled_from(["1.5", "-0.25", "true", "false", "null"]), NAMES)
CALLS = st.sampled_from(
    [
        *("`this`", "`parent`", "`len`", "`keys`", "`path`", "`sorted`", "`str()`"),
        *("`sub(/a+b./, x y)`", "`split(;, 0, -1)`", "`split(', ', *, 2)`"),
    ]
)


@st.composite
def listed(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    """Draw one item or several, with commas."""
    return ",".join(
        f"{draw(SPACES)}{item}{draw(SPACES)}"
        for item in draw(st.lists(items, min_size=1, max_size=3))
    )


OPTIONAL = st.just("") | NUMBERS
SLICES = st.lists(OPTIONAL, min_size=2, max_size=3).map(":".join)
BRACKETS = st.one_of(listed(NAMES), listed(NUMBERS), SLICES, st.just("*")).map("[{}]".format)
AFTER_DOT = st.one_of(NAMES, st.just("*"), CALLS, BRACKETS)
SINGULAR = st.builds(
    lambda root, steps: root + "".join(steps),
    st.sampled_from("@$"),
    st.lists(
        st.one_of(NAMES.map(".{}".format), QUOTED.map("[{}]".format), NUMBERS.map("[{}]".format)),
        max_size=3,
    ),
)


@st.composite
def conditions(draw: st.DrawFn, depth: int) -> str:
    """Draw what may stand in a filter."""
    kind = draw(st.integers(0, 5 if depth else 3))
    left = draw(terms(depth))
    match kind:
        case 0:
            return left
        case 1:
            return f"!{left}"
        case 2:
            return f"{left} =~ {draw(QUOTED)}"
        case 3:
            operator = draw(st.sampled_from(["==", "=", "!=", "<", "<=", ">", ">="]))
            return f"{left}{draw(SPACES)}{operator}{draw(SPACES)}{draw(LITERALS | SINGULAR)}"
        case 4:
            return f"({draw(conditions(depth - 1))})"
        case _:
            operator = draw(st.sampled_from([" && ", " || ", "&&"]))
            return draw(conditions(depth - 1)) + operator + draw(conditions(depth - 1))


@st.composite
def steps(draw: st.DrawFn, depth: int) -> str:
    """Draw one step; without *depth* it holds no further path."""
    match draw(st.integers(0, 5 if depth else 2)):
        case 0:
            return f".{draw(AFTER_DOT)}"
        case 1:
            return f"..{draw(AFTER_DOT)}"
        case 2:
            return draw(BRACKETS)
        case 3:
            return f"[?{draw(conditions(depth - 1))}]"
        case 4:
            return f"..[?({draw(conditions(depth - 1))})]"
        case _:
            sorts = st.tuples(st.sampled_from("/\\"), terms(depth - 1)).map("".join)
            return f"[{', '.join(draw(st.lists(sorts, min_size=1, max_size=2)))}]"


@st.composite
def terms(draw: st.DrawFn, depth: int) -> str:
    """Draw a path without operators."""
    start = draw(st.sampled_from(["$", "$", "@", "a", "'a b'", "*", "[0]", "`this`"]))
    return start + "".join(draw(st.lists(steps(depth), max_size=3)))


@st.composite
def paths(draw: st.DrawFn) -> str:
    """Draw a path."""
    left = draw(terms(2))
    calculated = (
        f"{left} {draw(st.sampled_from('+-*'))} {draw(terms(1) | NUMBERS | st.just('1.5'))}"
    )
    match draw(st.integers(0, 4)):
        case 0:
            return calculated
        case 1:
            return f"({calculated})[0]"
        case 2:
            joiner = draw(st.sampled_from(["|", "&", "where", "wherenot"]))
            return f"{left} {joiner} {draw(terms(1))}"
        case _:
            return left


PATHS = paths()
PIECES = [
    *("$", "@", ".", "..", "*", "[", "]", "(", ")", "[?", "[?(", ")]", ",", ":", "/", "\\", "[/"),
    *("a", "b", "where", "wherenot", "true", "null", "'a'", '"b"', "'", "`len`", "`", "`sub(/a/,"),
    *("0", "-1", "1.5", "-", "+", "!", "=", "==", "=~", "!=", "<", ">", "&", "&&", "|", "||", "~"),
    *(" ", "\n", "\t", "é", "@.a", "$.b", "[0]", "['x']", "[0:2]", "@.a > 1", "@.a == 'x'"),
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a path of the grammar with a piece left out, put in or put in place of another."""
    path = draw(PATHS)
    start = draw(st.integers(0, len(path)))
    end = draw(st.integers(start, min(len(path), start + 3)))
    return path[:start] + draw(st.just("") | st.sampled_from(PIECES)) + path[end:]


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def fault_of(engine: psycopg.Connection, path: str) -> int | None:
    """Return the character at which the database finds fault with *path*."""
    row = engine.execute("select (private.path_problem(%s, '/path')).place", [path]).fetchone()
    assert row is not None
    place: int | None = row[0]
    return place


def is_read(path: str) -> bool:
    """Tell whether the worker's parser reads *path*."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            parse(path)
        except Exception:  # noqa: BLE001 - it raises bare Exception, among others
            return False
    return True


@given(path=PATHS)
@example(path="$.a.`split(a, 0, -1)`")
@example(path="$.items[?((@.a).b > 1 && !@.c)].d")
@example(path="$.a[?(@.b == $.c.d[0] & @.e == 1)]")
@examples(250)
def test_the_documented_grammar_is_taken(engine: psycopg.Connection, path: str) -> None:
    """And what is taken, the worker reads."""
    assert fault_of(engine, path) is None
    assert is_read(path)


@given(path=mutated() | SOUP)
@example(path="$.a -1")
@example(path="1.5")
@example(path="$.a[?(@.b & (@.c > 1))]")
@example(path="$.a[?!(@.b > 1)]")
@example(path="$.a[?(!@.b & !@.c)]")
@example(path="$.a[where]")
@example(path="$.a['b\\\n']")
@example(path="`sub(/(/, x)`")
@examples(250)
def test_what_is_taken_is_read(engine: psycopg.Connection, path: str) -> None:
    """The other way round not always: the database takes less than the parser, never more."""
    place = fault_of(engine, path)

    assert is_read(path) if place is None else 1 <= place <= len(path) + 1


# What the parser reads beyond the grammar: numbers before a dot, numbers and roots after one, lists
# without brackets, joins inside a filter, and anything behind the closing parenthesis of sub, split
# and str.
ODD = re.compile(r"\d\s*\.|\.\s*[-0-9$@(]|,|[|&]|where|`[^`]*\)[^`]+`|\\")


@given(path=mutated())
@examples(250)
def test_what_is_read_is_taken_but_for_oddities(engine: psycopg.Connection, path: str) -> None:
    """The parser reads little that the database refuses."""
    if fault_of(engine, path) is not None:
        assert not is_read(path) or ODD.search(path)
