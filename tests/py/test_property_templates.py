"""Templates: what the database makes of them is what an independent reading of the rules makes."""

import base64
import datetime as dt
import hashlib
import hmac
import re
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from reference_support import JSON, TEXTS, examples, jsonb_text, parse_json, scratch_engine
from reference_templates import (
    Part,
    Placeholder,
    TemplateError,
    UnresolvedError,
    fill,
    find_placeholders,
    parse,
    percent_encode,
    render,
    render_parts,
)

from worker.embedded.postgres import Cluster

NAMES = ["a", "b", "user", "x-y", "_z", "missing"]
WORDS = st.text('abŘé日😀 %&=?#/+~."\\{}\n', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers().map(lambda number: parse_json(str(number))) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab0"), inner),
    max_leaves=6,
)
VARIABLES = st.dictionaries(st.sampled_from(NAMES[:-1]), VALUES)
ARGUMENTS = (st.none() | st.booleans() | st.integers() | WORDS).map(
    lambda value: jsonb_text(parse_json(str(value)) if type(value) is int else value)
)
FILTERS = st.one_of(
    st.sampled_from(["urlencode", "base64", "json", "lower", "upper", "sha256", "raw"]),
    ARGUMENTS.map("default({})".format),
    WORDS.map(lambda key: f"hmac_sha256( {jsonb_text(key)} )"),
)
PATHS = st.lists(st.sampled_from([".a", ".b", "[0]", "[1]", ".0", ".-1", ".x_y"]), max_size=2)
PLACEHOLDERS = st.builds(
    lambda name, path, filters: "{{" + " | ".join([f" {name}{''.join(path)}", *filters]) + " }}",
    st.sampled_from(NAMES),
    PATHS,
    st.lists(FILTERS, max_size=3),
)
WELL_FORMED = st.lists(
    PLACEHOLDERS | st.sampled_from(["\\{{", "}}", "{", "}"]) | TEXTS, max_size=4
).map("".join)
SOUP = st.lists(
    st.sampled_from(
        [
            *("{{", "}}", "{", "}", "\\{{", "\\", '"', "|", "(", ")", " ", "\n", "ř", "$uuid"),
            *("a", "b.c", "[0]", "default", "upper", "raw", '"x"', "default(1)", "5", "null"),
        ]
    ),
    max_size=12,
).map("".join)
TEMPLATES = WELL_FORMED | SOUP | SOUP.map("{{{{{}}}}}".format) | SOUP.map("{{{{a|{}}}}}".format)
DOCUMENTS = st.recursive(
    TEMPLATES | JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | TEMPLATES, inner),
    max_leaves=5,
).map(lambda document: [document])
EPOCH = dt.datetime.fromtimestamp(0, dt.UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def ask(engine: psycopg.Connection, query: str, *arguments: Any) -> Any:
    """Return the first column of the one row of *query*; PT400 raises TemplateError."""
    try:
        row = engine.execute(query, arguments).fetchone()
    except psycopg.Error as error:
        if error.sqlstate == "PT400":
            raise TemplateError from error
        raise
    assert row is not None
    return row[0]


def join_text(parts: list[Any]) -> list[Any]:
    """Return *parts* with neighbouring texts in one piece."""
    joined: list[Any] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def check_parsing(engine: psycopg.Connection, source: str) -> None:
    """Both read the same parts, or both refuse."""
    try:
        expected = [
            part.as_json() if isinstance(part, Placeholder) else part for part in parse(source)
        ]
    except TemplateError:
        expected = None
    try:
        parts = ask(engine, "select private.parse_template(%s)::text", source)
        got = join_text(parse_json(parts))
    except TemplateError:
        got = None

    assert (got and jsonb_text(got)) == (expected and jsonb_text(expected))


@given(source=TEMPLATES)
@example(source="{{| a}}")
@example(source="{{a |}}")
@example(source="{{a || upper}}")
@example(source="{{a {{b}}")
@example(source="{{{a}}}")
@example(source="{\\{{a}}")
@example(source='{{a | default("}}|")}}')
@example(source='{{a | default("\\u0000")}}')
@example(source='{{a | default("\\\\u0000")}}')
@example(source='{{a | default("\\ud800")}}')
@example(source="{{a | default(1e999999)}}")
@example(source="{{a | hmac_sha256(null)}}")
@examples(700)
def test_a_template_is_read_as_the_grammar_says(engine: psycopg.Connection, source: str) -> None:
    """Or refused with PT400, by both."""
    check_parsing(engine, source)


def check_rendering(engine: psycopg.Connection, document: Any, variables: dict[str, Any]) -> None:
    """Both fill in the same, name a name without a value, or refuse."""
    try:
        found = find_placeholders(document)
        assume(not any(each.name.startswith("$") for each in found))  # another test's business
        expected, unresolved = jsonb_text(render(document, variables)), {""}
    except TemplateError:
        expected, unresolved = "refused", {""}
    except UnresolvedError:
        expected = ""
        unresolved = {each.name for each in found if is_unresolved(each, variables)}
    query = """
        select jsonb_build_array(
            case when filled.unresolved is null then filled.rendered::text end, filled.unresolved
        )
        from (select %s::jsonb, %s::jsonb) as given (document, variables)
        cross join lateral private.render(
            given.document, private.compile_templates(given.document), given.variables, 's', now()
        ) as filled
    """
    try:
        got, name = ask(engine, query, jsonb_text(document), jsonb_text(variables))
    except TemplateError:
        got, name = "refused", None

    assert (got or "") == expected
    assert (name or "") in unresolved


def is_unresolved(placeholder: Placeholder, variables: dict[str, Any]) -> bool:
    """Whether *placeholder* has no value."""
    try:
        fill(placeholder, variables)
    except UnresolvedError:
        return True
    return False


@given(document=DOCUMENTS | st.lists(WELL_FORMED), variables=VARIABLES)
@examples(700)
def test_a_document_is_filled_in(
    engine: psycopg.Connection, document: Any, variables: dict[str, Any]
) -> None:
    """A whole placeholder keeps the type of its value, text takes its text, keys stay."""
    check_rendering(engine, document, variables)


@given(
    path=WELL_FORMED,
    query=st.lists(st.tuples(TEXTS, WELL_FORMED), max_size=3),
    variables=VARIABLES,
)
@examples(250)
def test_a_url_is_filled_in_and_encoded(
    engine: psycopg.Connection, path: str, query: list[tuple[str, str]], variables: dict[str, Any]
) -> None:
    """Values are percent-encoded but those marked raw; and the fixed text of the query."""

    def quote(part: Part) -> str:
        is_text = isinstance(part, str)
        return percent_encode(part) if is_text else render_parts([part], variables, encode=True)

    try:
        find_placeholders([value for _, value in query])
        expected = render_parts(parse(path), variables, encode=True)
        separator = "&" if "?" in path else "?"
        for name, value in query:
            expected += separator + percent_encode(name) + "=" + "".join(map(quote, parse(value)))
            separator = "&"
    except (TemplateError, UnresolvedError) as error:
        expected = type(error).__name__
    try:
        got = ask(
            engine,
            """
            select case
                when filled.unresolved is null then filled.rendered ->> 'url'
                else 'UnresolvedError'
            end
            from private.render(
                '{"url": ""}',
                jsonb_build_array(jsonb_build_object(
                    'at', '["url"]'::jsonb, 'encode', true,
                    'parts', private.compile_url(%s, %s::jsonb)
                )),
                %s::jsonb, 's', now()
            ) as filled
            """,
            path,
            jsonb_text([list(pair) for pair in query]),
            jsonb_text(variables),
        )
    except TemplateError:
        got = "TemplateError"

    assert got == expected


@given(document=st.lists(WELL_FORMED, max_size=3))
@examples(150)
def test_the_names_in_use_are_known(engine: psycopg.Connection, document: list[str]) -> None:
    """A name is optional when each of its uses begins with a default."""
    try:
        uses = find_placeholders(document)
    except TemplateError:
        return
    expected = {
        name: all(each.has_default for each in uses if each.name == name)
        for name in {each.name for each in uses}
        if not name.startswith("$")
    }

    got = engine.execute(
        "select name, is_optional from private.used_names(private.compile_templates(%s::jsonb))",
        [jsonb_text(document)],
    ).fetchall()

    assert dict(got) == expected


def check_encodings(engine: psycopg.Connection, text: str, key: str) -> None:
    """Compare with urllib, base64, hashlib and hmac."""
    row = engine.execute(
        """
        select private.percent_encode(given.source),
            private.apply_filter(given.value, '["base64"]'),
            private.apply_filter(given.value, '["sha256"]'),
            private.apply_filter(given.value, jsonb_build_array('hmac_sha256', %s::text)),
            private.base64url(convert_to(given.source, 'UTF8'))
        from (select %s::text, to_jsonb(%s::text)) as given (source, value)
        """,
        [key, text, text],
    ).fetchone()

    raw = text.encode()
    assert row == (
        urllib.parse.quote(text, safe="~"),
        base64.b64encode(raw).decode(),
        hashlib.sha256(raw).hexdigest(),
        hmac.new(key.encode(), raw, "sha256").hexdigest(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    )


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0")), key=TEXTS)
@examples(300)
def test_encodings_and_digests_are_those_of_the_standard_library(
    engine: psycopg.Connection, text: str, key: str
) -> None:
    """Percent-encoding, base64 in one line, SHA-256, HMAC and base64 for URLs."""
    check_encodings(engine, text, key)


@given(
    seed=TEXTS,
    other=TEXTS,
    clock=st.datetimes(timezones=st.just(dt.UTC), min_value=EPOCH),
)
@examples(150)
def test_dynamic_values_depend_on_seed_occurrence_and_clock_alone(
    engine: psycopg.Connection, seed: str, other: str, clock: dt.datetime
) -> None:
    """The same twice for one seed; a version-4 UUID each, different at every occurrence."""
    document = '["{{$uuid}}", "{{$uuid}}", "{{$randomInt}}", "{{$timestamp}}", "{{$isoTimestamp}}"]'
    query = """
        select filled.rendered from private.render(
            %s::jsonb, private.compile_templates(%s::jsonb), '{}', %s, %s
        ) as filled
    """

    first = ask(engine, query, document, document, seed, clock)
    again = ask(engine, query, document, document, seed, clock)
    different = ask(engine, query, document, document, other, clock)

    assert first == again
    one, two, number, timestamp, written = first
    assert len({one, two, different[0]}) == (2 if seed == other else 3)
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in (one, two)} == {
        (4, uuid.RFC_4122)
    }
    assert number in range(1001)
    assert timestamp == (clock - EPOCH.replace(tzinfo=dt.UTC)) // dt.timedelta(seconds=1)
    assert written == re.sub(r"\d{3}\+00:00$", "Z", clock.isoformat(timespec="microseconds"))
