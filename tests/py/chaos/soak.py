"""Half an hour of runs while something is killed every 20 s; in the end nothing may be missing.

    make soak                                 30 minutes, as chaos/SOAK.md shows
    make soak SOAK="--minutes 2 --seed 7"

Three workers, of which one is never killed, so that its memory can be watched; runs of several
organizations all the time. Exit code 1 when a verdict is missing or came twice, a request that must
not be repeated was, an invariant is broken, memory grows or PostgreSQL's log holds an error that
is not expected.
"""

import argparse
import contextlib
import dataclasses
import random
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import supabase
from support_wait import HANG_S, wait_until

from chaos.house import LEASE_S, SWEEP_S, House, furnished
from chaos.suite import suite

RESULTS = Path(__file__).parent / "SOAK.md"
FULL_MINUTES = 30
KILL_EVERY_S = 20
_PROJECTS = 4
_ALIVE = 6
_WORKERS = 3
_SLOTS = 8  # of each worker: what can be lost with it
_SAMPLE_S = 5
_UNSAFE = ("prepare", "make", "row", "clean")

# A process is judged by the slope of its memory over its own life, from when it is warm.
LIVED_S = 600
_WARM = 0.33
GROWTH_PER_HOUR = 0.2
# The sum over all backends goes up and down by a third as they come, are killed and go.
GROWTH_PER_HOUR_POSTGRES = 0.5

EXPECTED = {
    r"FATAL:  terminating connection due to administrator command": "a backend that was ended",
    r"FATAL:  terminating background worker .* due to administrator command": "the same",
    r"FATAL:  connection to client lost": "PostgREST was killed while it waited for an answer",
}
"""What PostgreSQL may complain about here, and why; anything else fails the soak."""

_COUNTS = """
    select
        (select count(*) from public.test_runs where finished_at is not null) as runs,
        (select count(*) from public.test_results where status <> 'pending') as verdicts,
        (select sum(rescue_count) from public.test_results) as rescues,
        (select count(*) from public.test_results where slug = 'lost') as lost,
        (
            select count(*) from public.test_result_details where outcome = 'stale'
        ) as stale,
        (select count(*) from private.check_invariants(now() - interval '10 minutes')) as broken,
        pg_relation_size('private.work_items') / 1024 as heap_kb,
        pg_indexes_size('private.work_items') / 1024 as index_kb,
        (
            select n_dead_tup from pg_stat_user_tables
            where relid = 'private.work_items'::regclass
        ) as dead
"""

_PROBLEMS = {
    "runs that did not end": "select id from public.test_runs where finished_at is null",
    "tests without a verdict": "select id from public.test_results where status = 'pending'",
    "tests judged more or less often than attempted": """
        select results.id
        from public.test_results as results
        left join public.test_result_details as details
            on details.result_id = results.id and details.planned_on = results.planned_on
            and details.outcome = any('{passed,failed,error}')
        group by results.id
        having count(details.result_id) <> results.attempt_count
    """,
    "verdicts that their attempts contradict": """
        select results.id
        from public.test_results as results
        inner join public.test_result_details as details
            on details.result_id = results.id and details.planned_on = results.planned_on
            and details.lease = results.accepted_lease
        where details.outcome <> results.status
    """,
    "broken invariants": "select * from private.check_invariants('-infinity')",
}


@dataclasses.dataclass
class Life:
    """What one process, or all of PostgreSQL, held at each look: (seconds, megabytes)."""

    samples: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    allowed: float = GROWTH_PER_HOUR

    @property
    def lived_s(self) -> float:
        """For how long it was seen."""
        return self.samples[-1][0] - self.samples[0][0]

    def slope_mb_per_hour(self) -> float:
        """Return the median of the slopes between all pairs of samples, once it is warm.

        Source: H. Theil, A rank-invariant method of linear and polynomial regression (1950).
        """
        warm = self.samples[int(len(self.samples) * _WARM) :]
        slopes = [
            (later[1] - earlier[1]) / (later[0] - earlier[0])
            for number, earlier in enumerate(warm)
            for later in warm[number + 1 :]
        ]
        return statistics.median(slopes or [0.0]) * 3600

    def is_flat(self) -> bool:
        """Tell whether an hour would add no more than allowed; too short a life is not judged."""
        usual = statistics.median(size for _, size in self.samples)
        return self.lived_s < LIVED_S or self.slope_mb_per_hour() <= usual * self.allowed

    def told(self) -> str:
        """Return it in one line."""
        sizes = [size for _, size in self.samples]
        return (
            f"{self.lived_s / 60:.1f} min, {sizes[0]:.0f} to {sizes[-1]:.0f} MB, at most "
            f"{max(sizes):.0f}, {self.slope_mb_per_hour():+.1f} MB an hour"
        )


