"""Judging: operators, assertions and retry delays are what an independent reading says."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from reference_judge import NOTHING, OPERATORS, compare, describe, jitter, judge, plain_delay
from reference_support import (
    JSON,
    NUMBERS,
    TEXTS,
    examples,
    jsonb_text,
    parse_json,
    scratch_engine,
    tagged,
)

from worker.embedded.postgres import Cluster

TYPE_NAMES = st.sampled_from(
    ["null", "boolean", "number", "integer", "string", "array", "object", "text"]
)
SMALL = st.integers(0, 4).map(Decimal)
LETTERS = st.text("aAbB_é", max_size=3)
VALUES = st.one_of(JSON, NUMBERS, TEXTS, SMALL, LETTERS, TYPE_NAMES, st.lists(SMALL, max_size=3))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Draw a value and one that often has to do with it: equal, a part, its length, its type."""
    actual = draw(VALUES)
    related = [VALUES, st.just(actual), st.just([actual]), TYPE_NAMES]
    match actual:
        case str():
            ends = st.integers(0, len(actual))
            related += [
                st.builds(lambda a, b: actual[a:b], ends, ends),
                st.just(Decimal(len(actual))),
            ]
        case list() | dict() if actual:
            inner = list(actual.values()) if isinstance(actual, dict) else actual
            related += [st.sampled_from(inner), st.just(Decimal(len(actual)))]
            if isinstance(actual, dict):
                key = draw(st.sampled_from(sorted(actual)))
                related += [st.just(key), st.just({key: actual[key]})]
            else:
                related += [st.lists(st.sampled_from(actual))]
        case Decimal():
            related += [st.sampled_from([actual + 1, actual - 1, -actual])]
    return actual, draw(st.one_of(related))


PAIRS = st.one_of(pairs(), pairs(), st.tuples(LETTERS, LETTERS))


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def check_comparison(engine: psycopg.Connection, pair: tuple[Any, Any]) -> None:
    """Both compare every operator alike; null is neither true nor false, but for types."""
    actual, expected = pair
    row = engine.execute(
        """
        select array_agg(private.compare(names.name, %s::jsonb, %s::jsonb) order by names.ordinal)
        from unnest(%s::text[]) with ordinality as names (name, ordinal)
        """,
        [jsonb_text(actual), jsonb_text(expected), list(OPERATORS)],
    ).fetchone()
    assert row is not None
    got = dict(zip(OPERATORS, row[0], strict=True))
    got["type"] = bool(got["type"])

    assert got == {operator: compare(operator, actual, expected) for operator in OPERATORS}


@given(pair=PAIRS)
@example(pair=("abc", ""))
@example(pair=("null", None))
@example(pair=({}, {}))
@example(pair=([[Decimal(1)]], [Decimal(1)]))
@example(pair=({"a": [Decimal(1), Decimal(2)]}, {"a": [Decimal("2.0")]}))
@example(pair=({"a": [Decimal(1)]}, {"a": Decimal(1)}))
@example(pair=("\uffff", "\U0001f600"))
@examples(500)
def test_every_operator_compares_as_the_reference_does(
    engine: psycopg.Connection, pair: tuple[Any, Any]
) -> None:
    """Numbers by value at any length, texts by code point, objects by their parts."""
    check_comparison(engine, pair)


FIELDS = st.lists(TEXTS | st.sampled_from(["5", "-1.5", "007", "1e5", ".5", ""]), min_size=1)


