"""Flakiness: evidence, scores and verdicts are what an independent reading says, and come true."""

import dataclasses
import datetime as dt
import itertools
import statistics
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import sql
from reference_flaky import (
    Evidence,
    Outcome,
    estimate_flakiness,
    verdict,
    weigh_tests,
    wilson_bound,
)
from reference_support import examples, scratch_engine
from statistics_flaky import TRUTHS, Group, estimates, recovered

from worker.embedded.postgres import Cluster

PROJECT = uuid.UUID(int=1)
BEGINNING = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
# of the evidence, in the order of Evidence
COLUMNS = (
    "result_count",
    "failure_count",
    "key_count",
    "contradiction_count",
    "flake_count",
    "flake_bound",
    "flake_rate",
    "bad_rate",
    "flip_rate",
    "flip_count",
    "is_flip_rate_by_key",
    "is_alternating",
    "failed_key_count",
    "failure_level",
    "pass_streak",
)


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    """Yield a database whose outcomes are what a test says they are."""
    with scratch_engine(platform_server) as connection:
        connection.execute("create schema scratch")
        connection.execute(
            "create table scratch.outcomes as table private.test_outcomes with no data"
        )
        connection.execute(
            """
            create or replace view private.test_outcomes with (security_invoker = on) as
            select * from scratch.outcomes
            """
        )
        yield connection


def identity(*parts: object) -> uuid.UUID:
    """Return the id of what *parts* name."""
    return uuid.uuid5(PROJECT, "/".join(map(str, parts)))


def weigh(engine: psycopg.Connection, outcomes: list[Outcome]) -> dict[str, Evidence]:
    """Return the evidence by test, as the database weighs it."""
    engine.execute("truncate scratch.outcomes")
    with (
        engine.cursor() as cursor,
        cursor.copy(
            """
            copy scratch.outcomes (
                result_id, run_id, project_id, environment_id, test_case_id, row_key, is_passed,
                failed_count, finished_at, code_key, definition_id, is_infra_suspect
            ) from stdin
            """
        ) as copy,
    ):
        for number, one in enumerate(outcomes):
            copy.write_row(
                (
                    identity("result", number),
                    identity("run", one.run),
                    PROJECT,
                    PROJECT,
                    identity("test", one.test),
                    one.row,
                    one.is_passed,
                    one.failures,
                    BEGINNING + dt.timedelta(seconds=one.at),
                    identity("key", one.test, one.row, one.key).hex,
                    one.definition,
                    False,
                )
            )
    names = {identity("test", one.test): one.test for one in outcomes}
    rows = engine.execute(
        sql.SQL("select test_case_id, {} from private.weigh_tests(%s, %s, %s)").format(
            sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        ),
        [PROJECT, "-infinity", "infinity"],
    )
    return {names[row[0]]: Evidence(*row[1:]) for row in rows}


def is_near(one: Evidence, other: Evidence) -> bool:
    """Return whether both say the same, up to rounding."""
    return all(
        left == (pytest.approx(right, rel=1e-9, abs=1e-12) if isinstance(right, float) else right)
        for left, right in zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True)
    )


@st.composite
def outcomes(draw: st.DrawFn) -> list[Outcome]:
    """Draw what runs of a few tests and rows came to; steady and broken times, keys that return."""
    listed = []
    moment = itertools.count()
    is_versioned = draw(st.booleans())
    mood = draw(st.sampled_from([0, 1, 5, 9]))
    for run in range(draw(st.integers(1, 25))):
        key = str(draw(st.integers(0, 3))) if is_versioned else f"run {run}"
        definition = draw(st.sampled_from([1, 1, 1, 2]))
        if draw(st.integers(0, 9)) == 0:
            mood = draw(st.sampled_from([0, 1, 5, 9, 10]))
        for test, row in draw(
            st.sampled_from(
                [
                    [("a", "")],
                    [("a", "1"), ("a", "2"), ("b", "")],
                    [(test, row) for test in "ab" for row in "123"],
                    [(test, row) for test in "abc" for row in "1234"],
                ]
            )
        ):
            failures = 0
            while failures < 3 and draw(st.integers(1, 10)) <= mood:
                failures += 1
            attempts = draw(st.integers(max(1, failures), 3))
            listed.append(
                Outcome(
                    at=float(next(moment)),
                    run=run,
                    key=key,
                    is_passed=failures < attempts,
                    failures=failures,
                    row=row,
                    definition=definition,
                    test=test,
                )
            )
    return listed


def history(results: str, *, key: str = "") -> list[Outcome]:
    """Return a run for each letter: P passed, F failed, R passed when tried again, B all three."""
    return [
        Outcome(
            at=float(run),
            run=run,
            key=key or str(run),
            is_passed=letter in "PR",
            failures={"P": 0, "F": 1, "R": 1, "B": 3}[letter],
        )
        for run, letter in enumerate(results)
    ]


def check_evidence(engine: psycopg.Connection, listed: list[Outcome]) -> None:
    """Both weigh alike, and come to the same verdict whatever the one before was."""
    got, expected = weigh(engine, listed), weigh_tests(listed)

    assert got.keys() == expected.keys()
    for test, evidence in expected.items():
        assert is_near(got[test], evidence), (got[test], evidence)
        # a number that is so near a threshold that rounding decides proves nothing
        if min(abs(evidence.ewma - 0.5), abs(evidence.ewma - 0.8)) < 1e-9:
            continue
        for previous in (None, "healthy", "flaky", "broken"):
            assert rate(engine, test, previous) == verdict(evidence, previous)


