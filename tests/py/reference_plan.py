"""Planning, written down once more: from tests and a selection to who waits for whom."""

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

PHASES = ("setup", "main", "teardown")
STRICT = {"data", "token"}


@dataclasses.dataclass(frozen=True)
class Test:
    """A test case; its name is unique in the project. uses: names, each with or without default."""

    __test__ = False

    name: str
    suite: str
    phase: str = "main"
    position: int = 0
    priority: int = 0
    is_enabled: bool = True
    is_quarantined: bool = False
    tags: tuple[str, ...] = ()
    fixture: str | None = None
    captures: tuple[str, ...] = ()
    must_capture: bool = True
    uses: tuple[tuple[str, bool], ...] = ()
    method: str = "GET"
    rescue: str = "safe"
    retry: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def rank(self) -> int:
        """Return which phase it runs in, from 0."""
        return PHASES.index(self.phase)

    @property
    def requires(self) -> set[str]:
        """Return the names that it uses without a default."""
        return {name for name, has_default in self.uses if not has_default}


@dataclasses.dataclass(frozen=True)
class Project:
    """Tests with all that surrounds them.

    fixtures: the names that each row gives. max_parallel: of each environment; max_parallel_tests:
    of the organization. is_rationed: the first environment has a rate limit.
    """

    tests: tuple[Test, ...]
    modes: Mapping[str, str]
    fixtures: Mapping[str, tuple[frozenset[str], ...]] = dataclasses.field(default_factory=dict)
    dependencies: Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    environment: frozenset[str] = frozenset()
    max_parallel: int = 10
    max_parallel_tests: int = 1000
    is_rationed: bool = False

    def rows(self, test: Test) -> dict[str, frozenset[str]]:
        """Return the row keys of *test*, and the names that each row gives."""
        if test.fixture is None:
            return {"": frozenset()}
        return {f"r{index}": names for index, names in enumerate(self.fixtures[test.fixture])}


@dataclasses.dataclass(frozen=True)
class Selection:
    """What a run is asked for."""

    suites: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    overrides: frozenset[str] = frozenset()


class RefusedError(Exception):
    """No such run: any of *slugs* is a true reason."""

    def __init__(self, slugs: Iterable[str]) -> None:
        """Keep the reasons."""
        super().__init__(slugs)
        self.slugs = set(slugs)


