"""Tails, tests and estimates in SQL are what SciPy and NumPy say."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_regressions import durations, query, relative, welch
from reference_support import examples, scratch_engine
from scipy import special, stats

from worker.embedded.postgres import Cluster

TIMES = st.decimals("0.001", 100_000, places=3).map(float)
FEW_TIMES = st.sampled_from([1.0, 2.0, 2.5, 40.0])
SAMPLES = st.lists(TIMES, min_size=1, max_size=30) | st.lists(FEW_TIMES, min_size=1, max_size=30)
SAMPLE_PAIRS = st.tuples(SAMPLES, SAMPLES)
Pair = tuple[list[float], list[float]]


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def test_erfc_is_that_of_scipy(engine: psycopg.Connection) -> None:
    """To 1.2e-7 of its value on both sides of 0, and 0 beyond 26, where SciPy's is below 1e-295."""
    x = np.concatenate([np.linspace(-6, 26, 400), [0.0, 26.5, 1e6, np.inf, -np.inf]])
    rows = query(engine, "select private.erfc(x) from unnest(%s::float8[]) as given (x)", x)

    got, expected = np.array(rows)[:, 0], special.erfc(x)
    assert relative(got[x <= 26], expected[x <= 26]) < 1.2e-7
    assert set(got[x > 26]) == {0.0}


def test_erfc_of_nothing_known_is_nothing_known(engine: psycopg.Connection) -> None:
    """NaN stays NaN."""
    assert np.isnan(query(engine, "select private.erfc('NaN')")[0][0])


def test_the_incomplete_beta_function_is_that_of_scipy(engine: psycopg.Connection) -> None:
    """To 1e-9, on both sides of where the fraction is mirrored, and 0 and 1 outside."""
    chance = np.random.default_rng(2)
    x = chance.uniform(-0.1, 1.1, 300)
    a, b = np.exp(chance.uniform(-2, 5, (2, 300)))
    rows = query(
        engine,
        "select private.incomplete_beta(x, a, b)"
        " from unnest(%s::float8[], %s::float8[], %s::float8[]) as given (x, a, b)",
        x,
        a,
        b,
    )

    assert np.allclose(np.array(rows)[:, 0], special.betainc(a, b, np.clip(x, 0, 1)), atol=1e-9)


def test_students_tails_are_those_of_scipy(engine: psycopg.Connection) -> None:
    """To 1e-9 of their value, however far out and however many degrees of freedom."""
    chance = np.random.default_rng(3)
    t, freedom = chance.normal(0, 6, 300), np.exp(chance.uniform(0, 7, 300))
    rows = query(
        engine,
        "select private.student_tails(t, freedom)"
        " from unnest(%s::float8[], %s::float8[]) as given (t, freedom)",
        t,
        freedom,
    )

    assert relative(np.array(rows)[:, 0], 2 * stats.t.sf(abs(t), freedom)) < 1e-9


@given(pair=SAMPLE_PAIRS)
@examples(60)
def test_welch_is_that_of_scipy(engine: psycopg.Connection, pair: Pair) -> None:
    """The two-sided p; too small a sample tells nothing, two constants tell all."""
    ((got,),) = query(engine, "select private.welch_test(%s::float8[], %s::float8[])", *pair)

    assert got == pytest.approx(welch(*map(np.array, pair)), rel=1e-6, abs=1e-12)


@given(pair=SAMPLE_PAIRS)
@examples(60)
def test_mann_whitney_is_that_of_scipy(engine: psycopg.Connection, pair: Pair) -> None:
    """U and both one-sided p, with ties; values that are all equal differ in neither direction."""
    first, second = pair
    ((u, above_p, below_p),) = query(
        engine,
        "select u, above_p, below_p from private.mann_whitney(%s::float8[], %s::float8[])",
        first,
        second,
    )
    expected = [
        stats.mannwhitneyu(second, first, alternative=side, method="asymptotic")
        for side in ("greater", "less")
    ]

    assert u == expected[0].statistic
    if len({*first, *second}) == 1:
        assert (above_p, below_p) == (1, 1)
    else:
        assert relative([above_p, below_p], [side.pvalue for side in expected]) < 1.2e-7


@given(pair=SAMPLE_PAIRS)
@examples(60)
def test_the_shift_is_the_median_of_all_ratios(engine: psycopg.Connection, pair: Pair) -> None:
    """Hodges and Lehmann's estimate on logarithms, by NumPy."""
    ((got,),) = query(engine, "select private.shift_ratio(%s::float8[], %s::float8[])", *pair)
    first, second = np.log(pair[0]), np.log(pair[1])

    assert got == pytest.approx(np.exp(np.median(second[:, None] - first[None, :])), rel=1e-12)


@given(p_values=st.lists(st.floats(1e-12, 1) | st.sampled_from([0.01, 0.05, 1.0]), max_size=30))
@examples(60)
def test_discoveries_are_adjusted_as_by_scipy(
    engine: psycopg.Connection, p_values: list[float]
) -> None:
    """Benjamini and Hochberg, in the order given; nothing for nothing."""
    ((got,),) = query(engine, "select private.adjust_for_discoveries(%s::float8[])", p_values)

    expected = stats.false_discovery_control(p_values) if p_values else []
    assert got == pytest.approx(list(expected), rel=1e-12)


def test_long_samples_do_not_exceed_what_numbers_hold(engine: psycopg.Connection) -> None:
    """Samples of 500 that have nothing in common give a p near 0, and no error."""
    chance = np.random.default_rng(4)
    pair = durations(chance, 500), durations(chance, 500, level=100_000)
    ((welch_p, above_p, below_p),) = query(
        engine,
        "select private.welch_test(a, b), (private.mann_whitney(a, b)).above_p,"
        " (private.mann_whitney(a, b)).below_p"
        " from (select %s::float8[], %s::float8[]) as given (a, b)",
        *pair,
    )

    assert max(welch_p, above_p) < 1e-50
    assert below_p == pytest.approx(1)
