"""The comparison of runs once more, in plain Python: run after run, test after test."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

Key = tuple[int, str]
"""A test and its fixture row."""


@dataclasses.dataclass(frozen=True)
class Result:
    """How one test, or row, ended in a run."""

    status: str
    category: str | None = None
    attempts: int = 1

    @property
    def is_verdict(self) -> bool:
        """Whether it says anything of the test."""
        return self.status in {"passed", "failed"} or (
            self.status == "error" and self.category not in {"lost", "worker"}
        )


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that is over."""

    number: int
    environment: int
    selection: str
    status: str
    results: Mapping[Key, Result]


@dataclasses.dataclass(frozen=True)
class Change:
    """What is to be told of one test."""

    change: str
    is_new: bool = False
    is_flaky: bool = False
    since: int | None = None
    passed: int | None = None


@dataclasses.dataclass
class Standing:
    """How a test stands in an environment."""

    since: int | None = None
    passed: int | None = None


@dataclasses.dataclass(frozen=True)
class Told:
    """What the history tells of a run."""

    previous: int | None
    changes: Mapping[Key, Change]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many tests did what, as the columns of test_run_history are called."""
        changes = Counter(change.change for change in self.changes.values())
        return {
            "flaky_count": sum(change.is_flaky for change in self.changes.values()),
            "newly_failing_count": changes["newly_failing"],
            "still_failing_count": changes["still_failing"],
            "newly_passing_count": changes["newly_passing"],
            "new_count": sum(change.is_new for change in self.changes.values()),
            "removed_count": changes["removed"],
        }


def tell(runs: Sequence[Run], purged_before: Mapping[int, int]) -> Iterator[Told]:
    """Tell each of *runs*, which ended in this order.

    *purged_before*: by number of a run, the number below which no run was there any more when it
    was written.
    """
    standings: dict[tuple[int, Key], Standing] = {}
    latest: dict[tuple[int, str], Run] = {}
    for run in runs:
        previous = latest.get((run.environment, run.selection))
        changes = {
            key: change
            for key, result in run.results.items()
            if result.is_verdict and (change := judge(run, result, standings, key))
        }
        if previous and previous.number >= purged_before[run.number]:
            gone = previous.results.keys() - run.results.keys()
            changes |= {key: Change("removed") for key in gone}
        yield Told(previous.number if previous else None, changes)
        if run.status not in {"cancelled", "timed_out"}:
            latest[run.environment, run.selection] = run


def judge(
    run: Run, result: Result, standings: dict[tuple[int, Key], Standing], key: Key
) -> Change | None:
    """Compare a verdict with how the test stood, and let it stand as it does now."""
    is_new = (run.environment, key) not in standings
    now = standings.setdefault((run.environment, key), Standing())
    since, passed = now.since, now.passed
    if result.status == "passed":
        now.since, now.passed = None, run.number
        is_flaky = result.attempts > 1
        if since is not None:
            return Change("newly_passing", is_new, is_flaky, since, passed)
        if is_new or is_flaky:
            return Change("new" if is_new else "flaky", is_new, is_flaky, None, passed)
        return None
    if since is not None:
        return Change("still_failing", is_new, is_flaky=False, since=since, passed=passed)
    now.since = run.number
    return Change("newly_failing", is_new, is_flaky=False, since=run.number, passed=passed)
