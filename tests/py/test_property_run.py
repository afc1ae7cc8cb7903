"""Whole runs: driven at random through the worker's functions, they end as an independent model.

One worker claims and reports in batches of any size; reports come twice, late, under foreign
leases or malformed; leases expire, work is handed back, runs are cancelled or time out. After each
step the database must agree with the model and with itself.
"""

import json
import uuid
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from reference_plan import Item, Planner, Project, RefusedError, Selection
from reference_project import choose, fetch, projects, queue_run, selections, write_project
from reference_run import VERDICTS, Run
from reference_support import examples, scratch_engine

from worker.embedded.postgres import Cluster

LIVE_TABLES = ("live_runs", "work_items", "work_edges")
STEPS = st.tuples(
    choose(
        *(("report", 8), ("claim", 4), ("replay", 2), ("expire", 2), ("stale", 1), ("foreign", 1)),
        *(
            ("release", 1),
            ("crash", 1),
            ("renew", 1),
            ("reclaim", 1),
            ("cancel", 1),
            ("time_out", 1),
        ),
    ),
    st.integers(0, 6),
    st.integers(0, 3),
)
OUTCOMES = choose(("pass", 6), ("fail", 2), *((name, 1) for name in VERDICTS if name != "fail"))
CASES = projects(max_tests=9).flatmap(
    lambda project: st.tuples(
        st.just(project),
        selections(project),
        choose((1, 3), (2, 1)),
        st.lists(OUTCOMES, min_size=1, max_size=8),
        st.lists(STEPS, max_size=25) | st.lists(STEPS, min_size=10, max_size=30),
    )
)
Case = tuple[Project, Selection, int, list[str], list[tuple[str, int, int]]]


@pytest.fixture(scope="module")
def engine(platform_server: Cluster) -> Iterator[psycopg.Connection]:
    with scratch_engine(platform_server) as connection:
        yield connection


