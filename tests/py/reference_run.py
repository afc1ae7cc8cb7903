"""A run, written down once more: who may start, what a verdict sets in motion, how it ends."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from reference_plan import PHASES, STRICT, Item, Plan, Project, Selection, Test

RESCUES = 3


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an attempt comes to, if it is the last one."""

    status: str
    category: str | None = None
    slug: str | None = None
    http_status: int | None = None
    has_values: bool = False


VERDICTS = {
    "pass": Verdict("passed", http_status=200, has_values=True),
    "pass_bare": Verdict("passed", http_status=200),
    "fail": Verdict("failed", "assertion", "assertion_failed", 500, has_values=True),
    "fail_bare": Verdict("failed", "assertion", "assertion_failed", 500),
    "busy": Verdict("failed", "assertion", "assertion_failed", 503),
    "miss": Verdict("failed", "capture", "capture_missing", 200),
    "connect": Verdict("error", "network", "connect_failed"),
    "timeout": Verdict("error", "timeout", "request_timeout"),
    "broken": Verdict("error", "worker", "unreportable"),
}


class Run:
    """One run as it should go. status: by item, as test_results; why: how a skip came about."""

    def __init__(self, project: Project, selection: Selection, plan: Plan) -> None:
        """Begin with the first phase that has a test."""
        self.project = project
        self.selection = selection
        self.plan = plan
        self.tests: dict[str, Test] = {test.name: test for test in project.tests}
        self.status = dict.fromkeys(plan.items, "pending")
        self.reason: dict[Item, tuple[str | None, str | None]] = {}
        self.why: dict[Item, str] = {}
        self.leased: set[Item] = set()
        self.delayed: set[Item] = set()  # tried, to be tried again later
        self.captured: set[tuple[Item, str]] = set()
        self.leases: Counter[Item] = Counter()
        self.executed: Counter[Item] = Counter()
        self.rescues: Counter[Item] = Counter()
        self.is_cancelled = self.is_timed_out = self.is_late = self.is_started = False
        self.is_paused = False
        self.upstreams: dict[Item, dict[Item, str]] = {item: {} for item in plan.items}
        for (upstream, consumer), kind in plan.edges.items():
            self.upstreams[consumer][upstream] = kind
        self.phase: str | None = next(phase for phase in PHASES if self.open_items(phase))
        self.first_phase = self.phase

    def test(self, item: Item) -> Test:
        """Return the test that *item* is about."""
        return self.tests[item[0]]

    def open_items(self, phase: str) -> set[Item]:
        """Return the items of *phase* that are not over."""
        return {
            item
            for item, status in self.status.items()
            if status == "pending" and self.test(item).phase == phase
        }

    def available(self) -> set[Item]:
        """Return what a worker may start now."""
        if self.is_paused:
            return set()
        return {
            item
            for item in self.open_items(self.phase or "")
            if item not in self.leased | self.delayed
            and all(self.status[upstream] != "pending" for upstream in self.upstreams[item])
        }

    def is_repeatable(self, item: Item) -> bool:
        """Return whether a lost attempt may be sent again."""
        test = self.test(item)
        return {"always": True, "never": False, "safe": test.method == "GET"}[test.rescue]

    def is_stopping(self, item: Item) -> bool:
        """Return whether *item* is not to be started any more."""
        is_stopped = self.is_cancelled or self.is_timed_out
        return is_stopped and (self.test(item).phase != "teardown" or self.is_late)

    def producers(self, item: Item, name: str) -> set[Item]:
        """Return the items whose captures under *name* the item sees."""
        producer, rows = self.plan.bindings.get(item[0], {}).get(name, (None, ""))
        return {
            other
            for other in self.plan.items
            if other[0] == producer and (rows != "same" or other[1] == item[1])
        }

    def missing(self, item: Item) -> dict[str, set[Item]]:
        """Return the names without a value, and who should have captured each."""
        test = self.test(item)
        given = self.selection.overrides | self.project.environment
        given |= self.project.rows(test)[item[1]]
        names = {name: self.producers(item, name) for name in test.requires - given}
        return {
            name: producers
            for name, producers in names.items()
            if not any((producer, name) in self.captured for producer in producers)
        }

    def refusals(self, item: Item) -> dict[tuple[str, str], set[Item]]:
        """Return how *item* may end because it cannot be rendered, and who may be the cause."""
        ends: dict[tuple[str, str], set[Item]] = {}
        for producers in self.missing(item).values():
            if self.test(item).phase == "teardown":
                end = ("skipped", "nothing_to_clean")
            elif producers:
                end = ("skipped", "upstream_value_missing")
            else:
                end = ("error", "unresolved_variable")
            ends.setdefault(end, set()).update(producers)
        return ends

    def lease(self, item: Item) -> None:
        """Hand *item* out."""
        assert item in self.available()
        assert not self.missing(item)
        self.leased.add(item)
        self.leases[item] += 1
        self.is_started = True

    def refuse(self, item: Item, status: str, slug: str) -> None:
        """End *item*, which cannot be rendered."""
        assert item in self.available()
        assert (status, slug) in self.refusals(item)
        self.why[item] = "value"
        category = "definition" if status == "error" else "dependency"
        self.settle([(item, status, category, slug)])

    def report(self, reports: Iterable[tuple[Item, str]]) -> None:
        """Judge a batch of reports under current leases."""
        final = []
        for item, name in reports:
            verdict = VERDICTS[name]
            if name == "miss" and not (self.test(item).captures and self.test(item).must_capture):
                verdict = VERDICTS["pass_bare"]
            self.leased.remove(item)
            self.executed[item] += 1
            if self.is_stopping(item) and self.test(item).phase != "teardown":
                final.append((item, "cancelled", "cancelled", self.stop_slug()))
                continue
            if verdict.has_values:
                self.captured |= {(item, captured) for captured in self.test(item).captures}
            if self.is_retried(item, verdict):
                if self.test(item).retry.get("base_ms", 0) > 0:
                    self.delayed.add(item)
            else:
                final.append((item, verdict.status, verdict.category, verdict.slug))
        self.settle(final)
        self.stop()

    def is_retried(self, item: Item, verdict: Verdict) -> bool:
        """Return whether the attempt just reported is made again."""
        retry: Mapping[str, Any] = self.test(item).retry
        reasons = retry.get("retry_on", ["network", "timeout", "status", "assertion"])
        is_status = "status" in reasons and verdict.http_status in retry.get("statuses", [])
        return (
            verdict.status in ("failed", "error")
            and self.executed[item] < retry.get("attempts", 1)
            and retry.get("base_ms", 0) <= retry.get("deadline_ms", math.inf)
            and (verdict.category in reasons or is_status)
        )

    def lose(self, items: Iterable[Item]) -> None:
        """Take expired leases back: again if it may be repeated, three times at most."""
        final = []
        for item in items:
            self.leased.remove(item)
            if self.is_repeatable(item) and self.rescues[item] < RESCUES:
                self.rescues[item] += 1
            else:
                slug = "rescue_limit_reached" if self.is_repeatable(item) else "lost"
                final.append((item, "error", "lost", slug))
        self.settle(final)
        self.stop()

    def release(self, items: Iterable[Item]) -> None:
        """Take work back that was not sent."""
        self.leased -= set(items)
        self.stop()

    def cancel(self) -> None:
        """Cancel the run."""
        if self.phase is not None:
            self.is_cancelled = True
            self.stop()

    def time_out(self) -> None:
        """Pass the deadline: of teardown in teardown, else of the run."""
        if self.phase is not None:
            self.is_timed_out = True
            self.is_late |= self.phase == "teardown"
            self.stop()

    def stop_slug(self) -> str:
        """Return why the run is told to stop."""
        return "run_cancelled" if self.is_cancelled else "run_timed_out"

    def stop(self) -> None:
        """End what has not started, if the run was told to stop."""
        self.settle(
            (item, "cancelled", "cancelled", self.stop_slug())
            for item, status in self.status.items()
            if status == "pending" and item not in self.leased and self.is_stopping(item)
        )

    def settle(self, verdicts: Iterable[tuple[Item, str, str | None, str | None]]) -> None:
        """Make verdicts final, skip what needed one that did not pass, and move on."""
        for item, status, category, slug in list(verdicts):
            assert self.status[item] == "pending"
            self.status[item] = status
            self.reason[item] = (category, slug)
            self.delayed.discard(item)
        is_changed = True
        while is_changed:
            is_changed = False
            for item, upstreams in self.upstreams.items():
                if self.status[item] == "pending" and any(
                    kind in STRICT and self.status[upstream] not in ("pending", "passed")
                    for upstream, kind in upstreams.items()
                ):
                    self.skip(item, "dependency", "upstream_not_passed")
                    is_changed = True
        self.advance()

    def skip(self, item: Item, why: str, slug: str) -> None:
        """Skip *item*."""
        assert item not in self.leased
        self.status[item] = "skipped"
        self.reason[item] = ("dependency", slug)
        self.why[item] = why

    def advance(self) -> None:
        """Go on to the next phase that has something to do when this one has nothing left."""
        while self.phase is not None and not self.open_items(self.phase):
            if self.phase == "setup" and self.bad_setup():
                for item in self.open_items("main"):
                    self.skip(item, "setup", "setup_not_passed")
            index = PHASES.index(self.phase) + 1
            self.phase = PHASES[index] if index < len(PHASES) else None

    def bad_setup(self) -> set[Item]:
        """Return the setup items that are over and did not pass."""
        return {
            item
            for item, status in self.status.items()
            if self.test(item).phase == "setup" and status not in ("pending", "passed")
        }

    def causes(self, item: Item) -> set[Item]:
        """Return every item that is a true root cause of a skip."""
        match self.why[item]:
            case "setup":
                nearest = self.bad_setup()
            case "value":
                nearest = {each for producers in self.missing(item).values() for each in producers}
            case _:
                nearest = {
                    upstream
                    for upstream, kind in self.upstreams[item].items()
                    if kind in STRICT and self.status[upstream] not in ("pending", "passed")
                }
        roots = set()
        for each in nearest:
            further = self.causes(each) if self.status[each] == "skipped" else set()
            roots |= further or {each}
        return roots

    def final_status(self) -> str:
        """Return what the run ends as."""
        found = {
            status
            for item, status in self.status.items()
            if not self.test(item).is_quarantined or self.test(item).phase == "setup"
        }
        for status, applies in (
            ("cancelled", self.is_cancelled),
            ("timed_out", self.is_timed_out),
            ("error", "error" in found),
            ("failed", "failed" in found),
        ):
            if applies:
                return status
        return "passed"

    def statuses(self) -> set[str]:
        """Return what the run may show as its status now."""
        if self.phase is None:
            return {self.final_status()}
        if self.phase == "teardown" and self.first_phase != "teardown":
            return {"finishing"}
        started = {"running"} if self.first_phase != "teardown" else {"running", "finishing"}
        return started if self.is_started else {"queued"}
