"""Change points in SQL are those of Apache Otava, given the same t-test."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_regressions import change_points, found_in_sql, query, relative, series
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


@pytest.mark.parametrize("options", [(), (0.01, 0.1), (0.001, 0.05, 5), (0.001, 0, 1, 30)])
def test_change_points_are_those_of_otava(
    engine: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, options: tuple[float, ...]
) -> None:
    """In 25 series of one to four levels; the p too. `make statistics` tries 300."""
    chance = np.random.default_rng(5)
    for _ in range(25):
        points = np.log(series(chance))
        got = found_in_sql(engine, points, *options)
        expected, _ = change_points(points, monkeypatch, *options)

        assert [point[0] for point in got] == [point[0] for point in expected]
        assert relative([p[1] for p in got], [p[1] for p in expected]) < 1e-9
        assert relative([p[2] for p in got], [p[2] for p in expected]) < 1e-9


def gain_of(points: list[float], split: int, end: int) -> float:
    """Return how well points fall apart, as the paper has it: means of distances of pairs."""
    before, after = points[:split], points[split:end]
    n, m = len(before), len(after)
    between = sum(abs(x - y) for x in before for y in after)
    within = [
        sum(abs(x - y) for i, x in enumerate(part) for y in part[:i]) / max(len(part) - 1, 1)
        for part in (before, after)
    ]
    return 2 / (n + m) * (between - m * within[0] - n * within[1])


@given(
    points=st.lists(st.integers(0, 5).map(float) | st.floats(0, 100), max_size=16),
    least=st.integers(1, 3),
)
@examples(60)
def test_the_best_split_is_found(
    engine: psycopg.Connection, points: list[float], least: int
) -> None:
    """Nothing that could be tried falls apart better; what has no room for it has no split."""
    ((split, gain),) = query(
        engine,
        "select split, gain from private.find_split("
        " private.sum_distances(%s::float8[]), 0, %s::integer, %s::integer)",
        points,
        len(points),
        least,
    )
    gains = {
        (tau, end): gain_of(points, tau, end)
        for tau in range(least, len(points) - least + 1)
        for end in range(tau + least, len(points) + 1)
    }

    assert (split is None) == (not gains)
    if gains:
        assert gain == pytest.approx(max(gains.values()), abs=1e-9)
        assert gain == pytest.approx(
            max(value for (tau, _), value in gains.items() if tau == split), abs=1e-9
        )


@pytest.mark.parametrize("points", [[], [1.0], [1.0, 9.0], [4.0] * 60])
def test_what_does_not_change_has_no_change_points(
    engine: psycopg.Connection, points: list[float]
) -> None:
    """Nothing, one point, two points and a constant."""
    assert found_in_sql(engine, np.array(points)) == []


def test_one_odd_point_is_no_new_level(engine: psycopg.Connection) -> None:
    """A level has two points at least: a t-test of one tells nothing."""
    assert found_in_sql(engine, np.array([1.0, 1.1] * 10 + [50.0])) == []


def test_a_step_between_constants_is_found(engine: psycopg.Connection) -> None:
    """No spread at all on either side, and yet no error."""
    assert found_in_sql(engine, np.array([1.0] * 20 + [2.0] * 20)) == [(20, 1.0, 0.0)]
