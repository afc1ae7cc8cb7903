"""Percentiles of histograms beside NumPy's, over random series of every shape that times have."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import psycopg

FRACTIONS = (0.5, 0.95, 0.99)
SERIES_PER_SHAPE = 32

# One histogram a day, merged as aggregate_test_metrics merges them.
QUANTILES = """
with measured as (
    select * from unnest(%s::integer[], %s::double precision[]) as measured (day, ms)
),

binned as (
    select day, private.bin_of(ms) as bin, count(*)::integer as occurrences
    from measured
    group by 1, 2
),

days as (
    select
        array_agg(bin order by bin) as bins,
        array_agg(occurrences order by bin) as counts
    from binned
    group by day
)

select private.quantiles(merged.bins, merged.counts, %s)
from private.merge_metrics(
    array(
        select
            row(
                null, null, null, now(), 0, 0, 0, 0, 0, 0, 0, null, null, null,
                days.bins, days.counts, null, null
            )::private.counted_results
        from days
    ),
    'range', is_by_environment => false, is_by_test => false
) as merged
"""

Series = np.ndarray[tuple[int], np.dtype[np.float64]]


def _two_hills(chance: np.random.Generator, size: int) -> Series:
    is_cached = chance.random(size) < 0.9
    return np.where(is_cached, chance.normal(20, 2, size), chance.normal(900, 120, size))


SHAPES: Mapping[str, Callable[[np.random.Generator, int], Series]] = {
    "log-normal, sigma 0.15": lambda chance, size: chance.lognormal(4, 0.15, size),
    "log-normal, sigma 0.5": lambda chance, size: chance.lognormal(5, 0.5, size),
    "log-normal, sigma 1.5": lambda chance, size: chance.lognormal(3, 1.5, size),
    "normal": lambda chance, size: chance.normal(200, 20, size),
    "exponential": lambda chance, size: chance.exponential(80, size),
    "uniform": lambda chance, size: chance.uniform(1, 30_000, size),
    "Pareto, shape 1.2": lambda chance, size: 10 * (1 + chance.pareto(1.2, size)),
    "two hills": _two_hills,
    "whole milliseconds": lambda chance, size: np.ceil(chance.gamma(2, 3, size)),
    "microseconds": lambda chance, size: chance.lognormal(-4, 0.8, size),
}


class Difference(NamedTuple):
    """A series, and how far its percentiles of the histogram are from NumPy's, as fractions."""

    shape: str
    size: int
    off: tuple[float, ...]


def measure(database: psycopg.Connection, longest: int = 3000) -> Iterator[Difference]:
    """Yield the differences of random series of 100 to *longest* values, strewn over 60 days."""
    chance = np.random.default_rng(1)
    for shape, draw in SHAPES.items():
        for _ in range(SERIES_PER_SHAPE):
            size = int(chance.integers(100, longest + 1))
            # as results keep them
            values = np.clip(np.round(draw(chance, size), 3), 0.001, 1e9)
            days = chance.integers(0, chance.integers(1, 61), size)
            row = database.execute(
                QUANTILES, (days.tolist(), values.tolist(), list(FRACTIONS))
            ).fetchone()
            assert row
            exact = np.quantile(values, FRACTIONS, method="inverted_cdf")
            yield Difference(shape, size, tuple(np.abs(np.array(row[0]) / exact - 1).tolist()))


def write(database: psycopg.Connection) -> str:
    """Return the table of differences."""
    found = list(measure(database))
    lines = [
        "## Percentiles of histograms",
        "",
        f"{len(found)} random series of 100 to 3,000 values, each cut into up to 60 days whose",
        "histograms are merged, beside `numpy.quantile(..., method='inverted_cdf')` of the values.",
        "Largest difference in percent; 1 is what the bins allow.",
        "",
        "| shape | series | values | p50 | p95 | p99 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for shape in (*SHAPES, "all"):
        of_shape = [one for one in found if shape in (one.shape, "all")]
        largest = np.max([one.off for one in of_shape], axis=0) * 100
        lines.append(
            f"| {shape} | {len(of_shape)} | {sum(one.size for one in of_shape):,} | "
            + " | ".join(f"{value:.3f}" for value in largest)
            + " |"
        )
    return "\n".join([*lines, ""])
