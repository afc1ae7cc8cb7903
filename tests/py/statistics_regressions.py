"""The part of docs/statistics.md on regressions."""

import numpy as np
import psycopg
import pytest
from otava import analysis
from reference_regressions import (
    Points,
    change_points,
    durations,
    found_in_sql,
    query,
    relative,
    series,
    welch,
)
from scipy import special, stats

SERIES = 300
TRIALS = 400
SPREADS = (0.15, 0.3, 0.5)


def write(database: psycopg.Connection) -> str:
    """Return the part."""
    return "\n".join(
        ["## Regressions", "", *_samples(database), *_points(database), *_alarms(database)]
    )


def _samples(database: psycopg.Connection) -> list[str]:
    chance = np.random.default_rng(11)
    x = np.linspace(-6, 26, SERIES)
    erfc = query(database, "select private.erfc(x) from unnest(%s::float8[]) as g (x)", x)
    ps = chance.uniform(0, 1, SERIES) ** 3
    ((adjusted,),) = query(database, "select private.adjust_for_discoveries(%s::float8[])", ps)
    got, expected = [], []
    for _ in range(SERIES):
        before = durations(chance, int(chance.integers(10, 51)))
        after = durations(chance, int(chance.integers(10, 31)), 100 * chance.uniform(0.8, 1.3))
        got += query(
            database,
            "select private.welch_test(b, a), (private.mann_whitney(b, a)).above_p,"
            " (private.mann_whitney(b, a)).below_p, private.shift_ratio(b, a)"
            " from (select %s::float8[], %s::float8[]) as given (b, a)",
            before,
            after,
        )
        sides = [
            stats.mannwhitneyu(after, before, alternative=side, method="asymptotic").pvalue
            for side in ("greater", "less")
        ]
        ratios = np.log(after)[:, None] - np.log(before)[None, :]
        expected.append((welch(before, after), *sides, float(np.exp(np.median(ratios)))))
    ours, theirs = np.array(got), np.array(expected)
    rows = [
        ("`erfc`", "`scipy.special.erfc`", relative([r[0] for r in erfc], special.erfc(x))),
        ("`welch_test`, p", "`scipy.stats.ttest_ind`", relative(ours[:, 0], theirs[:, 0])),
        (
            "`mann_whitney`, both p",
            "`scipy.stats.mannwhitneyu`, asymptotic",
            relative(ours[:, 1:3].ravel(), theirs[:, 1:3].ravel()),
        ),
        (
            "`shift_ratio` (Hodges-Lehmann)",
            "`numpy.median` of all differences of logarithms",
            relative(ours[:, 3], theirs[:, 3]),
        ),
        (
            "`adjust_for_discoveries`",
            "`scipy.stats.false_discovery_control`",
            relative(adjusted, stats.false_discovery_control(ps)),
        ),
    ]
    return [
        f"Largest relative difference over {SERIES} random pairs of samples (10 to 50 durations):",
        "",
        "| function | reference | difference |",
        "|---|---|---|",
        *(f"| {name} | {reference} | {difference:.1e} |" for name, reference, difference in rows),
        "",
    ]


def _points(database: psycopg.Connection) -> list[str]:
    chance = np.random.default_rng(12)
    same = weak = kept = own = some = 0
    differences = []
    for _ in range(SERIES):
        points = np.log(series(chance))
        unchanged = [point.index for point in analysis.compute_change_points(points.tolist())[0]]
        found = found_in_sql(database, points)
        ((weak_points,),) = query(
            database, "select private.find_weak_points(%s::float8[], 50, 0.01, 1)", points
        )
        with pytest.MonkeyPatch.context() as monkey:
            expected, merged_by_otava = change_points(points, monkey)
            weak_of_otava = [p.index for p in analysis.split(points.tolist(), 50, 0.01)]
        bounds = [point[0] for point in found]
        some += bool(expected)
        weak += weak_points == weak_of_otava
        same += bounds == [point[0] for point in expected]
        kept += bounds == merged_by_otava
        own += bounds == unchanged
        if bounds == [point[0] for point in expected]:
            differences.append(relative([p[2] for p in found], [p[2] for p in expected]))
    return [
        f"Change points in {SERIES} series of 12 to 120 durations, of which {some} have some:",
        "",
        "| Apache Otava 0.8.0 | series with the same change points |",
        "|---|---|",
        f"| its weak points, with our t-test | {weak} of {SERIES} |",
        f"| these merged as Hunter describes (p to {max(differences):.0e}) | {same} of {SERIES} |",
        f"| its own merging, with our t-test | {kept} of {SERIES} |",
        f"| unchanged | {own} of {SERIES} |",
        "",
        "Our t-test is Welch's with sample variances; Otava's is pooled with population variances.",
        "When Otava's merging takes a point out it looks again at the two after it and not at the",
        "one before, whose p is then still that of the shorter level.",
        "",
    ]


def _alarms(database: psycopg.Connection) -> list[str]:
    chance = np.random.default_rng(13)
    rules = (
        "mean > +20 %",
        "p95 > +20 %",
        "median > +20 %",
        "Assay: shift",
        "Assay: level",
        "**Assay: both**",
    )
    cells = [
        [_share(database, chance, spread, level, count) for spread in SPREADS]
        for level, count in ((100, 10), (150, 10), (150, 20))
    ]
    return [
        f"How often a rule fires, in % of {TRIALS} trials: 50 durations before, 10 or 20 after, of",
        "spread (sigma of the logarithm) 0.15 / 0.3 / 0.5, one in fifty 3 to 8 times as long. A",
        "shift is `find_shift`, a level `find_level`; people are told of what both see twice.",
        "",
        "| rule | false alarms, 10 after | +50 % found, 10 after | 20 after |",
        "|---|---|---|---|",
        *(
            f"| {rule} | "
            + " | ".join(" / ".join(f"{share[place]:.1f}" for share in column) for column in cells)
            + " |"
            for place, rule in enumerate(rules)
        ),
        "",
    ]


def _share(
    database: psycopg.Connection,
    chance: np.random.Generator,
    spread: float,
    level: float,
    count: int,
) -> Points:
    """Return in how many of 100 trials each rule says that the second sample is slower."""
    fired = []
    for _ in range(TRIALS):
        before = durations(chance, 50, 100, spread)
        after = durations(chance, count, level, spread)
        ((shift, split),) = query(
            database,
            "select found.shift, level.direction"
            " from (select %s::float8[], %s::float8[]) as given (b, a)"
            " cross join lateral private.find_shift(b, a, 5) as found"
            " cross join lateral private.find_level(b || a) as level",
            before,
            after,
        )
        is_shifted, is_split = shift == "slower", split == "slower"
        fired.append(
            (
                after.mean() > 1.2 * before.mean(),
                np.quantile(after, 0.95) > 1.2 * np.quantile(before, 0.95),
                np.median(after) > 1.2 * np.median(before),
                is_shifted,
                is_split,
                is_shifted and is_split,
            )
        )
    share: Points = np.mean(fired, axis=0) * 100
    return share
