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
from bench.simulate import findings
from bench.simulate.worlds import QUARTER, quarter
from bench.simulate.write import prepare, process_runs, write_history, write_truth

TESTS = 80
NIGHTLY = (
    "private.fold_metrics()",
    "private.rate_tests()",
    "private.find_regressions()",
    "private.merge_failures()",
)


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
        results = write_history(database)
        say(f"Working {len(project.runs)} runs with {results:,} results into the history")
        process_runs(database)
        say("The jobs of a night")
        for job in NIGHTLY:
            run_job(database, job)
        findings.show(connection, str(project.id(world.seed)), sys.stdout)
        say("Stopping everything")


def run_job(database: psycopg.Connection, call: str) -> bool:
    """Make the *call* of a job if this database has its function; says whether it has."""
    known = database.execute(
        "select to_regproc(%s) is not null", [call.partition("(")[0]]
    ).fetchone()
    if not known or not known[0]:
        return False
    database.execute(f"select {call}".encode())
    return True


if __name__ == "__main__":
    main()
