"""The three histories: a year of known kinds, a quarter to show, two years at scale."""

import dataclasses
import datetime as dt
import itertools
import random
from collections.abc import Iterator

from bench.simulate.world import (
    CONNECT_FAILED,
    DATABASE_DOWN,
    Incident,
    Project,
    Run,
    Test,
    World,
    daily_runs,
    name_tests,
    ordinary,
)

YEAR = 364
QUARTER = 91
TWO_YEARS = 730
_KINDS_OF_YEAR = (
    *((f"flaky {percent} %", 20) for percent in (1, 5, 20)),
    ("broken", 20),
    *((f"slowed {percent} %", 20) for percent in (15, 30, 60)),
    ("drifting", 20),
    ("healthy", 240),
)


def year(seed: int, end: dt.datetime, tests: int = 400, days: int = YEAR) -> World:
    """Return a year of one project: twenty tests of each kind, six runs a working day.

    Each trouble begins on a day of its own, and for half of the tests it is over some time later.
    """
    chance = random.Random(seed)
    kinds = [kind for kind, count in _KINDS_OF_YEAR for _ in range(count * tests // 400)]
    kinds += ["healthy"] * (tests - len(kinds))
    named = name_tests(tests)
    made = [
        ordinary(chance, suite, name, kind, **_nature(chance, kind, days))
        for (suite, name), kind in zip(named, kinds, strict=True)
    ]
    incidents: dict[tuple[int, int], Incident] = {}
    for _ in range(days // 30):
        _befall(chance, incidents, days, Incident(CONNECT_FAILED, chance.uniform(0.9, 1.0)))
    for _ in range(days // 60):
        _befall(chance, incidents, days, Incident(DATABASE_DOWN, chance.uniform(0.3, 0.6)))
    runs = list(daily_runs(chance, days, (6, 9, 12, 15, 18, 21), incidents=incidents))
    project = Project("Simulation", "A year", made, runs)
    return World(seed, end - dt.timedelta(days=days), [project], evidence_share=0.0)


def _nature(chance: random.Random, kind: str, days: int) -> dict[str, object]:
    """Return what a kind comes to: since when, until when, how much."""
    since = chance.randrange(days // 6, days * 2 // 3)
    word, _, percent = kind.removesuffix(" %").partition(" ")
    if word == "flaky":
        until = chance.choice((None, since + chance.randrange(60, 120)))
        return {"failing": int(percent) / 100, "failing_days": (since, until)}
    if word == "broken":
        return {"failing": 1.0, "failing_days": (since, since + chance.randrange(2, 15))}
    if word == "slowed":
        until = chance.choice((None, since + chance.randrange(60, 120)))
        return {"slowness": 1 + int(percent) / 100, "slow_days": (since, until)}
    if word == "drifting":
        return {"drift": 0.4 / days}
    return {}


def _befall(
    chance: random.Random,
    incidents: dict[tuple[int, int], Incident],
    days: int,
    incident: Incident,
) -> None:
    """Let *incident* hit one run, or two in a row, of some day."""
    day, place = chance.randrange(days), chance.randrange(5)
    for hit in range(place, place + chance.randint(1, 2)):
        incidents[day, hit] = incident


def quarter(seed: int, end: dt.datetime, tests: int = 80, days: int = QUARTER) -> World:
    """Return a quarter of a shop: a few flaky tests, two that broke, three that became slower.

    Half of the tests were red for a day for one cause, and two runs met an API that was away.
    """
    chance = random.Random(seed)
    named = name_tests(tests)

    def make(kind: str = "healthy", **nature: object) -> Test:
        suite, name = next(named)
        return ordinary(chance, suite, name, kind, **nature)

    def calm(test: Test, level_ms: float = 180) -> Test:
        return dataclasses.replace(test, level_ms=level_ms, sigma=0.15)

    late = days - 14
    made = [
        make("flaky 20 %", failing=0.2, failing_days=(days // 2, None)),
        make("flaky 8 %", failing=0.08, failing_days=(0, None)),
        make("flaky 30 %, mended", failing=0.3, failing_days=(days // 4, days // 2)),
        make("broken", failing=1.0, failing_days=(days - 4, None)),
        *(make("after a broken one", upstream=3) for _ in range(4)),
        make("broken, mended", failing=1.0, failing_days=(days // 3, days // 3 + 5)),
        calm(make("slowed 60 %", slowness=1.6, slow_days=(late, None))),
        calm(make("slowed 30 %", slowness=1.3, slow_days=(late - 7, None)), 240),
        calm(make("faster 40 %", slowness=0.6, slow_days=(late, None)), 400),
        make("drifting", drift=0.4 / days),
    ]
    made += [make() for _ in range(tests - len(made))]
    away, down = Incident(CONNECT_FAILED, 1.0), Incident(DATABASE_DOWN, 0.5)
    # on the first days of weeks, when there are runs enough
    one_day, another = days // 2 // 7 * 7, (days - 1) // 7 * 7
    incidents = {(one_day, 1): away, (one_day, 2): away}
    incidents |= {(another, place): down for place in range(6)}
    runs = list(
        daily_runs(chance, days, (7, 10, 13, 16, 19, 22), environments=2, incidents=incidents)
    )
    project = Project("Acme", "Shop", made, runs, (("staging", 1.0), ("production", 0.7)))
    return World(seed, end - dt.timedelta(days=days), [project], evidence_share=0.1)


SIZES = (1000, 600, 400, 300, 250, *[200] * 6, *[100] * 10, *[50] * 12)
ORGANIZATIONS = 8


def two_years(seed: int, end: dt.datetime, rows: int, evidence_share: float = 0.2) -> World:
    """Return two years of 33 projects in 8 organizations, of about *rows* results in all."""
    chance = random.Random(seed)
    pace = rows / TWO_YEARS / sum(SIZES)
    loads = [_load(day) for day in range(TWO_YEARS)]
    pace *= TWO_YEARS / sum(loads)
    projects = []
    for number, size in enumerate(SIZES):
        tests = [
            ordinary(chance, suite, name, kind, **_nature(chance, kind, TWO_YEARS))
            for (suite, name), kind in zip(name_tests(size), _mostly_healthy(chance), strict=False)
        ]
        projects.append(
            Project(
                f"Organization {number % ORGANIZATIONS}",
                f"Project {number}",
                tests,
                list(_steady_runs(chance, [load * pace for load in loads])),
                (("staging", 1.0), ("production", 0.7)),
            )
        )
    return World(seed, end - dt.timedelta(days=TWO_YEARS), projects, evidence_share=evidence_share)


def _load(day: int) -> float:
    """Return how much is run on a day, beside others: weekends less, once a month a great deal."""
    if day % 30 == 12:
        return 3.2
    return 0.75 if day % 7 >= 5 else 1.05


def _mostly_healthy(chance: random.Random) -> Iterator[str]:
    """Yield kinds: of a hundred tests ten have something."""
    kinds = [kind for kind, _ in _KINDS_OF_YEAR if kind != "healthy"]
    while True:
        yield chance.choice(kinds) if chance.random() < 0.1 else "healthy"


def _steady_runs(chance: random.Random, loads: list[float]) -> Iterator[Run]:
    """Yield as many runs a day as *loads* say, whole ones, whatever is left over later."""
    due = chance.random()
    commit = 0
    places = itertools.count()
    for day, load in enumerate(loads):
        due += load
        count = int(due)
        due -= count
        for hour in sorted(chance.uniform(5, 23) for _ in range(count)):
            # the commits of a day: about one for two runs
            commit += chance.random() < 0.5
            incident = None
            if chance.random() < 0.003:
                incident = Incident(CONNECT_FAILED, 0.95)
            yield Run(day + hour / 24, next(places) % 2, commit, incident)
