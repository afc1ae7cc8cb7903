"""Messages of failures: what the database takes out of them is what an independent reading does."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference_failures import fingerprint, normalize_message
from reference_support import TEXTS, examples, scratch_engine

from worker.embedded.postgres import Cluster

MARKS = [*"\"'\\ \n\t{}[](),:.-_/<>=@$", "\r\n", "; ", "\f", "\ue000", "š"]
WORDS = [
    *("1", "42", "-7", "3.14", "1e9", "007", "x9", "v2", "deadbeef", "3fa85f64", "0x1F"),
    *("utf8mb4abc1", "x" * 40, "y" * 33 + " z", "ERROR", "[main] ", "code 123", "a", "got"),
    "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    *("eyJhbGci.eyJzdWIi.sig_-", "Bearer abc12345", "Basic authentication"),
    *("https://api.test:80/v1/items/15?x=1#f", "http://u:p@h/", "ann@example.org"),
    *("10.0.0.1", "1.2.3.4:80", "::1", "2001:db8::8a2e:370:7334", "12:34:56"),
    *("2026-11-26", "2026-11-26T04:21:05.123Z", "Thu, 26 Nov 2026 04:21:05 GMT"),
    *("status equals 200; got 500", "status is one of [200, 201]; got 404"),
    *("HTTP/1.1 503 ", "503 Service Unavailable", "statusCode=500", '"status": 404'),
    *("$.items[0].id", "$..a", "$['b']", "$[?(@.id==5)]", "<b>", "</p>", "<!-- x -->", "<br/>"),
    "2026-11-26 10:00:00,123 INFO ",
]
MESSAGES = st.lists(st.sampled_from(MARKS + WORDS) | TEXTS, max_size=14).map("".join)


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def normalized(engine: psycopg.Connection, messages: list[str]) -> list[str]:
    """Return what the database makes of each of *messages*."""
    rows = engine.execute(
        """
        select private.normalize_message(given.message)
        from unnest(%s::text[]) with ordinality as given (message, place)
        order by given.place
        """,
        [messages],
    ).fetchall()
    return [row[0] for row in rows]


@given(messages=st.lists(MESSAGES, min_size=1, max_size=20))
@example(messages=['"a""' + "x" * 33 + '"""', "''", '"' + "x" * 32 + '"', "x" * 1001])
@examples(60)
def test_messages_are_normalized_as_the_reference_does(
    engine: psycopg.Connection, messages: list[str]
) -> None:
    """Whatever stands beside whatever."""
    assert normalized(engine, messages) == [normalize_message(message) for message in messages]


IDS = st.one_of(
    st.uuids().map(str),
    st.integers(0).map(str),
    st.integers(0, 2**64 - 1).map("{:016x}".format).filter(lambda word: not word.isalpha()),
    st.decimals(0, 10**9, places=3).map(str),
    st.ip_addresses(v=4).map(str),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
)


@given(
    kind=st.data(),
    before=st.sampled_from(["no order ", "id=", "/items/", '{"id": ', "(", "key-"]),
)
@examples(100)
def test_one_cause_reads_alike_whatever_its_ids_are(
    engine: psycopg.Connection, kind: st.DataObject, before: str
) -> None:
    """Two ids of one kind in the same place leave the same text."""
    strategy = kind.draw(st.sampled_from(IDS.original_strategies))
    pair = [f"{before}{kind.draw(strategy)} was not found {'x ' * 600}" for _ in range(2)]

    one, other = normalized(engine, pair)

    assert one == other


@given(parts=st.tuples(TEXTS, TEXTS, TEXTS))
@examples(50)
def test_the_fingerprint_is_what_the_reference_says(
    engine: psycopg.Connection, parts: tuple[str, str, str]
) -> None:
    """MD5 over class, location and message."""
    row = engine.execute("select private.failure_fingerprint(%s, %s, %s)", parts).fetchone()

    assert row == (fingerprint(*parts),)
