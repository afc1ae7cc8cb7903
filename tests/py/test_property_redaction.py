"""Redaction against the encoders of the standard library: what they make of a secret is found."""

import base64
import html
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import psycopg
import pytest
from conftest import TEMPLATE, fresh_database
from hypothesis import given
from hypothesis import strategies as st

from worker.embedded.postgres import Cluster

# No NUL and no half pairs, which no column of PostgreSQL holds.
TEXT = st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")
SECRETS = st.text(st.sampled_from("aB3-_.~/+ \"'&<>%=\\é€😀\n") | TEXT, min_size=8, max_size=40)

ENCODERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in lower case": lambda text: "".join(
        piece.lower() if piece.startswith("%") else piece for piece in percent_pieces(text)
    ),
    "in a path": quote,
    "as by encodeURIComponent": lambda text: quote(text, safe="!'()*"),
    "as by encodeURI": lambda text: quote(text, safe="!'()*;,/?:@&=+$#"),
    "as a form": quote_plus,
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "in JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in HTML": html.escape,
    "in HTML text": lambda text: html.escape(text, quote=False),
}


def percent_pieces(text: str) -> Iterator[str]:
    """Yield each octet of *text* as it stands in a URL."""
    for octet in text.encode():
        yield quote(bytes([octet]), safe="")


@pytest.fixture(scope="module")
def connection(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    databases = fresh_database(platform_server, TEMPLATE)
    with next(databases).connect("postgres") as connection:
        yield connection
    next(databases, None)


def redacted(connection: psycopg.Connection, text: str, secret: str) -> str:
    """Return *text* as it is stored when *secret* is one."""
    row = connection.execute(
        "select private.redact_text(%s, array("
        "  select forms.form from unnest(private.secret_forms(%s)) as forms (form)"
        "  order by length(forms.form) desc"
        "))",
        (text, secret),
    ).fetchone()
    assert row
    return str(row[0])


@pytest.mark.parametrize("encoder", ENCODERS)
@given(secret=SECRETS)
def test_what_encoders_make_of_it_is_found(
    connection: psycopg.Connection, encoder: str, secret: str
) -> None:
    """Between other text it goes, and the text stays."""
    encoded = ENCODERS[encoder](secret)

    assert redacted(connection, f"<<{encoded}>>", secret) == "<<[redacted]>>"


@given(
    secret=SECRETS,
    before=st.binary(max_size=8),
    after=st.binary(max_size=8),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_what_lies_within_base64_is_found(
    connection: psycopg.Connection,
    secret: str,
    before: bytes,
    after: bytes,
    encode: Callable[[bytes], bytes],
) -> None:
    """No run of characters that only the secret decides on is left, wherever it begins."""
    content = secret.encode()
    encoded = encode(before + content + after).decode()
    start, end = -(-len(before) * 4 // 3), (len(before) + len(content)) * 4 // 3

    left = redacted(connection, encoded, secret)

    assert encoded[start:end] not in left
    assert "[redacted]" in left
