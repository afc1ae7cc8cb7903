"""One round: runs, a fault in their middle, and what became of every test."""

import dataclasses
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable

from support_wait import wait_until

from chaos.house import WORKERS, House
from chaos.suite import BAD, LOST, Run, count_repeated, count_wrong

_RUNS = 2
# Looking costs what the runs need.
_LOOK_S = 0.05
# Of these runs and of the whole queue; other rounds have asked for theirs.
_BROKEN = """
    select from private.check_invariants(
        (select min(queued_at) from public.test_runs where id = any(%s::uuid[]))
    )
"""
_AT_WORK = """
    select count(distinct worker_id) as holders
    from private.work_items
    where state = 'leased' and phase = 'main'
"""
_JUDGED = ["passed", "failed", "error"]
# What shows that a fault bites, and what must not happen.
BITES = ("rescued", "stale", "lost", "trouble")
MUST_BE_ZERO = (
    *("open", "twice", "wrong", "late", "repeated", "beyond"),
    *("broken", "gave up", "hung"),
)


@dataclasses.dataclass(frozen=True)
class Fault:
    """A harm done to a house, and what it has to be told of it.

    *act* returns when the harm is done and what it stopped runs again; *prepare* comes before the
    runs; *check* raises ``RuntimeError`` on a machine where it cannot be done.
    """

    act: Callable[[House, random.Random], None]
    prepare: Callable[[House], None] | None = None
    check: Callable[[], object] | None = None
    is_clock: bool = False

    @property
    def name(self) -> str:
        """What ``--fault`` takes."""
        return self.act.__name__

    @property
    def told(self) -> str:
        """How the table calls it."""
        return (self.act.__doc__ or self.name).strip().rstrip(".")


@dataclasses.dataclass
class Row:
    """What came of rounds of a fault."""

    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    recoveries_s: list[float] = dataclasses.field(default_factory=list)

    def add(self, other: "Row") -> None:
        """Count *other* in."""
        self.counts += other.counts
        self.recoveries_s += other.recoveries_s

    def is_clean(self, bound_s: float) -> bool:
        """Tell whether nothing happened that must not, and all recoveries were within *bound_s*."""
        return self.slowest_s <= bound_s and not any(self.counts[name] for name in MUST_BE_ZERO)

    @property
    def slowest_s(self) -> float:
        """The slowest recovery."""
        return max(self.recoveries_s, default=0.0)

    @property
    def median_s(self) -> float:
        """The recovery that half of the rounds were faster than."""
        return statistics.median(self.recoveries_s) if self.recoveries_s else 0.0


def do_round(house: House, fault: Fault, seed: int) -> Row:
    """Queue runs, do *fault* somewhere in their middle, wait for their ends, and count."""
    row, rng = Row(), random.Random(f"{fault.name} {seed}")
    if fault.prepare:
        fault.prepare(house)
    house.wait_for_workers()
    trouble = house.trouble()
    for _ in range(_RUNS):
        house.queue()
    wait_until(lambda: house.ask(_AT_WORK)[0]["holders"] == WORKERS or not still_open(house))
    time.sleep(rng.uniform(0, 0.5))
    before, held = moment(house), leased(house)
    fault.act(house, rng)
    healed = time.monotonic()
    in_flight = held.keys() | taken_since(house, before)
    row.recoveries_s.append(recover(house, healed))
    wait_until(lambda: not still_open(house, _LOOK_S), lambda: f"not over: {house.run_ids}")
    in_flight |= taken_by_killed(house)
    for run in house.runs:
        row.counts += count(house, run, in_flight, is_clock=fault.is_clock)
    row.counts["trouble"] += house.trouble() - trouble
    row.counts["gave up"] += house.gave_up()
    row.counts["broken"] += len(house.ask(_BROKEN, house.run_ids))
    return row


