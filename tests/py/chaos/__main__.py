"""Do each fault many times in the middle of runs, and count what was lost, doubled or repeated.

    make chaos                              every fault twenty times
    make chaos CHAOS="--rounds 3 --fault killed_worker --seed 7"
    make chaos CHAOS="--sabotage fence --fault two_holders --rounds 3"

The lease is shortened to 3 s, else it is the whole stack as it is. Exit code 1 when anything is
not zero that must be, or a recovery took longer than a lease and a sweep.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from chaos import clock
from chaos.faults import FAULTS
from chaos.house import LEASE_S, SWEEP_S
from chaos.rounds import Row
from chaos.sabotage import SABOTAGES
from chaos.street import Street, Told

RESULTS = Path(__file__).parent / "RESULTS.md"
BOUND_S = LEASE_S + SWEEP_S
_COLUMNS = {
    "runs": "runs",
    "tests": "tests",
    "trouble": "calls failed",
    "rescued": "rescued",
    "stale": "stale",
    "lost": "lost",
    "bad": "bad answers",
    "open": "verdicts lost",
    "twice": "verdicts twice",
    "wrong": "verdicts wrong",
    "late": "decided too late",
    "repeated": "unsafe sent twice",
    "beyond": "lost beyond flight",
    "broken": "invariants broken",
    "gave up": "workers gone",
    "hung": "rounds hung",
}
_SAID = f"""\
{{rounds}} rounds of each fault in {{houses}} houses side by side, two runs at a time and for some
faults a third, two workers, a lease of {LEASE_S} s, a sweep every {SWEEP_S} s; seed {{seed}},
{{minutes:.0f}} minutes.

What shows that a fault bites: calls of workers that did not get through; attempts `rescued`;
reports that came `stale`; unsafe requests that end as `lost` because nobody knows whether they were
made; bad answers, each of which is an error of the right kind and counted once.

What must be 0, from `verdicts lost` on: tests without a verdict; tests judged twice; verdicts
other than what the target answered, or a loss upstream, makes them; verdicts decided by an attempt
that began before its lease was taken; requests that may not be repeated and were; tests `lost` that
were not leased while the fault lasted; broken invariants; workers that ended by themselves; rounds
that did not end.

Recovery: from the end of the fault until every lease that was there then is reported, handed back
or taken away, and another test has its verdict. At most a lease and a sweep, {BOUND_S} s. The rest
of the runs is not waited for: how long it takes is a matter of its size.
"""


def table(rows: dict[str, Row]) -> str:
    """Return the table in Markdown."""
    names = [*_COLUMNS.values(), "recovery, median", f"slowest (of {BOUND_S} s)"]
    lines = [f"| fault | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for name, row in rows.items():
        counts = " | ".join(str(row.counts[column]) for column in _COLUMNS)
        times = f"{row.median_s:.1f} s | {row.slowest_s:.1f} s"
        lines.append(f"| {FAULTS[name].told} | {counts} | {times} |")
    return "\n".join(lines)


def progress(told: Iterator[Told], count: int) -> Iterator[Told]:
    """Print a line for each round, with the time that is left."""
    began = time.monotonic()
    for number, one in enumerate(told, 1):
        left_s = (time.monotonic() - began) / number * (count - number)
        counts = " ".join(f"{name} {n}" for name, n in one.row.counts.items() if n)
        took = f"recovered in {one.row.slowest_s:.1f} s"
        print(f"{number}/{count}, {left_s / 60:.1f} min left: {one.fault.name}", end=" ")
        print(f"--seed {one.seed}: {counts}; {took}", flush=True)
        if one.kept:
            print(f"  NOT CLEAN: {one.failure}; kept in {one.kept}", flush=True)
        yield one


def arguments() -> argparse.Namespace:
    """Read the command line; faults that this machine cannot do are refused."""
    parser = argparse.ArgumentParser(
        prog="make chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=20, help="how often each (default: 20)")
    parser.add_argument("--fault", action="append", choices=FAULTS, help="only this; repeatable")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(2**32), help="of the first round; then upwards"
    )
    houses = 1 + (os.cpu_count() or 1)
    parser.add_argument(
        "--houses", type=int, default=houses, help=f"stacks side by side (default: {houses})"
    )
    parser.add_argument("--sabotage", choices=SABOTAGES, help="break the engine, to see red")
    given = parser.parse_args()
    given.fault = given.fault or list(FAULTS)
    for name in given.fault:
        try:
            if check := FAULTS[name].check:
                check()
        except RuntimeError as error:
            parser.error(f"{name}: {error}")
    return given


def main() -> int:
    """Run the rounds asked for; write the table when all faults were."""
    given = arguments()
    rows = {name: Row() for name in given.fault}
    # Turn by turn, so that what is slow or breaks does not fall into one time.
    rounds = [(FAULTS[name], given.seed + turn) for turn in range(given.rounds) for name in rows]
    kept, began = [], time.monotonic()
    with clock.replaced_postgres():
        street = Street(rounds, BOUND_S, given.sabotage)
        for one in progress(street.run(given.houses), len(rounds)):
            rows[one.fault.name].add(one.row)
            kept += [one] if one.kept else []
    minutes = (time.monotonic() - began) / 60
    if len(rows) == len(FAULTS) and not given.sabotage:
        said = _SAID.format(**vars(given), minutes=minutes)
        RESULTS.write_text(f"# Last chaos\n\n{said}\n{table(rows)}\n")
    print(table(rows))
    for one in kept:
        print(f"not clean: --fault {one.fault.name} --seed {one.seed} --rounds 1, {one.kept}")
    return 1 if kept else 0


if __name__ == "__main__":
    sys.exit(main())
