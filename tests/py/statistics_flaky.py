"""How well the flakiness score finds the rates of simulated tests that are known to the simulation.

A part of docs/statistics.md, which ``make statistics`` writes.
"""

import random
import statistics
from collections.abc import Sequence

import psycopg
import psycopg.types.json
from reference_flaky import estimate_flakiness

Group = tuple[int, int, bool]  # failures and attempts under one code key, and whether one passed

# how often something is broken, and how likely an attempt fails though nothing is
TRUTHS = [
    (0.02, 0.05),
    (0.1, 0.3),
    (0.3, 0.02),
    (0.0, 0.01),
    (0.0, 0.05),
    (0.0, 0.2),
    (0.1, 0.1),
    (0.5, 0.05),
]
TESTS = 300
KEYS = 100


def simulate(seed: str, bad_rate: float, flake_rate: float, keys: int = 100) -> list[Group]:
    """Return what a test of known rates came to under so many keys, tried three times at most."""
    chance = random.Random(seed)  # noqa: S311 -- the same tests each time
    groups = []
    for _ in range(keys):
        is_bad = chance.random() < bad_rate
        failures = 0
        while failures < 3 and (is_bad or chance.random() < flake_rate):
            failures += 1
        groups.append((failures, min(3, failures + 1), failures < 3))
    return groups


def recovered(
    engine: psycopg.Connection, bad_rate: float, flake_rate: float, count: int
) -> tuple[list[float], list[float]]:
    """Return the estimates of b and of f on *count* simulated tests."""
    tests = [
        simulate(f"{bad_rate} {flake_rate} {number}", bad_rate, flake_rate)
        for number in range(count)
    ]
    pairs = estimates(engine, tests)
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def estimates(
    engine: psycopg.Connection, tests: Sequence[Sequence[Group]]
) -> list[tuple[float, float]]:
    """Return b and f of each test's groups, as the database estimates them."""
    rows = engine.execute(
        """
        with groups as (
            select
                tests.ordinal,
                (groups.entry ->> 0)::bigint as failures,
                (groups.entry ->> 1)::bigint as attempts,
                (groups.entry ->> 2)::boolean as is_passed
            from jsonb_array_elements(%s::jsonb) with ordinality as tests (document, ordinal)
            left join lateral jsonb_array_elements(tests.document) as groups (entry) on true
        ),

        sums as (
            select
                groups.ordinal,
                count(groups.failures) as key_count,
                coalesce(sum(groups.failures) filter (where groups.is_passed), 0)::bigint as failed,
                coalesce(sum(groups.attempts) filter (where groups.is_passed), 0)::bigint as made
            from groups
            group by groups.ordinal
        )

        select estimates.*
        from sums
        left join lateral (
            select
                array_agg(counted.failures) as lengths,
                array_agg(counted.times) as counts
            from (
                select groups.failures, count(*) as times
                from groups
                where groups.ordinal = sums.ordinal and not groups.is_passed
                group by groups.failures
            ) as counted
        ) as fails on true
        cross join lateral private.estimate_flakiness(
            sums.key_count, sums.failed, sums.made, fails.lengths, fails.counts
        ) as estimates
        order by sums.ordinal
        """,
        [psycopg.types.json.Jsonb(tests)],
    )
    return [(row[0], row[1]) for row in rows]


def write(database: psycopg.Connection) -> str:
    """Return the part of the page, in Markdown."""
    lines = []
    apart = 0.0
    for bad_rate, flake_rate in TRUTHS:
        tests = [
            simulate(f"{bad_rate} {flake_rate} {number}", bad_rate, flake_rate)
            for number in range(TESTS)
        ]
        pairs = estimates(database, tests)
        apart = max(
            apart,
            *(
                abs(ours - reference) / reference
                for pair, groups in zip(pairs, tests, strict=True)
                for ours, reference in zip(pair, estimate_flakiness(groups), strict=True)
            ),
        )
        plain = [
            sum(group[0] for group in groups) / sum(group[1] for group in groups)
            for groups in tests
        ]
        lines.append(
            f"| {bad_rate:.2f} | {flake_rate:.2f} | {spread([pair[0] for pair in pairs])} |"
            f" {spread([pair[1] for pair in pairs])} | {spread(plain)} |"
        )
    return f"""
## Flakiness score

{TESTS} simulated tests a line, each tried under {KEYS} code keys: under a share b of them
everything fails, under the others an attempt fails with probability f, and is repeated twice at
most. Mean and standard deviation of what is estimated from that, and of the plain rate of failed
attempts, which cannot tell a test that is often broken from a flaky one.

| true b | true f | `bad_rate` | `flake_rate` | failures / attempts |
|---|---|---|---|---|
{chr(10).join(lines)}

The estimates in SQL and the same in plain Python differ by {apart:.0e} of their value at most.
"""


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation as they are printed."""
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