@st.composite
def assertions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an assertion, an answer and what the worker found for it."""
    source = draw(st.sampled_from(["status", "duration", "header", "body", "text"]))
    actual, expected = draw(PAIRS)
    operator = draw(st.sampled_from(OPERATORS))
    assertion = {"source": source, "operator": operator}
    if operator not in ("exists", "not_exists"):
        assertion["expected"] = expected
    observed = narrowed = None
    if source not in ("status", "duration"):
        values = draw(FIELDS) if source == "header" else [actual, *draw(st.lists(JSON, max_size=1))]
        is_found = draw(st.booleans())
        observed = {"id": 0, "found": is_found, "values": values if is_found else []}
        narrowed = {"id": 1, "found": is_found and draw(st.booleans()), "values": []}
        assertion |= {"observe": 0, **({"path": "$.a"} if source == "body" else {})}
        if source == "body" and draw(st.booleans()):
            assertion["many"] = True
        if operator == "matches":
            assertion["observe_pattern"] = 1
    return {
        "assertion": assertion,
        "response": {"status": draw(st.sampled_from([Decimal(200), Decimal(404)]))},
        "timing": draw(st.sampled_from([{}, {"total": Decimal("12.345")}])),
        "observed": draw(st.sampled_from([observed, observed, observed, None])),
        "narrowed": narrowed,
    }


def check_judgement(engine: psycopg.Connection, given_case: dict[str, Any]) -> None:
    """Both judge alike and show the value judged; what did not hold is explained."""
    passed, actual = judge(**given_case)
    arguments = [
        None if given_case[name] is None else jsonb_text(given_case[name])
        for name in ("assertion", "response", "timing", "observed", "narrowed")
    ]
    row = engine.execute(
        """
        select judged.passed, judged.actual::text, judged.problem, judged.message
        from private.judge_assertion(
            %s::jsonb, %s::jsonb, %s::jsonb, %s::jsonb, %s::jsonb, array['no such secret']
        ) as judged
        """,
        arguments,
    ).fetchone()
    assert row is not None
    got_passed, got_actual, problem, message = row

    assert (got_passed, problem) == (passed, None)
    got = NOTHING if got_actual is None else parse_json(got_actual)
    assert tagged(got) == tagged(actual)
    assert message.startswith("expected: ") == (not passed)
    assert passed or message.endswith(
        f"; got {describe(actual)}" if got is not NOTHING else "; found nothing"
    )


@given(case=assertions())
@example(
    case={
        "assertion": {
            "source": "header",
            "name": "x",
            "operator": "not_equals",
            "expected": [],
            "observe": 0,
        },
        "response": {},
        "timing": {},
        "observed": {"id": 0, "found": True, "values": [""]},
        "narrowed": None,
    }
)
@examples(500)
def test_an_assertion_is_judged_on_what_was_found(
    engine: psycopg.Connection, case: dict[str, Any]
) -> None:
    """Nothing found fails all but not_exists; headers compare as text, or by size as numbers."""
    check_judgement(engine, case)


AMOUNTS = st.one_of(
    st.integers(0, 100_000),
    st.decimals(0, 1000, places=3),
    st.sampled_from([0, 10**18, Decimal("1e300")]),
)
POLICIES = st.fixed_dictionaries(
    {"attempts": st.integers(1, 100)},
    optional={
        "base_ms": AMOUNTS,
        "factor": st.one_of(st.decimals(0, 10, places=2), st.sampled_from([1, 2, 1000])),
        "cap_ms": AMOUNTS,
        "deadline_ms": AMOUNTS,
        "statuses": st.lists(st.sampled_from([500, 502, 503])),
        "retry_on": st.lists(
            st.sampled_from(["network", "timeout", "status", "assertion", "capture"])
        ),
    },
)
WAITS = st.none() | st.sampled_from(["0", "7", "120", "999999", "1234567", "-1", "soon", "1.5"])


def as_json(policy: dict[str, Any]) -> str:
    """Return *policy* as JSON text."""
    return jsonb_text(parse_json(jsonb_text({k: numbers(v) for k, v in policy.items()})))


def numbers(value: Any) -> Any:
    """Return *value* with every number as a Decimal."""
    if isinstance(value, list):
        return [numbers(each) for each in value]
    return value if isinstance(value, str) else Decimal(value)


DELAYS = st.tuples(POLICIES, TEXTS, st.integers(0, 98), WAITS)


def check_delay(
    engine: psycopg.Connection, policy: dict[str, Any], seed: str, retry_number: int, wait: str
) -> None:
    """Check the delay before a retry, with and without Retry-After."""
    assume(is_accepted(engine, policy))
    response = {"headers": [["X", "1"], *([["Retry-After", wait]] if wait is not None else [])]}
    row = engine.execute(
        """
        select private.retry_delay_ms(given.policy, given.seed, given.number, given.response),
            private.retry_delay_ms(given.policy, given.seed, given.number, given.response),
            private.retry_delay_ms(given.policy, given.seed, given.number, null)
        from (select %s::jsonb, %s::text, %s::integer, %s::jsonb)
        as given (policy, seed, number, response)
        """,
        [as_json(policy), seed, retry_number, jsonb_text(response)],
    ).fetchone()
    assert row is not None
    delay, again, unasked = row

    middle = plain_delay(policy, retry_number)
    asked = Decimal(wait) * 1000 if wait in ("0", "7", "120", "999999") else Decimal(0)
    slack = middle * Decimal("1e-12") + Decimal("1e-12")
    assert delay == again == max(unasked, asked)
    assert middle / 2 - slack <= unasked <= middle * 3 / 2 + slack
    assert abs(unasked - middle * jitter(seed, retry_number)) <= slack


@given(case=DELAYS)
@examples(300)
def test_a_retry_waits_as_the_formula_says(
    engine: psycopg.Connection, case: tuple[dict[str, Any], str, int, str]
) -> None:
    """min(cap, base * factor ^ n) * U(0.5, 1.5), fixed by the seed; Retry-After if longer."""
    check_delay(engine, *case)


def is_accepted(engine: psycopg.Connection, policy: dict[str, Any]) -> bool:
    """Whether a test may have this policy."""
    row = engine.execute(
        "select (private.retry_problem(%s::jsonb, '')).slug is null", [as_json(policy)]
    ).fetchone()
    assert row is not None
    return row[0]


ATTEMPTS = st.tuples(
    st.integers(0, 99),
    st.sampled_from(["assertion", "network", "worker"]),
    st.sampled_from([200, 503]),
    WAITS,
)


@given(policy=POLICIES, attempt=ATTEMPTS)
@example(
    policy={"attempts": 2, "base_ms": 10**18, "cap_ms": 10**18}, attempt=(0, "network", 200, None)
)
@example(policy={"attempts": 2, "deadline_ms": 10**18}, attempt=(0, "network", 200, None))
@examples(300)
def test_a_policy_that_may_be_saved_never_breaks_a_report(
    engine: psycopg.Connection, policy: dict[str, Any], attempt: tuple[int, str, int, str]
) -> None:
    """Another attempt comes when one is left, for a reason listed, before the deadline."""
    retry_number, category, status, wait = attempt
    assume(is_accepted(engine, policy))
    headers = [["retry-after", wait]] if wait is not None else []
    row = engine.execute(
        """
        select private.retry_time(given.report, 'failed', %s), clock_timestamp()
        from (
            select
                '00000000-0000-0000-0000-000000000001'::uuid as run_id,
                '00000000-0000-0000-0000-000000000002'::uuid as result_id,
                %s::integer as retry_number,
                now() as first_leased_at,
                jsonb_build_object('retry', %s::jsonb) as definition,
                %s::jsonb as report
        ) as raw
        cross join lateral (
            select jsonb_populate_record(null::private.fenced_report, to_jsonb(raw)) as report
        ) as given
        """,
        [
            category,
            retry_number,
            as_json(policy),
            jsonb_text({"response": {"status": Decimal(status), "headers": headers}}),
        ],
    ).fetchone()
    assert row is not None
    retry_at, now = row

    reasons = policy.get("retry_on", ["network", "timeout", "status", "assertion"])
    is_reason = category in reasons or (
        "status" in reasons and status in policy.get("statuses", [])
    )
    seed = "00000000-0000-0000-0000-000000000001:00000000-0000-0000-0000-000000000002"
    delay = plain_delay(policy, retry_number) * jitter(seed, retry_number)
    if wait in ("0", "7", "120", "999999"):
        delay = max(delay, Decimal(wait) * 1000)
    left = Decimal(policy.get("deadline_ms", 300_000)) - delay
    assume(abs(left) > 5000)  # the clock runs on between the two
    is_due = retry_number + 1 < policy["attempts"] and is_reason and left > 0
    assert (retry_at is not None) == is_due
    if is_due and delay < 10**12:
        assert abs(retry_at - now - dt.timedelta(milliseconds=float(delay))).total_seconds() < 5
