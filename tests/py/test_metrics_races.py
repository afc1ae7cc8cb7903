"""Folding metrics in two sessions at once, in a forced order: each verdict counts once."""

import contextlib
from collections.abc import Iterator

import pytest
from conftest import TEMPLATE, fresh_database
from support_project import STATUS_OK
from test_run_races import Stage, ask

from worker.embedded.postgres import Cluster

FOLD = ask("select private.fold_metrics()")
TESTS = [{"name": name, "request": {"path": "/"}, "assertions": [STATUS_OK]} for name in "abc"]


@pytest.fixture(scope="module")
def stage(platform_server: Cluster) -> Iterator[Stage]:
    """Yield a project in a database of its own."""
    for database in fresh_database(platform_server, TEMPLATE):
        with database.connect("postgres") as owner:
            yield Stage(database, owner)


@pytest.fixture
def run(stage: Stage) -> str:
    """Return a run of three tests that has passed, in two reports of one and two verdicts."""
    engine = stage.engine
    engine.connection.execute("truncate public.performance_metrics, private.metric_deltas")
    run = engine.queue(*TESTS)
    first, *others = engine.claim(run)
    engine.report(first)
    stage.report(*((engine.worker, item) for item in others))(engine.connection)
    return run


def counted(stage: Stage) -> int:
    """Return how many verdicts the metrics hold."""
    return stage.engine.value(
        "select coalesce(sum(passed_count), 0)::integer from public.performance_metrics"
    )


@pytest.mark.usefixtures("run")
def test_second_folder_passes_by(stage: Stage) -> None:
    """What one session is folding another leaves alone, and does not wait for."""
    assert stage.beside(FOLD, FOLD) == (3, 0)
    assert counted(stage) == 3


@pytest.mark.usefixtures("run")
def test_dead_folder_loses_nothing(stage: Stage) -> None:
    """What a session took that died before its end is folded by the next."""
    with contextlib.closing(stage.database.connect("postgres")) as session:
        session.execute("begin")
        FOLD(session)
        stage.engine.connection.execute(
            "select pg_terminate_backend(%s, 60000)", (session.info.backend_pid,)
        )

    assert FOLD(stage.engine.connection) == 3
    assert counted(stage) == 3


def test_two_folders_add_to_one_day(stage: Stage, run: str) -> None:
    """Sessions that took different verdicts of one test and day add both, one after the other."""
    stage.engine.connection.execute(
        "update public.test_results set test_case_id = (select test_case_id from"
        " public.test_results where run_id = %s and finished_seq = 1), row_key = finished_seq::text"
        " where run_id = %s",
        (run, run),
    )

    answers = stage.overlap(ask("select private.fold_metrics(1)"), FOLD)

    assert answers == (1, 2)
    assert counted(stage) == 3


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(("is_undone", "left"), [(False, 0), (True, 3)])
def test_fold_waits_for_a_purge(stage: Stage, *, is_undone: bool, left: int) -> None:
    """Folding waits for a purge that is under way, and counts what is left after it."""
    purge = ask(
        "with gone as (delete from public.test_cases where project_id = %s returning 1)"
        " select count(*) from gone",
        stage.engine.project,
    )

    stage.overlap(purge, FOLD, is_undone=is_undone)

    assert counted(stage) == left
