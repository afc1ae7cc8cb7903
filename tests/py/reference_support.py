"""What the property tests share: how many examples, a database for a module, JSON as jsonb has it.

``ASSAY_PROPERTIES=thorough`` asks for twenty times the examples, different ones each time.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
from conftest import TEMPLATE, Database, fresh_database
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from worker.embedded.postgres import Cluster

PROFILE = "assay-" + os.environ.get("ASSAY_PROPERTIES", "quick")
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile(
    "assay-quick",
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=SLOW_IS_FINE,
)
settings.register_profile(
    "assay-thorough",
    settings.get_profile("assay-quick"),
    derandomize=False,
    print_blob=True,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from(["1.0", "1.00", "-0", "0.10", "1e2", "1e-3", "0e5"]),
    st.decimals(-100, 100, places=2),
    st.builds("{}E-{}".format, st.integers(-(10**400), 10**400), st.integers(0, 300)),
).map(Decimal)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.sampled_from("ab"), inner)
    ),
    max_leaves=8,
)


def examples(count: int) -> settings:
    """Return settings for *count* examples, the same ones in every run of the ordinary profile."""
    factor = 20 if PROFILE == "assay-thorough" else 1
    return settings(settings.get_profile(PROFILE), max_examples=count * factor)


@contextlib.contextmanager
def scratch_engine(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """Yield a connection to a database of its own, each statement on its own."""
    fresh = contextlib.contextmanager(fresh_database)
    database: Database
    with fresh(cluster, TEMPLATE) as database, database.connect() as connection:
        yield connection


def parse_json(text: str) -> Any:
    """Return the value of *text*; every number is a Decimal."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def jsonb_text(value: Any) -> str:
    """Return *value* as PostgreSQL writes jsonb: keys by length, numbers without exponent."""
    match value:
        case dict():
            members = sorted(value.items(), key=lambda member: (len(member[0].encode()), member[0]))
            inner = ", ".join(f"{jsonb_text(key)}: {jsonb_text(entry)}" for key, entry in members)
            return f"{{{inner}}}"
        case list():
            return f"[{', '.join(jsonb_text(entry) for entry in value)}]"
        case Decimal():
            return number_text(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def number_text(value: Decimal) -> str:
    """Return *value* in full, with the fraction digits that it was written with."""
    digits = max(0, -value.as_tuple().exponent)
    return f"{abs(value) if value.is_zero() else value:.{digits}f}"


def tagged(value: Any) -> Any:
    """Return what is equal for values that are equal as JSON: 1 = 1.0, but true is not 1."""
    match value:
        case dict():
            return ("object", frozenset((key, tagged(entry)) for key, entry in value.items()))
        case list():
            return ("array", tuple(tagged(entry) for entry in value))
        case _:
            return (type(value).__name__, value)