def recover(house: House, healed: float) -> float:
    """Wait until what the fault left behind has moved on; returns the seconds since *healed*.

    That is: every lease that was there when the fault was over is reported, handed back or taken
    away, and a test got its verdict. The rest of the runs is not waited for: how long that takes
    is a matter of their size.
    """
    held, judged = set(leased(house).values()), count_judged(house)

    def has_moved_on() -> bool:
        time.sleep(_LOOK_S)
        return not (held & set(leased(house).values())) and (
            count_judged(house) > judged or not still_open(house)
        )

    wait_until(has_moved_on, lambda: f"nothing moves on: {house.run_ids}")
    return time.monotonic() - healed


def moment(house: House) -> str:
    """Return what is visible now, as a snapshot."""
    (row,) = house.ask("select pg_current_snapshot()::text as now")
    return str(row["now"])


def taken_since(house: House, snapshot: str) -> set[str]:
    """Return the results of all leases that *snapshot* does not see.

    Told by transactions and not by numbers: a lower number may become visible after a higher one.
    """
    rows = house.ask(
        "select result_id::text as id from chaos.leases "
        "where not pg_visible_in_snapshot(transaction, %s::pg_snapshot)",
        snapshot,
    )
    return {row["id"] for row in rows}


def taken_by_killed(house: House) -> set[str]:
    """Return the results that killed workers leased, with a call that went on without them too."""
    rows = house.ask(
        """
        select leases.result_id::text as id
        from chaos.leases
        inner join public.workers on workers.id = leases.worker_id
        where workers.name like any(%s)
        """,
        [f"%-{process}" for process in house.killed],
    )
    return {row["id"] for row in rows}


def leased(house: House) -> dict[str, str]:
    """Return the leases there are, by result."""
    rows = house.ask(
        "select result_id::text as id, lease::text from private.work_items where state = 'leased'"
    )
    return {row["id"]: row["lease"] for row in rows}


def count_judged(house: House) -> int:
    """Return how many results of the round have their verdict."""
    (row,) = house.ask(
        "select count(*) from public.test_results "
        "where run_id = any(%s::uuid[]) and status <> 'pending'",
        house.run_ids,
    )
    return int(row["count"])


def still_open(house: House, pause_s: float = 0) -> bool:
    """Tell, after a pause, whether a run of the round is not over."""
    time.sleep(pause_s)
    return bool(
        house.ask(
            "select from public.test_runs where id = any(%s::uuid[]) and finished_at is null",
            house.run_ids,
        )
    )


def count(house: House, run: Run, in_flight: set[str], *, is_clock: bool) -> Counter[str]:
    """Return what became of *run*."""
    results = house.ask(
        "select id::text, test_name, row_key, status, slug, rescue_count "
        "from public.test_results where run_id = %s",
        run.id,
    )
    asked = house.counts(run.tag)
    lost = {one["id"] for one in results if one["slug"] in LOST}
    (evidence,) = house.ask(
        """
        select
            count(*) filter (where details.outcome = 'stale') as stale,
            count(*) filter (where details.outcome = any(%s)) - count(
                distinct details.result_id
            ) filter (where details.outcome = any(%s)) as twice,
            count(*) filter (
                where details.outcome = any(%s) and details.started_at < leases.taken_at
            ) as late
        from public.test_result_details as details
        left join chaos.leases on leases.lease = details.lease
        where details.run_id = %s
        """,
        *(_JUDGED, _JUDGED, _JUDGED, run.id),
    )
    return Counter(
        {
            "runs": 1,
            "tests": len(results),
            "bad": sum(one["slug"] in BAD.values() for one in results),
            "open": run.size - sum(one["status"] != "pending" for one in results),
            "lost": len(lost),
            "beyond": len(lost - in_flight),
            "rescued": sum(one["rescue_count"] for one in results),
            "stale": evidence["stale"],
            "twice": evidence["twice"],
            # A worker's clock says when it began: where clocks are put, that proves nothing.
            "late": 0 if is_clock else evidence["late"],
            "wrong": count_wrong(results, asked, is_cancelled=run.id in house.cancelled),
            "repeated": count_repeated(asked),
        }
    )