@dataclasses.dataclass
class Soak:
    """A soak under way."""

    house: House
    rng: random.Random
    environments: list[str]
    over: threading.Event = dataclasses.field(default_factory=threading.Event)
    kills: dict[str, int] = dataclasses.field(default_factory=dict)
    lives: dict[str, Life] = dataclasses.field(default_factory=dict)
    queued: int = 0
    lines: list[str] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)
    started: float = dataclasses.field(default_factory=time.monotonic)
    log_began: int = 0

    def __post_init__(self) -> None:
        """Leave alone what PostgreSQL said while it started."""
        self.log_began = self.log.stat().st_size

    @property
    def log(self) -> Path:
        """PostgreSQL's log."""
        return Path(self.house.data) / "log" / "postgres.log"

    def keep_queueing(self) -> None:
        """Queue runs, here and there, so that some are always alive."""
        with httpx.Client(timeout=HANG_S) as transport:
            connection = self.house.connection
            options = supabase.ClientOptions(httpx_client=transport)
            client = supabase.create_client(connection.url, connection.secret_key, options)
            while not self.over.wait(0.2):
                # the faults hit this client too; what matters is that it goes on
                with contextlib.suppress(httpx.HTTPError, supabase.PostgrestAPIError):
                    alive = client.table("test_runs").select("id").is_("finished_at", "null")
                    if len(alive.execute().data) < _ALIVE:
                        self.queue(client)

    def queue(self, client: supabase.Client) -> None:
        """Queue one run of any of the projects."""
        tag = f"{self.rng.getrandbits(40):010x}"
        arguments = {
            "environment_id": self.rng.choice(self.environments),
            "variables": {"tag": tag},
            "idempotency_key": tag,
        }
        client.rpc("queue_run", arguments).execute()
        self.queued += 1

    def kill_something(self) -> None:
        """Kill a worker and start another, or now and then PostgREST or one of its backends."""
        kind = self.rng.choices(("worker", "PostgREST", "backend"), (7, 1, 2))[0]
        if kind == "worker":
            self.house.kill(self.rng.choice(self.house.alive()[1:]))
            self.house.start_worker()
        elif kind == "PostgREST":
            self.house.signal(9, "postgrest", self.house.data)
        else:
            self.house.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where usename = 'authenticator' order by random() limit 1"
            )
        self.kills[kind] = self.kills.get(kind, 0) + 1

    def look(self) -> None:
        """Note how much memory everything holds."""
        now = time.monotonic() - self.started
        for number, worker in enumerate(self.house.workers):
            if worker.poll() is None:
                self.note(f"worker {number}", now, resident_mb(worker.pid))
        (gateway,) = pids("worker.embedded.supervisor", self.house.data)
        self.note("gateway", now, resident_mb(gateway))
        (server,) = pids(f"-D {self.house.data}/pg")
        self.note("PostgreSQL", now, sum(map(private_mb, (server, *children(server)))))

    def note(self, name: str, now: float, size_mb: float) -> None:
        """Add a sample, unless the process ended just now."""
        if size_mb:
            life = self.lives.setdefault(name, Life())
            if name == "PostgreSQL":
                life.allowed = GROWTH_PER_HOUR_POSTGRES
            life.samples.append((now, size_mb))

    def tell(self) -> None:
        """Print a line about the last minute, and keep it for the table."""
        (counts,) = self.house.ask(_COUNTS)
        now = time.monotonic() - self.started
        workers = [
            f"{life.samples[-1][1]:.0f}"
            for name, life in self.lives.items()
            if name.startswith("worker") and life.samples[-1][0] > now - 3 * _SAMPLE_S
        ]
        cells = [
            f"{now / 60:.1f}",
            str(sum(self.kills.values())),
            *(str(counts[name] or 0) for name in ("runs", "verdicts", "rescues", "lost", "stale")),
            str(counts["broken"]),
            " ".join(workers),
            *(f"{self.lives[name].samples[-1][1]:.0f}" for name in ("gateway", "PostgreSQL")),
            f"{counts['heap_kb']} + {counts['index_kb']}",
            str(counts["dead"]),
        ]
        self.lines.append(f"| {' | '.join(cells)} |")
        print(self.lines[-1], flush=True)
        if counts["broken"]:
            self.failures.append(f"minute {cells[0]}: {counts['broken']} invariants broken")

    def check(self) -> None:
        """Look, when nothing is under way any more, for what must not be."""
        for what, query in _PROBLEMS.items():
            if found := self.house.ask(query):
                self.failures.append(f"{len(found)} {what}: {found[:5]}")
        counts = httpx.get(f"{self.house.target}/counts", timeout=HANG_S).json()
        twice = [
            name
            for name, asked in counts.items()
            if asked > 1 and name.partition("-")[2].startswith(_UNSAFE)
        ]
        if twice:
            self.failures.append(f"{len(twice)} unsafe requests sent twice: {twice[:5]}")
        (lost,) = self.house.ask(
            "select count(*) from public.test_results where category = 'lost' or slug = 'lost'"
        )
        most = _SLOTS * self.kills.get("worker", 0)
        if lost["count"] > most:
            self.failures.append(f"{lost['count']} lost, and at most {most} were in flight")
        for name, life in self.lives.items():
            if not life.is_flat():
                self.failures.append(f"{name} grows: {life.told()}")
        told = self.log.read_bytes()[self.log_began :].decode(errors="replace")
        for line in unexpected_errors(told):
            self.failures.append(f"PostgreSQL: {line}")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, 0 if it is gone."""
    return read_kb(pid, "status", "VmRSS") / 1024


def private_mb(pid: int) -> float:
    """Return the memory that a process shares with no other, 0 if it is gone."""
    return read_kb(pid, "smaps_rollup", "Private_Clean", "Private_Dirty") / 1024


def read_kb(pid: int, file: str, *names: str) -> int:
    """Return the sum of these lines of a file in /proc."""
    with contextlib.suppress(OSError):
        text = (Path("/proc") / str(pid) / file).read_text()
        return sum(
            int(size)
            for size in re.findall(rf"^(?:{'|'.join(names)}):\s+(\d+)", text, re.MULTILINE)
        )
    return 0


def pids(*words: str) -> list[int]:
    """Return the processes that were started with all *words*."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if all(word in told for word in words):
                found.append(int(folder.name))
    return found


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    with contextlib.suppress(OSError):
        told = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text()
        return [int(child) for child in told.split()]
    return []


