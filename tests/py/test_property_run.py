"""Whole runs: driven at random through the worker's functions, they end as an independent model.

Two to four workers, one of them maybe a runner, claim and report in batches of any size on one run
or two; reports come twice, late, in another order, under foreign leases or malformed; replies are
lost; leases expire, workers die, come back or are revoked, work is handed back, runs are paused,
cancelled or time out. After each step the database must agree with the model and with itself.
"""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference_plan import Planner, Project, RefusedError, Selection
from reference_project import (
    ENVIRONMENTS,
    choose,
    projects,
    queue_run,
    selections,
    write_project,
    write_runner,
)
from reference_run import VERDICTS, Run
from reference_support import PROFILE, examples, scratch_engine
from support_drive import Driver, tally

from worker.embedded.postgres import Cluster

STEPS = st.tuples(
    choose(
        *(("report", 8), ("claim", 6), ("delay", 2), ("arrive", 3), ("repeat", 2), ("replay", 1)),
        *(("stale", 1), ("haunt", 1), ("foreign", 1), ("expire", 2), ("rescue", 1), ("crash", 1)),
        *(("restart", 1), ("revoke", 1), ("release", 1), ("renew", 1), ("wait", 1)),
        *(("cancel", 1), ("time_out", 1), ("pause", 1)),
    ),
    st.integers(0, 3),
    st.integers(0, 6),
    st.integers(0, 3),
)
OUTCOMES = choose(
    *(("pass", 5), ("fail", 1)), *((name, 1) for name in VERDICTS if name != "pass_bare")
)
CASES = projects(min_tests=3, max_tests=9).flatmap(
    lambda project: st.tuples(
        st.just(project),
        selections(project),
        choose((1, 3), (2, 1)),
        st.integers(2, 4),
        st.booleans(),
        st.lists(OUTCOMES, min_size=1, max_size=8),
        (st.lists(STEPS, max_size=25) | st.lists(STEPS, min_size=15, max_size=40)).map(
            lambda steps: [("claim", 0, 4, 0), *steps]
        ),
    )
)
Case = tuple[Project, Selection, int, int, bool, list[str], list[tuple[str, int, int, int]]]


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    tally.clear()
    with scratch_engine(platform_server) as connection:
        yield connection
    if PROFILE == "assay-thorough":
        print("\n" + ", ".join(f"{count:,} {what}" for what, count in tally.most_common()))  # noqa: T201


def check_run(engine: psycopg.Connection, case: Case) -> None:
    """Check that engine and model agree after every step, to the end."""
    project, selection, run_count, worker_count, has_runner, outcomes, steps = case
    try:
        plan = Planner(project, selection).plan()
    except RefusedError:
        assume(False)  # noqa: FBT003
        return
    with engine.transaction(force_rollback=True):
        write_project(engine, project)
        write_runner(engine)
        runs = {
            queue_run(engine, selection, environment): Run(project, selection, plan)
            for environment in ENVIRONMENTS[:run_count]
        }
        tally["cases"] += 1
        tally["runs"] += run_count
        tally["results"] += run_count * len(plan.items)
        crew = [has_runner and number == 1 for number in range(worker_count)]
        driver = Driver(engine, project, runs, outcomes, crew)
        for step in steps:
            driver.step(*step)
        driver.drain()
        assert all(run.phase is None for run in runs.values())


@given(case=CASES)
@examples(60)
def test_runs_go_as_the_model_says(engine: psycopg.Connection, case: Case) -> None:
    """Verdicts, skips and their causes, phases, counters, leases, evidence, the end."""
    check_run(engine, case)
