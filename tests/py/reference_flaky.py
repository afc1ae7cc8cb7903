"""Flakiness, written down once more: from outcomes of tests to verdicts, in plain Python."""

import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

ROUNDS = 30


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One judged result: *failures* attempts that failed, then one that passed or none."""

    at: float
    run: int
    key: str
    is_passed: bool
    failures: int = 0
    row: str = ""
    definition: int = 1
    test: str = "t"
    is_troubled: bool = False

    @property
    def attempts(self) -> int:
        """Return how many attempts there were."""
        return self.failures + self.is_passed


@dataclasses.dataclass(frozen=True)
class Key:
    """What all outcomes of one row under one code key come to."""

    row: str
    runs: int
    attempts: int
    failures: int
    recoveries: int
    flips: int
    is_passed: bool
    at: float

    @property
    def flip_rate(self) -> float:
        """Return the share of neighbouring attempts that differ."""
        return self.flips / (self.attempts - 1)

    @property
    def is_mixed(self) -> bool:
        """Return whether there is a pass and a failure."""
        return self.is_passed and self.failures > 0

    @property
    def is_contradiction(self) -> bool:
        """Return whether it alternates, and not just broke or was mended under one key."""
        share = self.failures / self.attempts if self.attempts else 0
        return self.is_mixed and self.flip_rate >= share * (1 - share)


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the verdict is made of."""

    results: int
    failures: int
    keys: int
    contradictions: int
    flakes: int
    bound: float
    flake_rate: float
    bad_rate: float
    flip_rate: float | None
    flips: int
    is_flip_rate_by_key: bool
    is_alternating: bool
    failed_keys: int
    ewma: float
    passes: int


def wilson_bound(successes: int, trials: int, z: float = 1.645) -> float:
    """Return the lower end of Wilson's interval of a rate."""
    if trials == 0:
        return 0.0
    rate = successes / trials
    centre = rate + z * z / (2 * trials)
    spread = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, (centre - spread) / (1 + z * z / trials))


def estimate_flakiness(groups: Iterable[tuple[int, int, bool]]) -> tuple[float, float]:
    """Return b and f of groups of (failures, attempts, whether one passed), by 30 rounds of EM."""
    listed = list(groups)
    bad, flaky = 0.1, 0.1
    for _ in range(ROUNDS):
        shares = [
            0.0 if passed else bad / (bad + (1 - bad) * flaky**failures)
            for failures, _, passed in listed
        ]
        good = [1 - share for share in shares]
        bad = (sum(shares) + 1) / (len(listed) + 20)
        failures = sum(w * group[0] for w, group in zip(good, listed, strict=True))
        attempts = sum(w * group[1] for w, group in zip(good, listed, strict=True))
        flaky = (failures + 0.5) / (attempts + 10)
    return bad, flaky


def attempts_of(outcomes: Iterable[Outcome]) -> list[bool]:
    """Return every attempt, in time order: whether it passed."""
    return [
        passed
        for outcome in outcomes
        for passed in [False] * outcome.failures + [True] * outcome.is_passed
    ]


def count_flips(attempts: Sequence[bool]) -> int:
    """Return how many neighbours differ."""
    return sum(left != right for left, right in itertools.pairwise(attempts))


def count_recoveries(outcomes: Sequence[Outcome]) -> int:
    """Return how often a pass follows a failure of a run that was not in trouble."""
    within = sum(one.is_passed and one.failures > 0 and not one.is_troubled for one in outcomes)
    between = sum(
        not one.is_passed and not one.is_troubled and other.failures == 0
        for one, other in itertools.pairwise(outcomes)
    )
    return within + between


def keys_of(outcomes: Sequence[Outcome]) -> list[Key]:
    """Return the code keys of the outcomes of one row, newest first."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.key].append(outcome)
    keys = [
        Key(
            row=group[0].row,
            runs=len(group),
            attempts=len(attempts_of(group)),
            failures=sum(outcome.failures for outcome in group),
            recoveries=count_recoveries(group),
            flips=count_flips(attempts_of(group)),
            is_passed=any(outcome.is_passed for outcome in group),
            at=group[-1].at,
        )
        for group in found.values()
    ]
    return sorted(keys, key=lambda key: key.at, reverse=True)


def run_flips(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Return flips and chances to flip between attempts of one row while its definition stayed."""
    flips = chances = 0
    for _, group in itertools.groupby(outcomes, key=lambda outcome: outcome.definition):
        attempts = attempts_of(group)
        flips += count_flips(attempts)
        chances += len(attempts) - 1
    return flips, chances


