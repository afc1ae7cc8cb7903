"""Do each fault many times in the middle of runs, and count what was lost, doubled or repeated.

    make chaos                              every fault twenty times
    make chaos CHAOS="--rounds 3 --fault killed_worker --seed 7"

The lease is shortened to 3 s, else it is the whole stack as it is. Exit code 1 when any count but
the expected ones is not zero.
"""

import argparse
import dataclasses
import random
import sys
import time
from collections import Counter
from pathlib import Path

from support_wait import wait_until

from chaos.faults import FAULTS, Fault, watching
from chaos.house import LEASE_S, SWEEP_S, House, furnished

RESULTS = Path(__file__).parent / "RESULTS.md"
_RUNS = 2
_JUDGED = ("passed", "failed", "error")
_COLUMNS = (
    *("runs", "tests", "rescued", "stale", "lost"),
    *("beyond", "open", "twice", "repeated", "broken"),
    "slowest recovery",
)


@dataclasses.dataclass
class Row:
    """What a fault did: *beyond* counts verdicts ``lost`` that were not in flight."""

    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    recovery_s: float = 0.0

    def is_clean(self) -> bool:
        """Tell whether nothing happened that must not."""
        return not any(
            self.counts[name] for name in ("open", "twice", "repeated", "beyond", "broken")
        )


def do_round(house: House, fault: Fault, rng: random.Random, row: Row) -> None:
    """Queue runs, do *fault* somewhere in their middle, wait for their ends, and count."""
    runs = dict(house.queue() for _ in range(_RUNS))
    ids = list(runs)
    wait_until(
        lambda: house.ask(
            "select from public.test_runs where id = any(%s::uuid[]) and started_at is not null",
            ids,
        )
    )
    time.sleep(rng.uniform(0, 0.8))
    in_flight: set[str] = set()
    with watching(house, in_flight):
        time.sleep(0.05)
        fault(house, rng)
        time.sleep(0.05)
    healed = time.monotonic()

    def still_open() -> bool:
        return bool(
            house.ask(
                "select from public.test_runs "
                "where id = any(%s::uuid[]) and finished_at is null limit 1",
                ids,
            )
        )

    wait_until(lambda: not still_open())
    row.recovery_s = max(row.recovery_s, time.monotonic() - healed)
    row.counts["runs"] += len(runs)
    for run, tag in runs.items():
        count(house, run, tag, in_flight, row)
    broken = house.ask("select * from private.check_invariants('-infinity')")
    row.counts["broken"] += len(broken)
    for one in broken:
        print(one, file=sys.stderr)


def count(house: House, run: str, tag: str, in_flight: set[str], row: Row) -> None:
    """Add what became of *run* to *row*."""
    results = house.ask(
        "select id::text, status, slug, rescue_count from public.test_results where run_id = %s",
        run,
    )
    row.counts["tests"] += len(results)
    row.counts["open"] += sum(one["status"] == "pending" for one in results)
    lost = {one["id"] for one in results if one["slug"] == "lost"}
    row.counts["lost"] += len(lost)
    row.counts["beyond"] += len(lost - in_flight)
    row.counts["rescued"] += sum(one["rescue_count"] for one in results)
    (stale,) = house.ask(
        "select count(*) from public.test_result_details where run_id = %s and outcome = 'stale'",
        run,
    )
    row.counts["stale"] += stale["count"]
    (twice,) = house.ask(
        "select count(*) from (select from public.test_result_details "
        "where run_id = %s and outcome = any(%s) group by result_id having count(*) > 1) as _",
        run,
        list(_JUDGED),
    )
    row.counts["twice"] += twice["count"]
    unsafe = ("prepare", "make", "row", "clean")
    row.counts["repeated"] += sum(
        asked > 1 for name, asked in house.counts(tag).items() if name.startswith(unsafe)
    )


def table(rows: dict[str, Row]) -> str:
    """Return the table in Markdown."""
    lines = [
        f"| fault | {' | '.join(_COLUMNS)} |",
        f"|---|{'---:|' * len(_COLUMNS)}",
    ]
    for name, row in rows.items():
        told = (FAULTS[name].__doc__ or name).strip().rstrip(".")
        counts = " | ".join(str(row.counts[column]) for column in _COLUMNS[:-1])
        lines.append(f"| {told} | {counts} | {row.recovery_s:.1f} s |")
    return "\n".join(lines)


def main() -> int:
    """Run the rounds asked for; write the table when all faults were."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="how often each (default: 20)")
    parser.add_argument("--fault", action="append", choices=FAULTS, help="only this; repeatable")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of all chance")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    rng = random.Random(arguments.seed)
    rows = {name: Row() for name in arguments.fault or FAULTS}
    with furnished() as house:
        for name, row in rows.items():
            for _ in range(arguments.rounds):
                do_round(house, FAULTS[name], rng, row)
            print(f"{name:<20} {dict(row.counts)} {row.recovery_s:.1f} s", flush=True)
    if not arguments.fault:
        said = (
            f"# Last chaos\n\n{arguments.rounds} rounds of each fault, {_RUNS} runs at a time, two "
            f"workers, a lease of {LEASE_S} s, a sweep every {SWEEP_S} s; seed {arguments.seed}. "
            "What shows that a fault bites: `rescued` attempts, `stale` reports, verdicts `lost`. "
            "What must be 0: `beyond`, lost and not in flight; `open`, without a verdict; `twice`, "
            "judged twice; `repeated`, unsafe requests sent twice; `broken`, invariants. Recovery: "
            "from the fault's end to that of the last run.\n\n"
        )
        RESULTS.write_text(f"{said}{table(rows)}\n")
    print(table(rows))
    return 0 if all(row.is_clean() for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