def unexpected_errors(log: str) -> list[str]:
    """Return the complaints in PostgreSQL's log that nothing here explains, each sort once."""
    complaints = re.findall(r"(?:WARNING|ERROR|FATAL|PANIC):  .*", log)
    return sorted(
        {line for line in complaints if not any(re.match(known, line) for known in EXPECTED)}
    )


def write_projects(house: House) -> list[str]:
    """Write the suite of chaos, and tests that retry, fail and skip, for several organizations."""

    def insert(table: str, **row: Any) -> str:
        return str(house.client.table(table).insert(row).execute().data[0]["id"])

    environments = []
    for number in range(_PROJECTS):
        project = insert(
            "projects",
            organization_id=insert("organizations", name=f"soak {number}"),
            name="soak",
        )
        environments.append(
            insert(
                "environments",
                project_id=project,
                name="soak",
                base_url=house.target,
                max_parallel=20,
            )
        )
        document = suite(project)
        document["tests"] += more_tests()
        house.client.rpc("save_suite", {"document": document}).execute()
    return environments


def more_tests() -> list[dict[str, Any]]:
    """Return tests that pass at the second attempt, that fail, and that are skipped for it."""
    status = [{"source": "status", "operator": "equals", "expected": 200}]

    def get(name: str, *query: list[str], **fields: Any) -> dict[str, Any]:
        path = f"/answer/{{{{tag}}}}-{name}"
        request = {"method": "GET", "path": path, "query": [["ms", "30"], *query]}
        return {"name": name, "request": request, "assertions": status, **fields}

    retry = {"attempts": 3, "base_ms": 300}
    return [
        *(get(f"shaky {number}", ["fail", "1"], retry=retry) for number in range(5)),
        get(
            "broken",
            ["status", "500"],
            captures=[{"name": "never", "source": "body", "path": "$.none"}],
        ),
        *(get(f"after-{{{{never}}}}-{number}") for number in range(3)),
    ]


