"""Planning: results, edges, barriers, counters and bindings are those of an independent planner."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import event, given
from reference_plan import Item, Plan, Planner, Project, RefusedError, Selection
from reference_project import ASKED, fetch, id_of, queue_run, write_project
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


def check_plan(engine: psycopg.Connection, asked: tuple[Project, Selection]) -> None:
    """Both refuse for the same reason, or both plan the same."""
    project, selection = asked
    try:
        plan = Planner(project, selection).plan()
        slugs = {None}
    except RefusedError as refusal:
        plan, slugs = None, refusal.slugs
    event(" or ".join(sorted(map(str, slugs))))

    with engine.transaction(force_rollback=True):
        write_project(engine, project)
        run_id, slug = queue_or_refuse(engine, selection)

        assert slug in slugs
        if plan is not None:
            compare_plan(engine, project, run_id, plan)


def queue_or_refuse(engine: psycopg.Connection, selection: Selection) -> tuple[str, str | None]:
    """Queue a run; returns its id and None, or "" and the slug of the refusal."""
    try:
        with engine.transaction():
            return queue_run(engine, selection), None
    except psycopg.Error as error:
        if error.sqlstate != "PT422":
            raise
        return "", error.diag.message_detail


def compare_plan(engine: psycopg.Connection, project: Project, run_id: str, plan: Plan) -> None:
    """Compare what was written for the run with the plan."""
    items = fetch(
        engine,
        """
        select items.*, cases.name as test_name, results.status
        from private.work_items as items
        inner join public.test_cases as cases on cases.id = items.test_case_id
        left join public.test_results as results on results.id = items.result_id
        where items.run_id = %s
        """,
        run_id,
    )
    edges = fetch(engine, "select * from private.work_edges where run_id = %s", run_id)
    named = {item["id"]: (item["test_name"], item["row_key"]) for item in items}
    barriers = {item["id"] for item in items if item["state"] == "barrier"}
    tests = {test.name: test for test in project.tests}

    assert Counter(named[each] for each in named.keys() - barriers) == Counter(plan.items)
    assert {item["status"] for item in items} <= {"pending", None}
    assert expand(edges, named, barriers) == plan.edges
    incoming = Counter(edge["to_item"] for edge in edges)
    assert {item["id"]: item["pending_count"] for item in items} == {
        each: incoming[each] for each in named
    }
    for item in items:
        expected = "waiting" if item["pending_count"] else "ready"
        assert item["state"] == ("barrier" if item["result_id"] is None else expected)
        check_bindings(item, plan, tests[item["test_name"]].uses)
    # rows times rows edges are what barriers are for
    assert len(edges) <= sum(
        len(project.rows(tests[one])) + len(project.rows(tests[other]))
        for one, other in {(upstream[0], consumer[0]) for upstream, consumer in plan.edges}
    )
    check_live_run(engine, run_id, Counter(tests[name].phase for name, _ in plan.items))


def check_bindings(item: dict[str, Any], plan: Plan, uses: tuple[tuple[str, bool], ...]) -> None:
    """Check that the item sees the captured names that the plan says, each from one test."""
    if item["state"] == "barrier":
        return
    expected = {
        name: {"test": id_of(producer), "rows": rows}
        for name, (producer, rows) in plan.bindings.get(item["test_name"], {}).items()
    }
    # one more is no harm where the run or the fixture row always wins
    assert expected.items() <= item["bindings"].items()
    assert item["bindings"].keys() <= {name for name, _ in uses}


def check_live_run(engine: psycopg.Connection, run_id: str, counts: Counter[str]) -> None:
    """Check that the run counts its open items by phase and begins with the first that has any."""
    (live,) = fetch(engine, "select * from private.live_runs where run_id = %s", run_id)
    (run,) = fetch(engine, "select * from public.test_runs where id = %s", run_id)
    phases = ("setup", "main", "teardown")

    assert [live[f"{phase}_open_count"] for phase in phases] == [counts[each] for each in phases]
    assert live["phase"] == next(phase for phase in phases if counts[phase])
    assert (run["status"], run["total_count"]) == ("queued", counts.total())


def expand(
    edges: list[dict[str, Any]], named: dict[int, Item], barriers: set[int]
) -> dict[tuple[Item, Item], str]:
    """Return who waits for whom with barriers left out: what points to one points past it."""
    expanded: dict[tuple[Item, Item], str] = {}
    for edge in edges:
        if edge["from_item"] in barriers:
            continue
        over = [edge]
        if edge["to_item"] in barriers:
            over = [each for each in edges if each["from_item"] == edge["to_item"]]
            assert over, "a barrier that nobody waits for"
            assert {each["kind"] for each in over} == {edge["kind"]}
        for each in over:
            pair = (named[edge["from_item"]], named[each["to_item"]])
            assert pair not in expanded
            expanded[pair] = each["kind"]
    return expanded


@given(asked=ASKED)
@examples(150)
def test_a_run_is_planned_as_the_reference_does(
    engine: psycopg.Connection, asked: tuple[Project, Selection]
) -> None:
    """Closure, inference, phases, sequences, fixtures and refusals."""
    check_plan(engine, asked)