def ewma(outcomes: Sequence[Outcome], alpha: float = 0.2) -> float:
    """Return how much one row fails lately, counted from healthy."""
    level = 0.0
    for outcome in outcomes:
        level += alpha * ((not outcome.is_passed) - level)
    return level


def first_passes(outcomes: Sequence[Outcome]) -> int:
    """Return how many outcomes are newer than the last failed attempt."""
    last = max((outcome.at for outcome in outcomes if outcome.failures), default=-math.inf)
    return sum(outcome.at > last for outcome in outcomes)


def set_aside(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes but those of runs in which nearly every test failed at first.

    Those of runs in which a fifth did, and twice as many as usual, are marked.
    """
    runs: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        runs[outcome.run].append(outcome)
    failed = {
        number: sum(bool(one.failures) for one in run) / len(run) for number, run in runs.items()
    }
    large = sorted(failed[number] for number, run in runs.items() if len(run) >= 10)
    usual = large[(len(large) - 1) // 2] if large else 1.0
    return [
        dataclasses.replace(
            outcome, is_troubled=len(run) >= 10 and failed[number] >= max(0.2, 2 * usual)
        )
        for number, run in runs.items()
        if len(run) < 5 or failed[number] < 0.8
        for outcome in run
    ]


def weigh_tests(outcomes: Iterable[Outcome]) -> dict[str, Evidence]:
    """Return the evidence by test."""
    tests: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in set_aside(outcomes):
        tests[outcome.test].append(outcome)
    return {test: weigh(group) for test, group in tests.items()}


def weigh(outcomes: Iterable[Outcome]) -> Evidence:
    """Return the evidence of one test in one environment."""
    listed = sorted(outcomes, key=lambda outcome: outcome.at)
    rows: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in listed:
        rows[outcome.row].append(outcome)
    by_row = {row: keys_of(group) for row, group in rows.items()}
    keys = [key for group in by_row.values() for key in group]
    flakes = sum(key.recoveries for key in keys if key.is_contradiction)
    bad, flaky = estimate_flakiness(
        (key.failures, key.attempts, key.is_passed)
        for key in keys
        if key.is_contradiction or not key.is_mixed
    )
    # a key that ran once tells nothing of flips: whether it was tried again depended on it failing
    aged = [
        (0.9**age, key.flip_rate)
        for group in by_row.values()
        for age, key in enumerate(key for key in group if key.runs > 1)
    ]
    between = [run_flips(group) for group in rows.values()]
    flips, chances = sum(one[0] for one in between), sum(one[1] for one in between)
    rate: float | None
    if aged:
        rate = sum(w * f for w, f in aged) / sum(w for w, _ in aged)
    else:
        rate = flips / chances if chances else None
    failures = sum(outcome.failures for outcome in listed)
    attempts = sum(outcome.attempts for outcome in listed)
    share = failures / attempts if attempts else 0.0
    return Evidence(
        results=len(listed),
        failures=failures,
        keys=len(keys),
        contradictions=sum(key.is_contradiction for key in keys),
        flakes=flakes,
        bound=wilson_bound(flakes, len(listed)),
        flake_rate=flaky,
        bad_rate=bad,
        flip_rate=rate,
        flips=flips,
        is_flip_rate_by_key=bool(aged),
        is_alternating=chances > 0 and flips / chances >= share * (1 - share),
        failed_keys=max(
            (
                sum(1 for _ in itertools.takewhile(lambda key: not key.is_passed, group))
                for group in by_row.values()
            ),
            default=0,
        ),
        ewma=max((ewma(group) for group in rows.values()), default=0.0),
        passes=first_passes(listed),
    )


def verdict(evidence: Evidence, previous: str | None = None) -> str:
    """Return what a test is, given what it was last."""
    if evidence.failed_keys >= 5 or evidence.ewma > (0.5 if previous == "broken" else 0.8):
        return "broken"
    if evidence.flakes >= 2 and evidence.bound > 0.005:
        return "flaky"
    if (
        not evidence.is_flip_rate_by_key
        and evidence.flips >= 4
        and (evidence.flip_rate or 0) >= 0.1
        and evidence.is_alternating
    ):
        return "flaky"
    if previous == "flaky" and not is_over(evidence):
        return "flaky"
    return "healthy" if evidence.results >= 5 else "new"


def is_over(evidence: Evidence) -> bool:
    """Return whether a flaky test passed so often in a row that it would hardly do so by luck."""
    return evidence.passes >= 5 and (
        evidence.failures == 0 or (1 - evidence.flake_rate) ** evidence.passes <= 0.05
    )