def rate(engine: psycopg.Connection, test: str, previous: str | None) -> str:
    """Return the verdict of the database on what was weighed last."""
    row = engine.execute(
        """
        select private.rate_evidence(weighed, %s)
        from private.weigh_tests(%s, '-infinity', 'infinity') as weighed
        where weighed.test_case_id = %s
        """,
        [previous, PROJECT, identity("test", test)],
    ).fetchone()
    assert row is not None
    return str(row[0])


@given(listed=outcomes())
@example(listed=history("PPPFFFPPP", key="c"))
@example(listed=history("PFPFPF", key="c"))
@example(listed=history("PPPFFF", key="c"))
@example(listed=history("RPPPRPPPP"))
@example(listed=history("BBBBB"))
@examples(150)
def test_evidence_is_what_the_reference_reads(
    engine: psycopg.Connection, listed: list[Outcome]
) -> None:
    """Contradictions, flips, scores, streaks and verdicts, of any history."""
    check_evidence(engine, listed)


@pytest.mark.parametrize(
    ("results", "key", "expected"),
    [
        ("PPPPPPPPPP", "", "healthy"),
        ("PPPP", "", "new"),
        ("RPPPPPPPRPPP", "", "flaky"),  # twice failed and passed within a run
        ("RPPPPPPPPPPP", "", "healthy"),  # once may be chance
        ("PPPFPPPPFPPP", "commit", "flaky"),  # alone, under one commit
        ("PPPPFFFFPPPPPPPP", "commit", "healthy"),  # broken and mended under one commit
        ("PPPFPPFPPPFP", "", "flaky"),  # no key ran twice, but it rolls dice
        ("PPPPFFFFPPPPFFFFPPPP", "", "healthy"),  # broken and mended twice
        ("PPPPPFFFFF", "", "broken"),
        ("PPPPPPFFFFFFFFF", "commit", "broken"),
        ("RPRPRPBBBBB", "", "broken"),  # goes before flaky
    ],
)
def test_histories(engine: psycopg.Connection, results: str, key: str, expected: str) -> None:
    """What a person would say of a plain history is what both say."""
    listed = history(results, key=key)
    weigh(engine, listed)

    assert (rate(engine, "t", None), verdict(weigh_tests(listed)["t"])) == (expected, expected)


def test_an_outage_that_hits_some_makes_none_of_them_flaky(engine: psycopg.Connection) -> None:
    """Of ten tests four fail in two runs of twenty, each passes before and after."""
    listed = [
        Outcome(
            at=float(run) + place / 100,
            run=run,
            key="commit",
            is_passed=(passed := run not in (5, 12) or place >= 4),
            failures=0 if passed else 1,
            test=str(place),
        )
        for run in range(20)
        for place in range(10)
    ]
    weigh(engine, listed)

    assert {rate(engine, str(place), None) for place in range(10)} == {"healthy"}


@pytest.mark.parametrize("previous", ["healthy", "flaky"])
def test_a_flaky_test_is_so_until_luck_is_unlikely(
    engine: psycopg.Connection, previous: str
) -> None:
    """One flake among thirty passes makes no test flaky, and five passes after it mend none."""
    weigh(engine, history("P" * 25 + "R" + "P" * 5))

    assert rate(engine, "t", previous) == previous


COUNTS = st.integers(0, 2000)


@given(pair=st.tuples(COUNTS, COUNTS).map(sorted))
@example(pair=[0, 0])
@example(pair=[0, 1])
@example(pair=[1, 1])
@examples(300)
def test_wilson_bound(engine: psycopg.Connection, pair: list[int]) -> None:
    """Both give the same bound, below the rate, and no less for one success more."""
    row = engine.execute(
        "select private.wilson_bound(%s, %s), private.wilson_bound(%s, %s)",
        [*pair, min(pair[0] + 1, pair[1]), pair[1]],
    ).fetchone()
    assert row is not None

    assert row[0] == pytest.approx(wilson_bound(*pair), rel=1e-12, abs=1e-15)
    assert 0 <= row[0] <= (pair[0] / pair[1] if pair[1] else 0) + 1e-12
    assert row[0] <= row[1]


GROUPS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3)).map(
        lambda pair: (pair[0], max(1, sum(pair)), pair[1] > 0 or pair[0] == 0)
    ),
    max_size=60,
)


@given(tests=st.lists(GROUPS, min_size=1, max_size=5))
@example(tests=[[]])
@example(tests=[[(3, 3, False)] * 40])
@example(tests=[[(100000, 100000, False)]])
@examples(200)
def test_scores_are_those_of_the_reference(
    engine: psycopg.Connection, tests: list[list[Group]]
) -> None:
    """Thirty rounds over groups that are counted together are thirty rounds over each."""
    for got, groups in zip(estimates(engine, tests), tests, strict=True):
        assert got == pytest.approx(estimate_flakiness(groups), rel=1e-9)


@pytest.mark.parametrize(("bad_rate", "flake_rate"), TRUTHS)
def test_scores_recover_the_truth(
    engine: psycopg.Connection, bad_rate: float, flake_rate: float
) -> None:
    """Of a hundred keys of forty simulated tests the rates that made them come out."""
    bad, flaky = recovered(engine, bad_rate, flake_rate, 40)

    assert statistics.mean(bad) == pytest.approx(bad_rate, abs=0.02 + 0.15 * bad_rate)
    assert statistics.mean(flaky) == pytest.approx(flake_rate, abs=0.01 + 0.12 * flake_rate)
    assert statistics.stdev(flaky) < 0.05
