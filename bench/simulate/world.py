"""What is true in a simulated history: projects, tests of known kinds, runs, and what befell them.

Plain data, drawn from a seed; `schema.sql` plays it and `write.py` puts it into a database. Nothing
here knows how Assay judges.
"""

import dataclasses
import datetime as dt
import hashlib
import math
import random
import uuid
from collections.abc import Iterator, Sequence

NOUNS = (
    *("document", "template", "folder", "label", "user", "group", "role", "share", "comment"),
    *("version", "file", "webhook", "delivery", "link", "object", "record", "property", "report"),
    *("invoice", "order", "payment", "refund", "customer", "address", "product", "price", "stock"),
    *("cart", "coupon", "session", "token", "key", "audit entry", "event", "message", "channel"),
    *("job", "schedule", "backup", "domain"),
)
VERBS = (
    *(
        "Create",
        "Read",
        "Change",
        "Delete",
        "List",
        "Search",
        "Export",
        "Import",
        "Copy",
        "Restore",
    ),
    *("Rename", "Move", "Lock", "Unlock", "Archive", "Approve", "Reject", "Sign", "Send", "Count"),
    *("Validate", "Convert", "Merge", "Split", "Preview"),
)


@dataclasses.dataclass(frozen=True)
class Fault:
    """How a result looks that did not pass; `{id}` and `{n}` differ from one time to the next."""

    message: str
    status: str = "failed"
    category: str = "assertion"
    slug: str = "assertion_failed"
    http_status: int | None = 503


FAULTS = (
    Fault('expected: status equals 200; got 503; the answer: {"code":503,"request":"{id}"}'),
    Fault(
        'expected: status equals 200; got 409; the answer: {"error":"conflict","id":"{id}"}',
        http_status=409,
    ),
    Fault('expected: body $.state equals "ready"; got "pending"', http_status=200),
    Fault("expected: body $.items has at least 1 element; got 0", http_status=200),
    Fault(
        "no whole answer within 30000 ms",
        *("error", "timeout", "request_timeout"),
        http_status=None,
    ),
    Fault(
        "Connect call failed ('10.20.0.7', {n})",
        *("error", "network", "connect_failed"),
        http_status=None,
    ),
    Fault(
        'expected: status equals 200; got 500; the answer: {"trace":"{id}","line":{n}}',
        http_status=500,
    ),
)
CONNECT_FAILED = 5
DATABASE_DOWN = 6


@dataclasses.dataclass(frozen=True)
class Test:
    """One test and its nature; days count from the beginning of the history."""

    name: str
    suite: str
    kind: str
    level_ms: float
    sigma: float
    attempts: int = 1
    fault: int = 0
    upstream: int | None = None  # position among the tests of its project
    failing: float = 0.0
    failing_days: tuple[float, float | None] | None = None
    slowness: float = 1.0
    slow_days: tuple[float, float | None] | None = None
    drift: float = 0.0


@dataclasses.dataclass(frozen=True)
class Incident:
    """Something outside of the tests that makes a share of them fail."""

    fault: int
    share: float


@dataclasses.dataclass(frozen=True)
class Run:
    """When a project ran against which of its environments, on which commit."""

    day: float
    environment: int
    commit: int
    incident: Incident | None = None
    trigger: str = "ci"


@dataclasses.dataclass(frozen=True)
class Project:
    """A project with its tests and runs."""

    organization: str
    name: str
    tests: Sequence[Test]
    runs: Sequence[Run]
    environments: Sequence[tuple[str, float]] = (("staging", 1.0),)

    def id(self, seed: int) -> uuid.UUID:
        """Return its identity."""
        return identify(seed, self.organization, self.name)


@dataclasses.dataclass(frozen=True)
class World:
    """A whole history."""

    seed: int
    begins_at: dt.datetime
    projects: Sequence[Project]
    outlier_rate: float = 0.015
    noise: float = 0.0002
    evidence_share: float = 1.0

    def at(self, day: float) -> dt.datetime:
        """Return the moment of *day*."""
        return self.begins_at + dt.timedelta(days=day)


def identify(*names: object) -> uuid.UUID:
    """Return the id of what has these *names*."""
    text = " ".join(str(name) for name in names)
    return uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def commit_sha(*names: object) -> str:
    """Return the hash of the commit that has these *names*."""
    return hashlib.sha1(
        " ".join(str(name) for name in names).encode(), usedforsecurity=False
    ).hexdigest()


def name_tests(count: int) -> Iterator[tuple[str, str]]:
    """Yield *count* different pairs of suite and name."""
    for number in range(count):
        noun = NOUNS[number % len(NOUNS)]
        turn, verb = divmod(number // len(NOUNS), len(VERBS))
        article = "an" if noun[0] in "aeio" else "a"
        again = f", variant {turn + 1}" if turn else ""
        yield f"{noun.capitalize()}s", f"{VERBS[verb]} {article} {noun}{again}"


def ordinary(
    chance: random.Random, suite: str, name: str, kind: str = "healthy", **nature: object
) -> Test:
    """Return a test with a level, a spread and retries of its own."""
    return Test(
        name,
        suite,
        kind,
        level_ms=math.exp(chance.gauss(math.log(120), 0.8)),
        sigma=chance.choice((0.15, 0.3, 0.5)),
        attempts=chance.choice((1, 3)),
        fault=chance.randrange(5),
        **nature,  # type: ignore[arg-type]
    )


def daily_runs(
    chance: random.Random,
    days: int,
    hours: Sequence[float],
    *,
    environments: int = 1,
    commits: int = 2,
    incidents: dict[tuple[int, int], Incident] | None = None,
) -> Iterator[Run]:
    """Yield runs at *hours* of each day, two at weekends, *commits* new commits on a working day.

    *incidents*: what befalls the run of a day and place in it, and no other.
    """
    commit = 0
    for day in range(days):
        is_weekend = day % 7 >= 5
        of_day = hours[:: max(1, len(hours) // 2)] if is_weekend else hours
        for place, hour in enumerate(of_day):
            if not is_weekend and place % max(1, len(of_day) // commits) == 0:
                commit += 1
            yield Run(
                day + (hour + chance.random() / 6) / 24,
                environment=place % environments,
                commit=commit,
                incident=(incidents or {}).get((day, place)),
                trigger="schedule" if is_weekend else "ci",
            )
