"""How well a detector did: its alarms, night by night, beside what was true."""

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

GRACE_DAYS = 14
"""As long as windows look back: an alarm may last so much longer than what it tells of."""
FRESH_DAYS = 21
"""A change of speed is news for so long; an alarm about it later is a false one."""


@dataclasses.dataclass(frozen=True)
class Trouble:
    """Something that a detector should notice in a test, from one day to another."""

    test: str
    kind: str
    since: float
    until: float


@dataclasses.dataclass(frozen=True)
class Score:
    """What came of one detector."""

    found: int
    false: int
    weeks: float
    delays: Sequence[float]
    recall: Mapping[str, float]
    ignored: int

    @property
    def precision(self) -> float | None:
        """Return which share of what it told was so; none if it told nothing."""
        told = self.found + self.false
        return self.found / told if told else None

    @property
    def delay(self) -> float | None:
        """Return the median of days from the beginning to the first alarm."""
        return statistics.median(self.delays) if self.delays else None


def score(
    alarms: Mapping[int, Iterable[str]],
    troubles: Iterable[Trouble],
    days: int,
    ignored: frozenset[str] = frozenset(),
) -> Score:
    """Hold *alarms*, the tests that were flagged in each night, against *troubles*.

    A test that is flagged in nights that follow each other is one alarm. It is false when it begins
    while nothing is the matter; several within one trouble count once. Alarms of *ignored* tests,
    of which it is a matter of taste whether something is the matter, are counted apart.
    """
    by_test: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        by_test[trouble.test].append(trouble)
    first: dict[Trouble, int] = {}
    false = apart = 0
    before: set[str] = set()
    for night in range(days):
        flagged = set(alarms.get(night, ()))
        for test in flagged:
            true = [one for one in by_test[test] if one.since <= night + 1 and night <= one.until]
            for trouble in true:
                first.setdefault(trouble, night)
            if not true and test not in before:
                if test in ignored:
                    apart += 1
                else:
                    false += 1
        before = flagged
    kinds: dict[str, list[bool]] = defaultdict(list)
    for trouble in (one for many in by_test.values() for one in many):
        kinds[trouble.kind].append(trouble in first)
    return Score(
        found=len(first),
        false=false,
        weeks=days / 7,
        # a night looks back on the day it ends
        delays=[max(night + 1 - trouble.since, 0) for trouble, night in first.items()],
        recall={kind: sum(hits) / len(hits) for kind, hits in kinds.items()},
        ignored=apart,
    )
