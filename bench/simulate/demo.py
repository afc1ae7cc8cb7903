"""The command behind `make demo-history`: a simulated quarter, and what Assay finds in it.

Nothing is shown that a client of the project could not read: what is printed comes from the tables
and functions that docs/history.md describes.
"""

import argparse
import datetime as dt
import sys
import time

import psycopg

from bench import house
from bench.simulate import findings, nights
from bench.simulate.worlds import QUARTER, quarter
from bench.simulate.write import prepare, process_runs, write_history, write_truth

TESTS = 80
NIGHTS = 28
"""How many nights are lived through one by one: some things are told when seen a second time."""


def main() -> None:
    """Write the quarter, let the jobs of the nights do their work, and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=QUARTER)
    parser.add_argument("--tests", type=int, default=TESTS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()

    def say(step: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - started:5.1f} s] {step}\n")
        sys.stdout.flush()

    say("Starting Supabase, and pushing the migrations")
    with (
        house.running_stack(is_throwaway=True) as connection,
        psycopg.connect(connection.db_url, autocommit=True) as database,
    ):
        end = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
        world = quarter(arguments.seed, end, arguments.tests, arguments.days)
        (project,) = world.projects
        say(f"Writing {arguments.days} days of {len(project.tests)} tests")
        prepare(database)
        write_truth(database, world)
        lived = min(NIGHTS, arguments.days)
        results = write_history(database, world.at(arguments.days - lived))
        process_runs(database)
        say(f"{results:,} results so far; the last {lived} days one by one, with their nights")
        for day in range(arguments.days - lived, arguments.days):
            results += write_history(database, world.at(day + 1))
            process_runs(database)
            nights.work(database, world.at(day + 1))
        say(f"{results:,} results of {len(project.runs)} runs. What Assay found:")
        findings.show(connection, str(project.id(world.seed)), sys.stdout)
        say("Stopping everything")


if __name__ == "__main__":
    main()