def run(soak: Soak, minutes: float) -> None:
    """Kill, look and tell until the time is over, then wait for what is under way."""
    queueing = threading.Thread(target=soak.keep_queueing)
    queueing.start()
    try:
        end = soak.started + minutes * 60
        next_kill, next_line = soak.started + KILL_EVERY_S, soak.started + 60
        while time.monotonic() < end:
            time.sleep(_SAMPLE_S)
            soak.look()
            if time.monotonic() > next_kill:
                # not in step with anything else
                time.sleep(soak.rng.uniform(0, 2))
                soak.kill_something()
                next_kill += KILL_EVERY_S
            if time.monotonic() > next_line:
                soak.tell()
                next_line += 60
    finally:
        soak.over.set()
        queueing.join()
    wait_until(
        lambda: not soak.house.ask("select from public.test_runs where finished_at is null limit 1")
    )
    soak.look()
    soak.tell()


def table(lines: list[str]) -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    columns = (
        *("minute", "kills", "runs", "verdicts", "rescued", "lost", "stale", "broken"),
        *("workers, MB", "gateway, MB", "PostgreSQL private, MB", "work_items, KB", "dead rows"),
    )
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---:|' * len(columns)}"
    yield from lines


def report(soak: Soak, minutes: float, seed: int) -> str:
    """Return what happened, in Markdown."""
    kills = ", ".join(f"{count} of a {kind}" for kind, count in sorted(soak.kills.items()))
    verdict = "Nothing that must not happen did." if not soak.failures else "Failed:"
    lived = [
        f"- {name}: {life.told()}"
        for name, life in soak.lives.items()
        if life.lived_s >= LIVED_S or name in ("worker 0", "gateway", "PostgreSQL")
    ]
    expected = [f"- `{pattern}`: {why}" for pattern, why in EXPECTED.items()]
    return "\n".join(
        [
            "# Last soak",
            "",
            (
                f"{minutes:g} minutes, {_WORKERS} workers, {_PROJECTS} organizations, {_ALIVE} "
                f"runs alive, a lease of {LEASE_S} s, a sweep every {SWEEP_S} s, a kill every "
                f"{KILL_EVERY_S} s ({kills}); seed {seed}. {soak.queued} runs queued."
            ),
            "",
            verdict,
            *(f"- {failure}" for failure in soak.failures),
            "",
            *table(soak.lines),
            "",
            (
                f"Memory over the lives of processes; one that lived {LIVED_S // 60} minutes must "
                f"not grow by more than {GROWTH_PER_HOUR:.0%} an hour once it is warm, the sum of "
                f"PostgreSQL's by {GROWTH_PER_HOUR_POSTGRES:.0%}. Worker 0 is never killed."
            ),
            "",
            *lived,
            "",
            "What PostgreSQL's log may hold; anything else fails:",
            "",
            *expected,
            "",
        ]
    )


def main() -> int:
    """Soak; write the table when it was a full one."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=FULL_MINUTES, help="default: 30")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of all chance")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with furnished() as house:
        for _ in range(_WORKERS - len(house.workers)):
            house.start_worker()
        house.wait_for_workers()
        soak = Soak(house, random.Random(arguments.seed), write_projects(house))
        print("\n".join(table([])), flush=True)
        run(soak, arguments.minutes)
        soak.check()
    told = report(soak, arguments.minutes, arguments.seed)
    print(told)
    if arguments.minutes >= FULL_MINUTES:
        RESULTS.write_text(told)
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
