"""Replay a simulated year night by night, and write bench/SIMULATION.md.

``DAYS=60 TESTS=80`` for a short one, ``SEED=2`` for another year.
"""

import datetime as dt
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg

from bench import house
from bench.simulate.replay import Replay, replay
from bench.simulate.rules import ASSAY, NAIVE
from bench.simulate.world import World
from bench.simulate.worlds import YEAR, year
from bench.simulate.write import prepare

RESULTS = Path(__file__).parents[1] / "SIMULATION.md"
_TITLES = {
    "flaky": ("Flaky", "tests that now and then fail an attempt, from a day on"),
    "broken": ("Broken", "tests of which every attempt fails, for two to fourteen days"),
    "slower": ("Slower", "tests that take 15, 30 or 60 % longer from a day on"),
    "faster": ("Faster", "tests that are as fast again as they were before they became slower"),
}


def main() -> None:
    """Play the year and write down what each rule made of it."""
    seed = int(os.environ.get("SEED", "1"))
    days = int(os.environ.get("DAYS", str(YEAR)))
    tests = int(os.environ.get("TESTS", "400"))
    # ends at a fixed hour of a fixed day: the same seed is the same year
    end = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    world = year(seed, end, tests, days)
    with (
        house.running_stack(is_throwaway=True) as connection,
        psycopg.connect(connection.db_url, autocommit=True) as database,
    ):
        prepare(database)
        rules = [*NAIVE, *(rule for rule in ASSAY if rule.is_there(database))]
        replays, jobs = replay(database, world, rules, days)
        # without its jobs Assay would find nothing, and the page would say so
        assert jobs
        counted = database.execute("select count(*) from public.test_results").fetchone()
        assert counted
    text = "\n".join(report(world, replays, jobs, days, counted[0]))
    RESULTS.write_text(text + "\n")
    sys.stdout.write(f"{text}\nWritten to {RESULTS}\n")


def report(
    world: World, replays: Sequence[Replay], jobs: Mapping[str, float], days: int, results: int
) -> Iterator[str]:
    """Yield the lines of the page."""
    (project,) = world.projects
    kinds = Counter(test.kind for test in project.tests)
    yield "# A simulated year"
    yield ""
    yield (
        f"{len(project.tests)} tests of known kinds, {days} days, {len(project.runs):,} runs, "
        f"{results:,} results, seed {world.seed}: `make simulate DAYS={days} "
        f"TESTS={len(project.tests)}`. Each night every rule is asked "
        "which tests it would flag; what it says is held against what is true."
    )
    yield ""
    yield "| kind | tests |"
    yield "|---|---|"
    for kind, count in kinds.items():
        yield f"| {kind} | {count} |"
    yield ""
    yield (
        "Durations are log-normal with a level and a spread (0.15, 0.3 or 0.5) of each test's own; "
        f"{world.outlier_rate:.1%} of them are 3 to 8 times as long. Of {1 / world.noise:,.0f} "
        "attempts of a healthy test one fails all the same. Half of the tests make up to three "
        "attempts. Commits change twice a working day. "
        f"{sum(run.incident is not None and run.incident.share > 0.8 for run in project.runs)} "
        "runs met an API that was away, "
        f"{sum(run.incident is not None and run.incident.share <= 0.8 for run in project.runs)} "
        "one of which a part was down."
    )
    for subject, (title, what) in _TITLES.items():
        of_subject = [one for one in replays if one.rule.subject == subject]
        if of_subject:
            yield ""
            yield f"## {title}"
            yield ""
            yield f"What there is to find: {what}."
            yield ""
            yield from table(of_subject)
    if jobs:
        yield ""
        yield "## What a night costs"
        yield ""
        yield "| job | time, mean |"
        yield "|---|---|"
        for job, took_ms in jobs.items():
            yield f"| {job} | {took_ms:,.0f} ms |"


def table(replays: Sequence[Replay]) -> Iterator[str]:
    """Yield a table of rules about one subject."""
    kinds = list(dict.fromkeys(kind for one in replays for kind in one.score.recall))
    has_taste = any(one.score.ignored for one in replays)
    yield (
        "| rule | precision | "
        + "".join(f"found, {kind} | " for kind in kinds)
        + "false alarms a week | days to the first alarm, median | a night takes |"
        + (" alarms about drifting tests |" if has_taste else "")
    )
    yield "|---" * (5 + len(kinds) + has_taste) + "|"
    for one in replays:
        found = "".join(f"{one.score.recall.get(kind, 0):.0%} | " for kind in kinds)
        precision, delay = one.score.precision, one.score.delay
        yield (
            f"| {one.rule.name} | {'-' if precision is None else f'{precision:.0%}'} | {found}"
            f"{one.score.false / one.score.weeks:.2f} | "
            f"{'-' if delay is None else f'{delay:.1f}'} | {one.night_ms:,.0f} ms |"
            + (f" {one.score.ignored} |" if has_taste else "")
        )


if __name__ == "__main__":
    main()
