"""Workers that do as they are told through the worker's functions, and the model of their runs.

Every call is made in the database first, then followed in the model, which says what the answer
should have been. ``Driver.check`` holds all rows of the engine against the model.
"""

import contextlib
import dataclasses
import json
import uuid
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from reference_plan import Item, Project
from reference_project import ENVIRONMENTS, fetch, id_of
from reference_run import VERDICTS, Run
from support_engine import hear_workers

LIVE_TABLES = ("live_runs", "work_items", "work_edges")
UNRENDERABLE = ("unresolved_variable", "upstream_value_missing", "nothing_to_clean")
ABOUT_LEASES = {"report", "delay", "foreign", "expire", "crash", "restart", "release", "renew"}
tally: Counter[str] = Counter()  # what was done in all, for who reads the numbers


@dataclasses.dataclass
class Worker:
    """A worker process.

    held: leases by result id; lost: those that were taken away; told: reports that were accepted;
    unsent: calls of report_work that are still on their way.
    """

    worker_id: str
    person: str | None = None  # the runner account; None for the secret key
    held: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    lost: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    told: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    unsent: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    last_call: tuple[str, dict[str, Any]] | None = None


class Driver:
    """Some workers, and the model of every run beside them."""

    def __init__(
        self,
        connection: psycopg.Connection,
        project: Project,
        runs: dict[str, Run],
        outcomes: Sequence[str],
        crew: Sequence[bool],
    ) -> None:
        """Register the *crew*, of which some are runners', and learn which item is which."""
        self.connection = connection
        self.project = project
        self.runs = runs
        self.outcomes = outcomes
        self.results: dict[str, tuple[Run, Item]] = {
            row["id"]: (runs[row["run_id"]], (row["test_name"], row["row_key"]))
            for row in fetch(connection, "select * from public.test_results")
        }
        self.environments = {
            row["id"]: row["environment_id"]
            for row in fetch(connection, "select id, environment_id from public.test_runs")
        }
        self.order = {
            row["result_id"]: (row["priority"], row["id"])
            for row in fetch(connection, "select * from private.work_items")
            if row["result_id"] is not None
        }
        self.expired: set[str] = set()
        self.verdicts: dict[str, str] = {}  # what a lease comes to, once somebody wrote it down
        self.handed: dict[str, list[dict[str, Any]]] = {}  # by call id
        self.tokens = 0  # of the environment with a rate limit
        self.workers = [self.register(is_runner=is_runner) for is_runner in crew]
        self.ghosts: list[Worker] = []  # processes that were taken for dead
        self.revoked: list[Worker] = []
        self.do_wait(self.workers[0], 0, 0)
        self.check()

    # Calls

    @contextlib.contextmanager
    def acting(self, person: str | None) -> Iterator[None]:
        """Act as a runner account, or with the secret key."""
        role = "authenticated" if person else "service_role"
        claims = {"role": role, **({"sub": person} if person else {})}
        switch = "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)"
        self.connection.execute(switch, (role, json.dumps(claims)))
        yield
        self.connection.execute(switch, ("none", ""))

    def call(self, person: str | None, function: str, **arguments: Any) -> Any:
        """Call one of the worker's functions."""
        named = ", ".join(f"{name} => %({name})s" for name in arguments)
        values = {
            name: json.dumps(value) if isinstance(value, list) else value
            for name, value in arguments.items()
        }
        with self.acting(person):
            row = self.connection.execute(
                f"select to_jsonb(answer) from public.{function}({named}) as answer",  # noqa: S608
                values,
            ).fetchone()
        assert row is not None
        return row[0]

    def register(self, *, is_runner: bool) -> Worker:
        """Start a worker."""
        person = id_of("runner") if is_runner else None
        return Worker(
            self.call(person, "register_worker", name="w", version="1", capacity=10), person
        )

    # What the model says

    def holders(self) -> dict[str, Worker]:
        """Return who holds which result."""
        return {
            result: worker for worker in [*self.workers, *self.ghosts] for result in worker.held
        }

    def follow(self, results: Iterable[str]) -> Iterator[tuple[Run, list[Item]]]:
        """Return *results* as the runs of the model know them."""
        chosen = list(results)
        for run in self.runs.values():
            if items := [self.results[each][1] for each in chosen if self.results[each][0] is run]:
                yield run, items

    def room(self, environment: str) -> int:
        """Return how much an environment takes now."""
        flying = [
            self.environments[run_id]
            for run_id, run in self.runs.items()
            for _ in range(len(run.leased))
        ]
        room = min(
            self.project.max_parallel - flying.count(environment),
            self.project.max_parallel_tests - len(flying),
        )
        if self.is_rationed(environment):
            room = min(room, self.tokens)
        return max(room, 0)

    def is_rationed(self, environment: str) -> bool:
        """Return whether an environment has a rate limit."""
        return self.project.is_rationed and environment == id_of(ENVIRONMENTS[0])

    def expect(self, free_slots: int, prefetch: int) -> list[str]:
        """Return what a claim hands out when there is one run: by priority, then by id."""
        ((run_id, run),) = self.runs.items()
        line = sorted(
            (
                result
                for result, (_, item) in self.results.items()
                if item in run.available() and not run.missing(item)
            ),
            key=self.order.__getitem__,
        )
        room = self.room(self.environments[run_id])
        return [
            result
            for place, result in enumerate(line[: free_slots + prefetch][:room])
            if place < free_slots or run.is_repeatable(self.results[result][1])
        ]

    # Claims

    def claim(self, worker: Worker, free_slots: int, prefetch: int) -> None:
        """Claim, and check what was handed out."""
        arguments = {
            "worker_id": worker.worker_id,
            "call_id": str(uuid.uuid4()),
            "free_slots": free_slots,
            "prefetch": prefetch,
        }
        self.send(worker, "claim_work", arguments)

    def take(self, worker: Worker, answer: dict[str, Any], free_slots: int, prefetch: int) -> None:
        """Accept *answer*: rescues first, then what cannot be rendered, then the leases."""
        work = answer["work"]
        if free_slots + prefetch > 0:
            self.lose(self.expired)
            is_any_refused = self.refuse()
            if len(self.runs) == 1 and not is_any_refused:
                assert [one["result"] for one in work] == self.expect(free_slots, prefetch)
        assert len(work) <= free_slots + prefetch
        for place, one in enumerate(work):
            run, item = self.results[one["result"]]
            environment = self.environments[one["run"]]
            assert self.room(environment) > 0
            run.lease(item)
            self.tokens -= self.is_rationed(environment)
            assert place < free_slots or run.is_repeatable(item)
            assert one["attempt"] == run.leases[item]
            assert one["request"]["url"].startswith(f"http://target.test/{item[0]}")
            assert one["result"] not in self.holders()
            worker.held[one["result"]] = one
        if not work:
            self.check_idle(answer["retry_ms"], is_asking=free_slots > 0)
            if free_slots:
                assert not any(
                    run.available() and self.room(self.environments[run_id])
                    for run_id, run in self.runs.items()
                )

    def check_idle(self, retry_ms: int | None, *, is_asking: bool) -> None:
        """Check that whoever got nothing is told whether to come again."""
        is_any_waiting = any(
            run.available() or (run.delayed and not run.is_paused) for run in self.runs.values()
        )
        assert (retry_ms is not None) == (is_asking and is_any_waiting)

    def refuse(self) -> bool:
        """Follow what a claim ended because it could not be rendered; whether there was any."""
        rows = fetch(
            self.connection,
            "select * from public.test_results where slug = any(%s)",
            list(UNRENDERABLE),
        )
        todo = [row for row in rows if self.status_of(row["id"]) == "pending"]
        is_any = bool(todo)
        while todo:
            done = []
            for row in todo:
                run, item = self.results[row["id"]]
                if item in run.available():
                    run.refuse(item, row["status"], row["slug"])
                    self.tokens -= self.is_rationed(self.environments[row["run_id"]])
                    done.append(row)
            assert done, todo
            todo = [row for row in todo if row not in done]
        return is_any

    def status_of(self, result: str) -> str:
        """Return what the model says of a result."""
        run, item = self.results[result]
        return run.status[item]

    def lose(self, results: Iterable[str]) -> None:
        """Follow what becomes of leases that were taken away."""
        chosen = list(results)
        for run, items in self.follow(chosen):
            run.lose(items)
        self.forget(chosen)

    def forget(self, results: Iterable[str]) -> None:
        """Count leases among those of the past."""
        holders = self.holders()
        for result in list(results):
            worker = holders[result]
            worker.lost.append(worker.held.pop(result))
            self.expired.discard(result)

    # Reports

    def choose(self, worker: Worker, count: int) -> list[dict[str, Any]]:
        """Return *count* leases of *worker*, in an order that has no meaning."""
        line = sorted(
            worker.held, key=lambda each: zlib.crc32(repr(self.results[each][1]).encode())
        )
        return [worker.held[result] for result in line[:count]]

    def write_report(self, work: dict[str, Any]) -> dict[str, Any]:
        """Return what a worker says of the request that it made; the same when asked again."""
        run, item = self.results[work["result"]]
        number = zlib.crc32(repr(item).encode()) + 3 * run.executed[item]
        name = self.verdicts.setdefault(work["lease"], self.outcomes[number % len(self.outcomes)])
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
        return report

    def write_call(
        self, worker: Worker, reports: list[dict[str, Any]], free_slots: int
    ) -> dict[str, Any]:
        """Return the arguments of a call of report_work."""
        return {
            "worker_id": worker.worker_id,
            "call_id": str(uuid.uuid4()),
            "reports": reports,
            "free_slots": free_slots,
            "prefetch": 0,
        }

    def report(
        self,
        worker: Worker,
        count: int,
        extra: Sequence[dict[str, Any]] = (),
        free_slots: int = 0,
    ) -> None:
        """Report on *count* leases, with *extra* reports in the same batch, and claim again."""
        reports = [self.write_report(work) for work in self.choose(worker, count)]
        arguments = self.write_call(worker, [*reports, *extra], free_slots)
        self.send(worker, "report_work", arguments)

    def is_current(self, worker: Worker, report: dict[str, Any]) -> bool:
        """Return whether a report of *worker* counts."""
        held = worker.held.get(report["result"])
        return held is not None and all(held[key] == report[key] for key in ("lease", "attempt"))

    def send(self, worker: Worker, function: str, arguments: dict[str, Any]) -> None:
        """Make a call of claim_work or report_work, the first time or again."""
        reports = arguments.get("reports", [])
        counting = {each["result"]: each for each in reports if self.is_current(worker, each)}
        kept = [
            work
            for work in self.handed.get(arguments["call_id"], [])
            if worker.held.get(work["result"]) == work and work["result"] not in counting
        ]
        answer = self.call(worker.person, function, **arguments)
        if function == "report_work":
            self.check_answer(worker, answer, reports, counting)
            self.judge(worker, counting)
        free_slots, prefetch = arguments["free_slots"], arguments["prefetch"]
        if kept and free_slots + prefetch > 0:
            # the reply to this very call was lost: the same leases, rendered the same
            assert answer["work"] == kept
        else:
            self.take(worker, answer, free_slots, prefetch)
            self.handed[arguments["call_id"]] = answer["work"]
        worker.last_call = (function, arguments)

    def judge(self, worker: Worker, counting: dict[str, dict[str, Any]]) -> None:
        """Follow what reports set in motion."""
        names = {
            self.results[result]: self.verdicts[report["lease"]]
            for result, report in counting.items()
        }
        for run, items in self.follow(counting):
            run.report((item, names[run, item]) for item in items)
        for result, report in counting.items():
            worker.told.append(report)
            self.expired.discard(result)
            del worker.held[result]

    def check_answer(
        self,
        worker: Worker,
        answer: dict[str, Any],
        reports: list[dict[str, Any]],
        counting: dict[str, dict[str, Any]],
    ) -> None:
        """Check that each report is accepted, unreportable or stale as it should be."""
        held = {each["item"] for each in counting.values()}
        broken = {
            each["item"] for each in counting.values() if self.verdicts[each["lease"]] == "broken"
        }
        cancelled = {
            each["item"]
            for each in counting.values()
            for run, item in [self.results[each["result"]]]
            if (run.is_cancelled or run.is_timed_out) and run.test(item).phase != "teardown"
        }
        replayed = {each["item"] for each in reports if each in worker.told} - held
        assert set(answer["accepted"]) == held - broken | replayed
        assert set(answer["unreportable"]) == broken
        assert set(answer["stale"]) == {each["item"] for each in reports} - held - replayed
        assert set(answer["cancelled"]) == cancelled

    # Steps: each takes the worker that is to act, and two small numbers

    def step(self, kind: str, who: int, count: int, other: int) -> None:
        """Do one thing."""
        tally["steps"] += 1
        tally[kind] += 1
        crew = self.workers
        if kind in ABOUT_LEASES:
            crew = [worker for worker in crew if worker.held] or crew
        getattr(self, f"do_{kind}")(crew[who % len(crew)], count, other)
        self.check()

    def do_claim(self, worker: Worker, count: int, other: int) -> None:
        """Claim for *count* free slots, and *other* ahead."""
        self.claim(worker, count, other)

    def do_report(self, worker: Worker, count: int, other: int) -> None:
        """Report on *count* results, one of them twice, and claim *other*."""
        twice = [self.write_report(work) for work in self.choose(worker, min(count, 1))]
        self.report(worker, count, twice, free_slots=other)

    def do_delay(self, worker: Worker, count: int, other: int) -> None:
        """Report on *count* results, but the call takes its time."""
        reports = [self.write_report(work) for work in self.choose(worker, count)]
        worker.unsent.append(self.write_call(worker, reports, other))

    def do_arrive(self, worker: Worker, count: int, other: int) -> None:
        """Let a call arrive that was under way, maybe before an earlier one, maybe not for good."""
        if worker.unsent:
            index = count % len(worker.unsent)
            self.send(worker, "report_work", worker.unsent[index])
            if other:
                del worker.unsent[index]

    def do_repeat(self, worker: Worker, _count: int, _other: int) -> None:
        """Repeat the last call, whose reply was lost."""
        if worker.last_call:
            self.send(worker, *worker.last_call)

    def do_replay(self, worker: Worker, count: int, other: int) -> None:
        """Report *other* results, and once more what was reported before."""
        self.report(worker, other, worker.told[-count:] if count else [])

    def do_stale(self, worker: Worker, count: int, other: int) -> None:
        """Report *other* results, and under leases that were taken away."""
        self.report(worker, other, [self.write_report(work) for work in worker.lost[-count - 1 :]])

    def do_haunt(self, _worker: Worker, count: int, other: int) -> None:
        """Let a process that was taken for dead report what it still holds, or held, and claim."""
        if self.ghosts:
            ghost = self.ghosts[other % len(self.ghosts)]
            late = [self.write_report(work) for work in ghost.lost[-count - 1 :]]
            self.report(ghost, count, late)

    def do_foreign(self, worker: Worker, count: int, other: int) -> None:
        """Report under leases that never were, of attempts to come, or that others hold."""
        reports = [self.write_report(work) for work in self.choose(worker, count + 1)]
        foreign = [{**each, "lease": str(uuid.uuid4())} for each in reports]
        ahead = [{**each, "attempt": each["attempt"] + 1} for each in reports[:other]]
        theirs = [
            self.write_report(work)
            for colleague in self.workers
            if colleague is not worker
            for work in self.choose(colleague, other)
        ]
        told = [report for colleague in self.workers for report in colleague.told[-count:]]
        self.report(worker, 0, [*foreign, *ahead, *theirs, *told])

    def do_renew(self, worker: Worker, count: int, _other: int) -> None:
        """Hold leases for longer, expired ones too as long as nobody took them."""
        chosen = self.choose(worker, count)
        items = [*chosen, *worker.lost[-1:]]
        answer = self.call(
            worker.person, "renew_work", worker_id=worker.worker_id, items=leases(items)
        )
        assert set(answer["lost"]) == {work["item"] for work in worker.lost[-1:]} - {
            work["item"] for work in chosen
        }
        self.expired -= {work["result"] for work in chosen}

    def do_expire(self, worker: Worker, count: int, _other: int) -> None:
        """Let leases run out, unseen until somebody looks."""
        chosen = [work["result"] for work in self.choose(worker, count)]
        self.connection.execute(
            """
            update private.work_items set lease_until = clock_timestamp() - interval '1 s'
            where result_id = any(%s::uuid[])
            """,
            [chosen],
        )
        hear_workers(self.connection)
        self.expired |= set(chosen)

    def do_rescue(self, _worker: Worker, _count: int, _other: int) -> None:
        """Take back what ran out, as the job does."""
        self.connection.execute("select private.rescue_expired()")
        self.lose(self.expired)

    def do_crash(self, worker: Worker, count: int, other: int) -> None:
        """Lose all that is held, again and again."""
        for _ in range(count):
            self.do_expire(worker, len(worker.held), 0)
            self.claim(worker, other + 1, 0)
            self.check()

    def do_restart(self, worker: Worker, _count: int, _other: int) -> None:
        """Take a worker for dead: another process takes its place."""
        if worker.person is None:
            self.do_expire(worker, len(worker.held), 0)
            self.ghosts.append(worker)
            self.workers[self.workers.index(worker)] = self.register(is_runner=False)

    def do_revoke(self, worker: Worker, _count: int, _other: int) -> None:
        """Revoke a runner: its leases end at once, and its calls are refused."""
        if worker.person is None:
            return
        organization = id_of("organization")
        self.connection.execute(
            "select public.revoke_runner(%s, %s)", [organization, worker.person]
        )
        self.lose(worker.held)
        with pytest.raises(psycopg.Error) as refusal, self.connection.transaction():
            self.claim(worker, 1, 0)
        assert refusal.value.diag.message_detail == "worker_revoked"
        self.revoked.append(worker)
        self.connection.execute(
            "insert into public.organization_members (organization_id, user_id, role)"
            " values (%s, %s, 'runner')",
            [organization, worker.person],
        )
        self.workers[self.workers.index(worker)] = self.register(is_runner=True)

    def do_release(self, worker: Worker, count: int, _other: int) -> None:
        """Hand work back, and what is not ours any more."""
        chosen = self.choose(worker, count)
        items = leases([*chosen, *worker.lost[-1:]])
        answer = self.call(worker.person, "release_work", worker_id=worker.worker_id, items=items)
        assert set(answer["released"]) == {work["item"] for work in chosen}
        results = [work["result"] for work in chosen]
        for run, released in self.follow(results):
            run.release(released)
        self.forget(results)

    def do_cancel(self, _worker: Worker, count: int, other: int) -> None:
        """Cancel a run, seldom."""
        if count == 0:
            run_id = sorted(self.runs)[other % len(self.runs)]
            self.connection.execute("select public.cancel_run(%s)", [run_id])
            self.runs[run_id].cancel()

    def do_time_out(self, _worker: Worker, count: int, other: int) -> None:
        """Let a run pass its deadline, seldom; not while its clock stands still."""
        if count == 0 and not self.runs[min(self.runs)].is_paused:
            run_id = sorted(self.runs)[other % len(self.runs)]
            self.connection.execute(
                """
                update private.live_runs set deadline_at = clock_timestamp() - interval '1 s'
                where run_id = %s
                """,
                [run_id],
            )
            self.connection.execute("select private.time_out_runs()")
            self.runs[run_id].time_out()

    def do_pause(self, _worker: Worker, count: int, _other: int) -> None:
        """Pause the project, seldom, or let it go on."""
        is_paused = any(run.is_paused for run in self.runs.values())
        if is_paused or count == 0:
            function = "resume_project" if is_paused else "pause_project"
            self.connection.execute(f"select public.{function}(%s)", [id_of("project")])
            for run in self.runs.values():
                run.is_paused = not is_paused

    def do_wait(self, _worker: Worker, _count: int, _other: int) -> None:
        """Let time pass: retries are due, and a rate limit allows another request."""
        self.connection.execute(
            """
            update private.work_items set available_at = '-infinity'
            where available_at > clock_timestamp()
            """
        )
        self.connection.execute("update private.environment_gates set tokens = 1 where true")
        self.tokens = 1
        for run in self.runs.values():
            run.delayed.clear()

    def drain(self) -> None:
        """Claim and report until every run is over."""
        if any(run.is_paused for run in self.runs.values()):
            self.do_pause(self.workers[0], 0, 0)
        for _ in range(400):
            if all(run.phase is None for run in self.runs.values()):
                return
            for worker in self.workers:
                self.claim(worker, 10, 0)
                self.report(worker, len(worker.held), free_slots=2)
            self.check()
            self.do_wait(self.workers[0], 0, 0)
        pytest.fail("the runs do not come to an end")

    # The database against the model

    def check(self) -> None:
        """Check that the database agrees with the model and with itself."""
        tally["checks"] += 1
        rows = fetch(self.connection, "select * from public.test_results")
        by_id = {row["id"]: row for row in rows}
        for row in rows:
            run, item = self.results[row["id"]]
            assert (item, row["status"]) == (item, run.status[item])
            if row["status"] != "pending":
                assert (row["category"], row["slug"]) == run.reason[item]
                assert (row["attempt_count"], row["rescue_count"]) == (
                    run.executed[item],
                    run.rescues[item],
                )
            self.check_cause(row, by_id)
        self.check_items(by_id)
        self.check_evidence()
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
        held = {
            result: (worker.worker_id, worker.held[result]["lease"])
            for result, worker in self.holders().items()
        }
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
            assert (each["executed_count"], each["rescue_count"]) == (
                run.executed[item],
                run.rescues[item],
            )
            if each["state"] == "leased":
                assert (each["worker_id"], each["lease"]) == held[each["result_id"]]

    def check_evidence(self) -> None:
        """Every report that counted is kept once, under its lease, and none that did not."""
        kept = fetch(
            self.connection,
            "select result_id, lease from public.test_result_details where outcome <> 'stale'",
        )
        told = [
            (report["result"], report["lease"])
            for worker in [*self.workers, *self.ghosts, *self.revoked]
            for report in worker.told
        ]
        assert sorted((row["result_id"], row["lease"]) for row in kept) == sorted(told)

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


def leases(work: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return leases as renew_work and release_work want them."""
    return [{key: one[key] for key in ("item", "attempt", "lease")} for one in work]
