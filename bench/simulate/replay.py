"""A simulated history day by day: written, processed, and each night every rule is asked."""

import dataclasses
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from bench.simulate import nights
from bench.simulate.rules import Rule
from bench.simulate.score import FRESH_DAYS, GRACE_DAYS, Score, Trouble, score
from bench.simulate.world import Project, World, identify
from bench.simulate.write import process_runs, write_history, write_truth

Database = psycopg.Connection[Any]
FOREVER = 1e9


@dataclasses.dataclass(frozen=True)
class Replay:
    """What each rule made of the history, and how long a night took it."""

    rule: Rule
    score: Score
    night_ms: float


def replay(
    database: Database, world: World, rules: Sequence[Rule], days: int
) -> tuple[list[Replay], dict[str, float]]:
    """Play *days* of the one project of *world*; also returns what a night's jobs take, in ms."""
    write_truth(database, world)
    alarms: dict[str, dict[int, set[str]]] = defaultdict(dict)
    took_s: dict[str, float] = defaultdict(float)
    jobs_s: dict[str, float] = defaultdict(float)
    for day in range(days):
        night = world.at(day + 1)
        write_history(database, night)
        process_runs(database)
        if day % 7 == 0:
            database.execute(
                "analyze public.test_results, public.test_runs, public.test_run_history"
            )
        for job, spent in nights.work(database, night).items():
            jobs_s[job] += spent
        for rule in rules:
            started = time.perf_counter()
            alarms[rule.name][day] = rule.ask(database, night)
            took_s[rule.name] += time.perf_counter() - started
        if day % 28 == 27:
            sys.stderr.write(f"day {day + 1} of {days}\n")
    project = world.projects[0]
    replays = [
        Replay(
            rule,
            score(
                alarms[rule.name],
                troubles_of(world, project, rule.subject),
                days,
                _matters_of_taste(world, project, rule.subject),
            ),
            took_s[rule.name] / days * 1000,
        )
        for rule in rules
    ]
    return replays, {job: spent / days * 1000 for job, spent in jobs_s.items()}


def troubles_of(world: World, project: Project, subject: str) -> Iterable[Trouble]:
    """Yield what a rule about *subject* should notice in *project*."""
    project_id = project.id(world.seed)
    for test in project.tests:
        name = str(identify(project_id, test.suite, test.name))
        if subject in ("flaky", "broken") and test.failing_days and test.kind.startswith(subject):
            since, until = test.failing_days
            yield Trouble(name, test.kind, since, FOREVER if until is None else until + GRACE_DAYS)
        if subject == "slower" and test.slow_days:
            since, _ = test.slow_days
            yield Trouble(name, test.kind, since, since + FRESH_DAYS)
        if subject == "faster" and test.slow_days and test.slow_days[1] is not None:
            until = test.slow_days[1]
            yield Trouble(name, f"{test.kind}, mended", until, until + FRESH_DAYS)


def _matters_of_taste(world: World, project: Project, subject: str) -> frozenset[str]:
    """Return tests that become slower bit by bit: no day is the day to tell of it."""
    if subject != "slower":
        return frozenset()
    return frozenset(
        str(identify(project.id(world.seed), test.suite, test.name))
        for test in project.tests
        if test.drift
    )