Item = tuple[str, str]  # test name, row key


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run consists of. edges: (upstream, consumer) and the kind; bindings: by consumer."""

    items: frozenset[Item]
    edges: Mapping[tuple[Item, Item], str]
    bindings: Mapping[str, Mapping[str, tuple[str, str]]]


class Planner:
    """Plans one run; each method is one rule."""

    def __init__(self, project: Project, selection: Selection) -> None:
        """Look at the tests that are enabled."""
        self.project = project
        self.selection = selection
        self.tests = {test.name: test for test in project.tests if test.is_enabled}

    def select(self) -> set[str]:
        """Return the tests that are asked for: suites and tests add up, tags narrow."""
        wanted = self.selection
        is_open = not wanted.suites and not wanted.tests
        return {
            test.name
            for test in self.tests.values()
            if (is_open or test.suite in wanted.suites or test.name in wanted.tests)
            and (not wanted.tags or set(wanted.tags) & set(test.tags))
        }

    def find_explicit(self) -> dict[tuple[str, str], str]:
        """Return the dependencies that are written down, by (consumer, upstream)."""
        return {
            pair: kind
            for pair, kind in self.project.dependencies.items()
            if set(pair) <= self.tests.keys()
        }

    def infer(self, explicit: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the data edges that names imply within a suite."""
        given = self.project.environment | self.selection.overrides
        edges = set()
        for consumer in self.tests.values():
            rows = self.project.rows(consumer).values()
            in_every_row = frozenset.intersection(*rows)
            for name in consumer.requires - given - in_every_row - set(consumer.captures):
                upstreams = [self.tests[u] for c, u in explicit if c == consumer.name]
                if any(name in upstream.captures for upstream in upstreams):
                    continue
                edges |= {
                    (consumer.name, producer.name)
                    for producer in self.tests.values()
                    if producer.suite == consumer.suite
                    and producer is not consumer
                    and name in producer.captures
                    and producer.rank <= consumer.rank
                }
        return edges

    def close(self, selected: set[str], pairs: Collection[tuple[str, str]]) -> set[str]:
        """Return the selected, what they need, and setup and teardown of every suite touched."""
        included = set(selected)
        while True:
            suites = {self.tests[name].suite for name in included}
            more = {
                upstream
                for consumer, upstream in pairs
                if consumer in included
                and (
                    self.tests[consumer].phase != "teardown"
                    or self.tests[upstream].phase == "teardown"
                )
            } | {
                test.name
                for test in self.tests.values()
                if test.suite in suites and test.phase != "main"
            }
            if more <= included:
                return included
            included |= more

    def sequence(self, included: set[str]) -> set[tuple[str, str]]:
        """Return who waits for its neighbour in a sequential suite, within a phase."""
        edges = set()
        for suite, mode in self.project.modes.items():
            for phase in PHASES if mode == "sequential" else ():
                line = sorted(
                    (self.tests[name].position, name)
                    for name in included
                    if (self.tests[name].suite, self.tests[name].phase) == (suite, phase)
                )
                edges |= {(after[1], before[1]) for before, after in itertools.pairwise(line)}
        return edges

    def connect(self) -> tuple[set[str], dict[tuple[str, str], set[str]]]:
        """Return the tests of the run, and the kinds of dependency of each (consumer, upstream)."""
        explicit = self.find_explicit()
        inferred = self.infer(explicit.keys())
        included = self.close(self.select(), explicit.keys() | inferred)
        kinds: dict[tuple[str, str], set[str]] = {}
        for pair, kind in [
            *explicit.items(),
            *((pair, "data") for pair in inferred),
            *((pair, "order") for pair in self.sequence(included)),
        ]:
            if set(pair) <= included:
                kinds.setdefault(pair, set()).add(kind)
        return included, kinds

    def bind(
        self, included: set[str], kinds: Mapping[tuple[str, str], set[str]]
    ) -> dict[str, dict[str, set[str]]]:
        """Return which upstream tests could give each name that a test uses."""
        bindings: dict[str, dict[str, set[str]]] = {}
        for consumer in (self.tests[name] for name in sorted(included)):
            closure = upstream_closure(consumer.name, kinds)
            direct = {u for c, u in kinds if c == consumer.name}
            strict = {u for u in direct if kinds[consumer.name, u] & STRICT}
            for name, _ in consumer.uses:
                rows = self.project.rows(consumer).values()
                if name in self.selection.overrides or all(name in row for row in rows):
                    continue
                for tier in (strict, direct, closure):
                    found = {u for u in tier if name in self.tests[u].captures}
                    if found:
                        bindings.setdefault(consumer.name, {})[name] = found
                        break
        return bindings

    def link(self, kinds: Mapping[tuple[str, str], set[str]]) -> dict[tuple[Item, Item], str]:
        """Return who waits for whom, row by row; only within a phase."""
        edges = {}
        for (consumer_name, upstream_name), kind in kinds.items():
            consumer, upstream = self.tests[consumer_name], self.tests[upstream_name]
            if consumer.phase != upstream.phase:
                continue
            is_same = upstream.fixture is not None and upstream.fixture == consumer.fixture
            is_strict = kind & STRICT and consumer.phase != "teardown"
            for above in self.project.rows(upstream):
                for below in self.project.rows(consumer):
                    if above == below or not is_same:
                        pair = ((upstream_name, above), (consumer_name, below))
                        edges[pair] = min(kind & STRICT) if is_strict else "order"
        return edges

    def plan(self) -> Plan:
        """Return the plan, or refuse."""
        if not self.select():
            raise RefusedError(["empty_selection"])
        included, kinds = self.connect()
        bindings = self.bind(included, kinds)
        slugs = set()
        if any(self.tests[u].rank > self.tests[c].rank for c, u in kinds):
            slugs.add("dependency_on_later_phase")
        if any(name in upstream_closure(name, kinds) for name in included):
            slugs.add("dependency_cycle")
        if any(len(found) > 1 for names in bindings.values() for found in names.values()):
            slugs.add("ambiguous_producer")
        if slugs:
            raise RefusedError(slugs)
        return Plan(
            frozenset(
                (name, row) for name in included for row in self.project.rows(self.tests[name])
            ),
            self.link(kinds),
            {
                consumer: {
                    name: (producer, self.how_many(consumer, producer))
                    for name, (producer,) in names.items()
                }
                for consumer, names in bindings.items()
            },
        )

    def how_many(self, consumer: str, producer: str) -> str:
        """Return whether a value is the only one, that of the same row, or those of all rows."""
        fixture = self.tests[producer].fixture
        if fixture is None:
            return "one"
        return "same" if fixture == self.tests[consumer].fixture else "all"


def upstream_closure(start: str, pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Return all that *start* waits for, directly or not; itself only on a cycle."""
    above: dict[str, set[str]] = {}
    for consumer, upstream in pairs:
        above.setdefault(consumer, set()).add(upstream)
    seen: set[str] = set()
    todo = [start]
    while todo:
        fresh = above.get(todo.pop(), set()) - seen
        seen |= fresh
        todo += fresh
    return seen
