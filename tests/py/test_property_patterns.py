"""Patterns at save: the database refuses nothing that RE2 takes, and most of what it refuses."""

import re
from collections.abc import Iterator

import psycopg
import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster

CHARACTERS = st.sampled_from(
    ["a", "z", "0", "9", " ", "-", "_", "é", "日", "😀", "/", ":", ",", "}"]
)
ESCAPES = st.sampled_from(
    [
        *(
            r"\d",
            r"\D",
            r"\s",
            r"\W",
            r"\w",
            r"\.",
            r"\-",
            r"\]",
            r"\[",
            r"\(",
            r"\\",
            r"\n",
            r"\t",
        ),
        *(r"\x41", r"\x{1F600}", r"\012", r"\12", r"\0", r"\pL", r"\p{Greek}", r"\P{^Lu}", r"\_"),
    ]
)
OUTSIDE = st.sampled_from(
    [".", "^", "$", r"\b", r"\B", r"\A", r"\z", r"\C", r"\Qa*[\E", "{", "{,2}"]
)
MEMBERS = st.one_of(
    CHARACTERS,
    ESCAPES,
    st.sampled_from(
        ["a-z", "0-9", r"\x41-\x5a", "!-~", "[:alpha:]", "[:^digit:]", "[", "^", "(", "*"]
    ),
)
CLASSES = st.builds(
    "[{}{}{}{}]".format,
    st.sampled_from(["", "^"]),
    st.sampled_from(["", "]", "-"]),
    st.lists(MEMBERS, min_size=1, max_size=4).map("".join),
    st.sampled_from(["", "-"]),
)
REPETITIONS = st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{0,3}", "{1,}", "{2,1000}?"])
PATTERNS = st.recursive(
    st.builds("{}{}".format, st.one_of(CHARACTERS, ESCAPES, OUTSIDE, CLASSES), REPETITIONS),
    lambda inner: st.one_of(
        st.builds(
            "{}{}){}".format,
            st.sampled_from(["(", "(?:", "(?P<n_1>", "(?<é>", "(?i:", "(?s-m:"]),
            inner,
            st.sampled_from(["", "", "*", "?"]),
        ),
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        inner.map("(?i){}".format),
    ),
    max_leaves=6,
)
PIECES = [
    *("(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "\\", "^", "$", ".", "-", ":", ",", "(?"),
    *("(?=", "(?!", "(?<=", "(?P=n)", "(?P<", "(?#", "(?>", "(?i", ")?", "**", "{2}", "{1001}"),
    *("{3,1}", "{01}", "{99999999999}", r"\1", r"\8", r"\k<n>", r"\u0041", r"\Z", r"\E", r"\Q"),
    *(r"\p{", r"\pX", r"\x4", r"\é", "[[:foo:]]", "[z-a]", r"[a-\d]", "[:alpha:]", "[^", "a", "é"),
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a pattern with a piece left out, put in or put in place of another."""
    pattern = draw(PATTERNS)
    start = draw(st.integers(0, len(pattern)))
    end = draw(st.integers(start, min(len(pattern), start + 3)))
    return pattern[:start] + draw(st.just("") | st.sampled_from(PIECES)) + pattern[end:]


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def fault_of(engine: psycopg.Connection, pattern: str) -> tuple[int | None, str | None]:
    """Return where and how the database finds fault with *pattern*."""
    row = engine.execute(
        "select place, message from private.find_pattern_fault(%s, true)", [pattern]
    ).fetchone()
    assert row is not None
    return row if row[1] else (None, None)


def error_of(pattern: str) -> str | None:
    """Return what RE2 says against *pattern*."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        return bytes(error.args[0]).decode(errors="replace")
    return None


def check_soundness(engine: psycopg.Connection, pattern: str) -> None:
    """Both refuse it, at a place inside the pattern, or the database does not."""
    place, message = fault_of(engine, pattern)

    if message is not None:
        assert error_of(pattern) is not None
        assert place is not None
        assert 1 <= place <= len(pattern)


@given(pattern=PATTERNS | mutated() | SOUP)
@example(pattern="a(?i)*")
@example(pattern="[!-[:a:]\\b]")
@example(pattern="a{2}{")
@example(pattern="(?)")
@example(pattern=r"\Q(\E*")
@example(pattern=r"[\d-z-]")
@examples(400)
def test_nothing_that_re2_takes_is_refused(engine: psycopg.Connection, pattern: str) -> None:
    """However odd it looks."""
    check_soundness(engine, pattern)


# What only the worker finds: names of classes of characters, code points, sizes of programs, ranges
# of escapes, and what stands beside [:, which no pattern tells from the end of a range.
LEFT = re.compile(r"repetition size|too large|range: .*\\|escape sequence: \\x|\[:|-\[")


@given(pattern=mutated() | SOUP)
@example(pattern="(?=a)")
@example(pattern=r"(a)\1")
@examples(400)
def test_what_re2_refuses_is_refused(engine: psycopg.Connection, pattern: str) -> None:
    """But for the little that is left to the worker."""
    error = error_of(pattern)

    if error is not None and not LEFT.search(f"{error} {pattern}"):
        assert fault_of(engine, pattern)[1] is not None
