"""Regressions once more: the same tests in SciPy, the same change points by Apache Otava."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from otava import analysis
from otava.change_point_divisive.base import CandidateChangePoint
from otava.change_point_divisive.calculator import PairDistanceCalculator
from scipy import stats

Points = NDArray[np.float64]
Found = tuple[int, float, float]
DEFAULTS = (0.001, 0.0, 1, 50)


def durations(
    chance: np.random.Generator, count: int, level: float = 100, spread: float = 0.3
) -> Points:
    """Return milliseconds as they come: log-normal, one in fifty three to eight times as long."""
    points = level * np.exp(chance.normal(0, spread, count))
    is_slow = chance.random(count) < 0.02
    return np.round(points * np.where(is_slow, chance.uniform(3, 8, count), 1), 3)


def series(chance: np.random.Generator) -> Points:
    """Return 12 to 120 durations, of one to four levels."""
    spread = chance.choice([0.05, 0.15, 0.3])
    levels = np.exp(np.cumsum(chance.normal(0, 0.5, chance.integers(1, 5))))
    sizes = chance.integers(6, 31, levels.size) if levels.size > 1 else chance.integers(12, 121, 1)
    parts = zip(levels, sizes, strict=True)
    return np.concatenate([durations(chance, int(n), 100 * level, spread) for level, n in parts])


def welch(first: Points, second: Points) -> float:
    """Return the two-sided p of SciPy; 1 where a sample is too small to tell."""
    if min(len(first), len(second)) < 2:
        return 1.0
    if np.ptp(first) == np.ptp(second) == 0:
        return float(first[0] == second[0])
    described = [
        value
        for sample in (first, second)
        for value in (np.mean(sample), np.std(sample, ddof=1), len(sample))
    ]
    return float(stats.ttest_ind_from_stats(*described, equal_var=False).pvalue)


class WelchTester(analysis.TTestSignificanceTester):
    """Otava's tester with our t-test: sample variances that need not be equal."""

    def compare(self, left: Any, right: Any) -> Any:
        """Compare two levels."""
        means = float(np.mean(left)), float(np.mean(right))
        return Levels(mean_1=means[0], mean_2=means[1], std_1=0, std_2=0, pvalue=welch(left, right))


class Levels(analysis.TTestStats):
    """Otava's levels for logarithms, where a difference is a change."""

    def change_magnitude(self) -> float:
        """Return how far apart they are."""
        return float(abs(self.mean_2 - self.mean_1))


class Calculator(PairDistanceCalculator):
    """Otava's calculator, with at least so many points on each side of a split."""

    least_points = 1

    def get_candidate_change_point(self, interval: slice) -> CandidateChangePoint:
        """Return the best split; of a part without room for one, none that would be taken."""
        start, end, _ = interval.indices(len(self.series))
        gains = self._get_Q_vals(start, end)
        sizes = np.arange(gains.shape[0])
        before, after = sizes[:, None] + 1, sizes[None, :] - sizes[:, None] + 1
        is_allowed = (before >= self.least_points) & (after >= self.least_points)
        gains = np.where(is_allowed, gains, -math.inf)
        split = int(np.unravel_index(np.argmax(gains), gains.shape)[0])
        return CandidateChangePoint(index=split + 1 + start, qhat=float(gains.max()))


def merge(points: Points, bounds: list[int], p_limit: float, least_step: float) -> list[Found]:
    """Take out what is no change, the weakest first; both neighbours are looked at again.

    Otava's own merge looks again at the two that follow, and leaves the one before as it was.
    """
    while True:
        ends = [0, *bounds, len(points)]
        levels = [points[a:b] for a, b in itertools.pairwise(ends)]
        found = [
            (bound, float(np.mean(after) - np.mean(before)), welch(before, after))
            for bound, (before, after) in zip(bounds, itertools.pairwise(levels), strict=True)
        ]
        weakest = max(found, key=lambda point: point[2], default=None)
        if weakest is None or weakest[2] < p_limit:
            weakest = min(found, key=lambda point: abs(point[1]), default=None)
            if weakest is None or abs(weakest[1]) > least_step:
                return found
        bounds = [bound for bound in bounds if bound != weakest[0]]


def change_points(
    points: Points, monkey: pytest.MonkeyPatch, *options: float
) -> tuple[list[Found], list[int]]:
    """Return what Otava finds with our t-test and merging, and what its own merging leaves.

    options: p_limit, least_step, least_points, window_size, as far as they are not the defaults.
    """
    p_limit, least_step, least_points, window_size = (*options, *DEFAULTS[len(options) :])
    monkey.setattr(analysis, "TTestSignificanceTester", WelchTester)
    monkey.setattr(analysis, "PairDistanceCalculator", Calculator)
    monkey.setattr(Calculator, "least_points", least_points)
    # a list: of an array it would look at the whole in each window
    weak = analysis.split(points.tolist(), window_size, p_limit * 10)
    bounds = [point.index for point in weak]
    kept = analysis.merge(weak, points, p_limit, least_step)
    return merge(points, bounds, p_limit, least_step), [point.index for point in kept]


def query(connection: psycopg.Connection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a statement whose parameters are numbers and arrays of them."""
    plain = [v.tolist() if isinstance(v, np.ndarray | np.generic) else v for v in values]
    return connection.execute(sql, plain).fetchall()


def found_in_sql(connection: psycopg.Connection, points: Points, *options: float) -> list[Found]:
    """Return what private.find_change_points finds: bounds, steps and p."""
    marks = "".join(", %s" for _ in options)
    return query(
        connection,
        f"select bound, step, p from private.find_change_points(%s::float8[]{marks})",  # noqa: S608
        points,
        *options,
    )


def relative(got: Sequence[float], expected: Sequence[float]) -> float:
    """Return the largest difference relative to what is expected; 0 for nothing."""
    pairs = zip(got, expected, strict=True)
    return max((abs(a - b) / max(abs(b), 1e-300) for a, b in pairs), default=0.0)