class Driver:
    """A worker that does as it is told, and the model of every run beside it."""

    def __init__(
        self,
        connection: psycopg.Connection,
        project: Project,
        runs: dict[str, Run],
        outcomes: Sequence[str],
    ) -> None:
        """Register, and learn which item is which."""
        self.connection = connection
        self.project = project
        self.runs = runs
        self.outcomes = outcomes
        self.results: dict[str, tuple[Run, Item]] = {
            row["id"]: (runs[row["run_id"]], (row["test_name"], row["row_key"]))
            for row in fetch(connection, "select * from public.test_results")
        }
        self.order = {
            row["result_id"]: (row["priority"], row["id"])
            for row in fetch(connection, "select * from private.work_items")
            if row["result_id"] is not None
        }
        self.held: dict[str, dict[str, Any]] = {}  # by result id
        self.expired: set[str] = set()
        self.lost: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.last_call: tuple[dict[str, Any], list[dict[str, Any]]] = ({}, [])
        self.worker_id = self.call("register_worker", name="w", version="1", capacity=10)

    def call(self, function: str, **arguments: Any) -> Any:
        """Call one of the worker's functions with the secret key's role."""
        named = ", ".join(f"{name} => %({name})s" for name in arguments)
        self.connection.execute("set local role service_role")
        row = self.connection.execute(
            f"select to_jsonb(answer) from public.{function}({named}) as answer",  # noqa: S608
            arguments,
        ).fetchone()
        self.connection.execute("reset role")
        assert row is not None
        return row[0]

    def claim(self, free_slots: int, prefetch: int) -> None:
        """Claim, and check what was handed out."""
        arguments = {
            "worker_id": self.worker_id,
            "call_id": str(uuid.uuid4()),
            "free_slots": free_slots,
            "prefetch": prefetch,
        }
        answer = self.call("claim_work", **arguments)
        self.take(answer["work"], arguments)

    def take(self, work: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
        """Accept *work*: rescues first, then what cannot be rendered, then the leases."""
        free_slots, prefetch = arguments["free_slots"], arguments["prefetch"]
        if free_slots + prefetch == 0:
            assert work == []
            return
        self.rescue()
        refused = self.refuse()
        room = self.project.max_parallel - len(self.held)
        expected = self.expect(free_slots, prefetch, room)
        got = [one["result"] for one in work]
        if len(self.runs) == 1 and not refused:
            assert got == expected
        assert len(got) <= min(free_slots + prefetch, room)
        for place, one in enumerate(work):
            run, item = self.results[one["result"]]
            run.lease(item)
            assert place < free_slots or run.is_repeatable(item)
            assert one["attempt"] == run.leases[item]
            assert one["request"]["url"].startswith(f"http://target.test/{item[0]}")
            assert one["result"] not in self.held
            self.held[one["result"]] = one
        if free_slots and room and not work:
            assert not any(run.available() for run in self.runs.values())
        self.last_call = (arguments, work)

    def expect(self, free_slots: int, prefetch: int, room: int) -> list[str]:
        """Return what a claim hands out when there is one run: by priority, then by id."""
        line = sorted(
            (
                result
                for result, (run, item) in self.results.items()
                if item in run.available() and not run.missing(item)
            ),
            key=self.order.__getitem__,
        )
        return [
            result
            for place, result in enumerate(line[: free_slots + prefetch][: max(room, 0)])
            if place < free_slots or self.results[result][0].is_repeatable(self.results[result][1])
        ]

    def rescue(self) -> None:
        """Follow what a claim does with expired leases."""
        for run in self.runs.values():
            run.lose(
                [self.results[each][1] for each in self.expired if self.results[each][0] is run]
            )
        for result in self.expired:
            self.lost.append(self.held.pop(result))
        self.expired.clear()

    def refuse(self) -> bool:
        """Follow what a claim ended because it could not be rendered; whether there was any."""
        rows = fetch(
            self.connection,
            """
            select * from public.test_results where slug in (
                'unresolved_variable', 'upstream_value_missing', 'nothing_to_clean'
            )
            """,
        )
        todo = [row for row in rows if self.status_of(row["id"]) == "pending"]
        is_any = bool(todo)
        while todo:
            done = []
            for row in todo:
                run, item = self.results[row["id"]]
                if item in run.available():
                    run.refuse(item, row["status"], row["slug"])
                    done.append(row)
            assert done, todo
            todo = [row for row in todo if row not in done]
        return is_any

    def status_of(self, result: str) -> str:
        """Return what the model says of a result."""
        run, item = self.results[result]
        return run.status[item]

    def choose(self, count: int) -> list[str]:
        """Return *count* of the held results, in an order that has no meaning."""
        return sorted(self.held, key=lambda each: zlib.crc32(repr(self.results[each][1]).encode()))[
            :count
        ]

    def write_report(self, work: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return what the request comes to, and the report that says so."""
        run, item = self.results[work["result"]]
        number = zlib.crc32(repr(item).encode()) + 3 * run.executed[item]
        name = self.outcomes[number % len(self.outcomes)]
        verdict = VERDICTS[name]
        report: dict[str, Any] = {
            **{key: work[key] for key in ("item", "result", "attempt", "lease")},
            "started_at": "nonsense" if name == "broken" else "2026-11-22T10:00:00Z",
            "timing_ms": {"total": 1.5},
            "response": None,
            "observed": [],
            "schema_errors": [],
            "error": None,
        }
        if verdict.http_status is not None or name == "broken":
            report["response"] = {"status": verdict.http_status or 200, "headers": [], "body": ""}
            report["observed"] = [
                {
                    "id": lookup["id"],
                    "found": verdict.has_values,
                    "values": ["v"] if verdict.has_values else [],
                }
                for lookup in work["observe"]
            ]
        else:
            report["error"] = {"category": name, "message": "as told"}
        return name, report

    def report(
        self, chosen: Sequence[str], extra: Sequence[dict[str, Any]] = (), free_slots: int = 0
    ) -> None:
        """Report on held results, with *extra* reports in the same batch, and claim again."""
        named = {each: self.write_report(self.held[each]) for each in chosen}
        cancelled = {
            self.held[each]["item"]
            for each in chosen
            for run, item in [self.results[each]]
            if (run.is_cancelled or run.is_timed_out) and run.test(item).phase != "teardown"
        }
        broken = {self.held[each]["item"] for each in chosen if named[each][0] == "broken"}
        held = {self.held[each]["item"] for each in chosen}
        arguments = {
            "worker_id": self.worker_id,
            "call_id": str(uuid.uuid4()),
            "free_slots": free_slots,
            "prefetch": 0,
        }
        reports = [*(report for _, report in named.values()), *extra]
        answer = self.call("report_work", reports=json.dumps(reports), **arguments)

        replayed = {each["item"] for each in extra if each in self.told} - held
        stale = {each["item"] for each in extra if each not in self.told} - held - replayed
        assert set(answer["accepted"]) - replayed == held - broken
        assert replayed <= set(answer["accepted"])
        assert set(answer["unreportable"]) == broken
        assert set(answer["stale"]) == stale
        assert set(answer["cancelled"]) == cancelled
        for run in self.runs.values():
            run.report(
                (self.results[each][1], named[each][0])
                for each in chosen
                if self.results[each][0] is run
            )
        for each in chosen:
            self.told.append(named[each][1])
            self.expired.discard(each)
            del self.held[each]
        self.take(answer["work"], arguments)

    def step(self, kind: str, count: int, other: int) -> None:
        """Do one thing."""
        event(kind)
        getattr(self, f"do_{kind}")(count, other)

    def do_claim(self, count: int, other: int) -> None:
        """Claim for *count* free slots, and *other* ahead."""
        self.claim(count, other)

    def do_report(self, count: int, other: int) -> None:
        """Report on *count* results, and claim *other*."""
        self.report(self.choose(count), free_slots=other)

    def do_replay(self, count: int, other: int) -> None:
        """Report *other* results, and once more what was reported before."""
        self.report(self.choose(other), self.told[-count:] if count else [])

    def do_stale(self, count: int, other: int) -> None:
        """Report *other* results, and under leases that were taken away."""
        late = [self.write_report(work)[1] for work in self.lost[-count:]]
        self.report(self.choose(other), late)

    def do_foreign(self, count: int, other: int) -> None:
        """Report under leases that never were, and for attempts to come."""
        reports = [self.write_report(self.held[each])[1] for each in self.choose(count)]
        foreign = [{**each, "lease": str(uuid.uuid4())} for each in reports]
        ahead = [{**each, "attempt": each["attempt"] + 1} for each in reports[:other]]
        self.report([], [*foreign, *ahead])

    def do_renew(self, count: int, _other: int) -> None:
        """Hold leases for longer, expired ones too as long as nobody took them."""
        chosen = self.choose(count)
        items = self.leases(chosen)
        answer = self.call("renew_work", worker_id=self.worker_id, items=items)
        assert answer["lost"] == []
        self.expired -= set(chosen)

    def do_expire(self, count: int, _other: int) -> None:
        """Let leases run out, unseen until the next claim."""
        chosen = self.choose(count)
        self.connection.execute(
            """
            update private.work_items set lease_until = clock_timestamp() - interval '1 s'
            where result_id = any(%s::uuid[])
            """,
            [chosen],
        )
        self.expired |= set(chosen)

    def do_crash(self, count: int, other: int) -> None:
        """Lose all that is held, again and again."""
        for _ in range(count):
            self.do_expire(len(self.held), 0)
            self.claim(other + 1, 0)
            self.check()

    def do_release(self, count: int, _other: int) -> None:
        """Hand work back."""
        chosen = self.choose(count)
        answer = self.call("release_work", worker_id=self.worker_id, items=self.leases(chosen))
        assert set(answer["released"]) == {self.held[each]["item"] for each in chosen}
        for run in self.runs.values():
            run.release(self.results[each][1] for each in chosen if self.results[each][0] is run)
        for each in chosen:
            self.lost.append(self.held.pop(each))
            self.expired.discard(each)

    def do_reclaim(self, _count: int, _other: int) -> None:
        """Repeat the last claim, whose reply was lost: the same leases, rendered the same."""
        arguments, work = self.last_call
        kept = [one for one in work if self.held.get(one["result"]) == one]
        if kept:
            assert self.call("claim_work", **arguments)["work"] == kept

    def do_cancel(self, count: int, other: int) -> None:
        """Cancel a run, seldom."""
        if count == 0:
            run_id = sorted(self.runs)[other % len(self.runs)]
            self.call("cancel_run", run_id=run_id)
            self.runs[run_id].cancel()

    def do_time_out(self, count: int, _other: int) -> None:
        """Let every run pass its deadline, seldom."""
        if count == 0:
            self.connection.execute(
                "update private.live_runs set deadline_at = clock_timestamp() - interval '1 s'"
            )
            self.connection.execute("select private.time_out_runs()")
            for run in self.runs.values():
                run.time_out()

    def leases(self, results: Sequence[str]) -> str:
        """Return the leases of held results as the wire wants them."""
        keys = ("item", "attempt", "lease")
        return json.dumps([{key: self.held[each][key] for key in keys} for each in results])

    def check(self) -> None:
        """Check that the database agrees with the model and with itself."""
        rows = fetch(self.connection, "select * from public.test_results")
        by_id = {row["id"]: row for row in rows}
        for row in rows:
            run, item = self.results[row["id"]]
            assert (item, row["status"]) == (item, run.status[item])
            if row["status"] in ("failed", "error", "skipped"):
                assert (row["category"], row["slug"]) == run.reason[item]
            if row["status"] != "pending":
                assert (row["attempt_count"], row["rescue_count"]) == (
                    run.executed[item],
                    run.rescues[item],
                )
            self.check_cause(row, by_id)
        self.check_items(by_id)
        assert fetch(self.connection, "select * from private.check_invariants()") == []
        for row in fetch(self.connection, "select * from public.test_runs"):
            self.check_run(row, [each for each in rows if each["run_id"] == row["id"]])

    def check_cause(self, row: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> None:
        """Check that a skip names a true root cause, and that nothing else names any."""
        run, item = self.results[row["id"]]
        cause = row["cause_result_id"]
        if row["status"] != "skipped":
            assert cause is None or row["slug"] == "unresolved_variable"
            return
        causes = run.causes(item)
        if cause is None:
            # of a name that nobody captures
            assert row["slug"] == "nothing_to_clean"
            assert not all(run.missing(item).values())
        else:
            assert self.results[cause][1] in causes
            assert row["cause_status"] == by_id[cause]["status"]
            assert (row["cause_edge"] == "setup") == (run.why[item] == "setup")

    def check_items(self, by_id: dict[str, dict[str, Any]]) -> None:
        """Items are what is pending; counters are the edges; leases are the model's."""
        items = fetch(self.connection, "select * from private.work_items")
        edges = fetch(self.connection, "select * from private.work_edges")
        ids = {item["id"] for item in items}
        pending = {result for result, row in by_id.items() if row["status"] == "pending"}
        assert sorted(pending) == sorted(each["result_id"] for each in items if each["result_id"])
        # an edge goes with its upstream; what it leads to may have been skipped before
        assert {edge["from_item"] for edge in edges} <= ids
        for each in items:
            assert each["pending_count"] == sum(edge["to_item"] == each["id"] for edge in edges)
            assert (each["state"] == "leased") == (each["lease"] is not None)
            if each["result_id"] is None:
                assert each["pending_count"] > 0
                continue
            run, item = self.results[each["result_id"]]
            assert (each["state"] == "leased") == (item in run.leased)
            assert (each["state"] == "waiting") == (each["pending_count"] > 0)
            if each["state"] == "leased":
                assert each["lease"] == self.held[each["result_id"]]["lease"]

    def check_run(self, row: dict[str, Any], results: list[dict[str, Any]]) -> None:
        """Check that a run's numbers are those of its results, and that its end leaves nothing."""
        run = self.runs[row["id"]]
        statuses = [each["status"] for each in results]
        for status in ("passed", "failed", "error", "skipped", "cancelled"):
            assert row[f"{status}_count"] == statuses.count(status)
        finished = sorted(each["finished_seq"] for each in results if each["finished_seq"])
        assert finished == list(range(1, len(finished) + 1))
        assert row["status"] in run.statuses()
        live = fetch(
            self.connection, "select * from private.live_runs where run_id = %s", row["id"]
        )
        assert len(live) == (run.phase is not None)
        for each in live:
            assert each["phase"] == run.phase
            for phase in ("setup", "main", "teardown"):
                assert each[f"{phase}_open_count"] == len(run.open_items(phase))
        if not live:
            for table in LIVE_TABLES:
                query = f"select 1 as left_over from private.{table} where run_id = %s"  # noqa: S608
                assert fetch(self.connection, query, row["id"]) == []

    def drain(self) -> None:
        """Claim and report until every run is over."""
        for _ in range(200):
            if all(run.phase is None for run in self.runs.values()):
                return
            self.claim(10, 0)
            self.check()
            self.report(list(self.held), free_slots=2)
            self.check()
        pytest.fail("the runs do not come to an end")


def check_run(engine: psycopg.Connection, case: Case) -> None:
    """Check that engine and model agree after every step, to the end."""
    project, selection, run_count, outcomes, steps = case
    try:
        plan = Planner(project, selection).plan()
    except RefusedError:
        assume(False)  # noqa: FBT003
        return
    with engine.transaction(force_rollback=True):
        write_project(engine, project)
        runs = {
            queue_run(engine, selection): Run(project, selection, plan) for _ in range(run_count)
        }
        driver = Driver(engine, project, runs, outcomes)
        driver.check()
        for kind, count, other in steps:
            driver.step(kind, count, other)
            driver.check()
        driver.drain()
        assert all(run.phase is None for run in runs.values())


@given(case=CASES)
@examples(120)
def test_runs_go_as_the_model_says(engine: psycopg.Connection, case: Case) -> None:
    """Verdicts, skips and their causes, phases, counters, leases, the end."""
    check_run(engine, case)
