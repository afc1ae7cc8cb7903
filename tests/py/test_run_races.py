"""Two sessions on one run, in a forced order: one waits for the other, and nothing counts twice.

Each race is stepped by hand: the first call's transaction is open while the second call is made.
``overlap`` sees the second wait for the first, ``beside`` sees it pass by.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from conftest import TEMPLATE, Database, fresh_database
from support_engine import Engine, as_sql, hear_workers
from support_wait import wait_until

from worker.embedded.postgres import Cluster

Call = Callable[[psycopg.Connection], Any]
Held = tuple[str, Mapping[str, Any]]  # a worker, and an item that it has a lease of


def ask(sql: str, *values: Any) -> Call:
    """Return the call that asks *sql* for one value in whatever session it is made."""

    def make(session: psycopg.Connection) -> Any:
        row = session.execute(sql, tuple(map(as_sql, values))).fetchone()
        return row and row[0]

    return make


class Stage:
    """A project, workers, and the two sessions of a race."""

    def __init__(self, database: Database, owner: psycopg.Connection) -> None:
        """Set it up through the *owner* of the database."""
        self.database = database
        self.engine = Engine(owner)

    def register(self) -> str:
        """Return a new worker."""
        return self.engine.value("select public.register_worker('w', '1', 100)")

    def take(self, worker: str, free_slots: int = 100) -> dict[str, Held]:
        """Let *worker* claim; returns what it got by the name of the test."""
        work = self.claim(worker, free_slots)(self.engine.connection)["work"]
        return {name_of(item): (worker, item) for item in work}

    @staticmethod
    def claim(worker: str, free_slots: int = 100, call_id: str | None = None) -> Call:
        """Return a call of claim_work."""
        call_id = call_id or str(uuid.uuid4())
        return ask("select public.claim_work(%s, %s, %s)", worker, call_id, free_slots)

    def report(self, *held: Held, free_slots: int = 0, **report: Any) -> Call:
        """Return a call of report_work by the worker that holds them."""
        return ask(
            "select public.report_work(%s, %s, %s, %s)",
            held[0][0],
            str(uuid.uuid4()),
            [self.engine.say(item, **report) for _, item in held],
            free_slots,
        )

    @staticmethod
    def about(function: str, held: Held) -> Call:
        """Return a call of renew_work or release_work."""
        worker, item = held
        lease = {name: item[name] for name in ("item", "attempt", "lease")}
        return ask(f"select public.{function}(%s, %s)", worker, [lease])

    @staticmethod
    def cancel(run: str) -> Call:
        """Return a call of cancel_run, which answers with the status of the run."""
        return ask("select status from public.cancel_run(%s)", run)

    def pause(self) -> Call:
        """Return a call of pause_project."""
        return ask("select paused_at from public.pause_project(%s)", self.engine.project)

    def resume(self) -> Call:
        """Return a call of resume_project."""
        return ask("select paused_at from public.resume_project(%s)", self.engine.project)

    def queue(self, *tests: Mapping[str, Any]) -> Call:
        """Save tests; returns the call that queues a run of them."""
        call = self.engine.queueing(*tests)
        return ask(call.sql.replace("select", "select id from", 1), *call.values)

    def overlap(self, first: Call, second: Call, *, is_undone: bool = False) -> tuple[Any, Any]:
        """Make both: *second* waits until the transaction of *first* is over, or undone."""
        with (
            ThreadPoolExecutor(1) as pool,
            psycopg.connect(self.database.dsn("postgres")) as one,
            psycopg.connect(self.database.dsn("postgres")) as other,
        ):
            answer = first(one)
            later = pool.submit(second, other)
            wait_until(lambda: later.done() or self.is_waiting(other))
            assert not later.done(), later.result()
            if is_undone:
                one.rollback()
            else:
                one.commit()
            return answer, later.result()

    def beside(self, first: Call, second: Call) -> tuple[Any, Any]:
        """Make both: *second* is over before the transaction of *first* is."""
        with (
            psycopg.connect(self.database.dsn("postgres")) as one,
            psycopg.connect(self.database.dsn("postgres")) as other,
        ):
            answer = first(one)
            other.execute("set lock_timeout = '30s'")
            result = second(other)
            other.commit()
            return answer, result

    @contextlib.contextmanager
    def halting(self, function: str) -> Iterator[psycopg.Connection]:
        """Let calls of a PL/pgSQL *function* wait until the session that is yielded is over."""
        owner, lock = self.engine.connection, "pg_advisory_xact_lock"
        source = self.engine.value("select pg_get_functiondef(%s::regprocedure)", function)
        owner.execute(source.replace("begin", f"begin perform {lock}_shared(1);", 1))
        try:
            with psycopg.connect(self.database.dsn("postgres")) as holder:
                holder.execute(f"select {lock}(1)")
                yield holder
        finally:
            owner.execute(source)

    def is_waiting(self, session: psycopg.Connection) -> bool:
        """Tell whether *session* waits for what another has locked."""
        return self.engine.value(
            "select cardinality(pg_blocking_pids(%s)) > 0", session.info.backend_pid
        )

    def expire(self, *held: Held) -> None:
        """Let leases run out."""
        self.engine.connection.execute(
            "update private.work_items set lease_until = now() - interval '1 s' where id = any(%s)",
            ([item["item"] for _, item in held],),
        )
        hear_workers(self.engine.connection)

    def pass_deadline(self) -> None:
        """Let every run be past its deadline."""
        self.engine.connection.execute(
            "update private.live_runs set deadline_at = now() - interval '1 s'"
        )

    def states(self, run: str) -> dict[str, str]:
        """Return for each test of *run* the state of its item, or else its verdict."""
        rows = self.engine.connection.execute(
            "select results.test_name, coalesce(items.state, results.status)"
            " from public.test_results as results"
            " left join private.work_items as items on items.result_id = results.id"
            " where results.run_id = %s",
            (run,),
        ).fetchall()
        return dict(rows)

    def status(self, run: str) -> str:
        """Return the status of *run*."""
        return self.engine.value("select status from public.test_runs where id = %s", run)

    def column(self, run: str, test: str, name: str) -> Any:
        """Return one column of the result of *test*."""
        return self.engine.value(
            f"select {name} from public.test_results where run_id = %s and test_name = %s",  # noqa: S608
            run,
            test,
        )

    def events(self, run: str) -> list[str]:
        """Return what was broadcast to those who watch *run*."""
        with self.database.connect() as superuser:
            rows = superuser.execute(
                "select event from realtime.messages where topic = %s", (f"run:{run}",)
            ).fetchall()
        return [row[0] for row in rows]

    def evidence(self, run: str) -> list[str]:
        """Return the outcomes of the attempts that were kept."""
        rows = self.engine.connection.execute(
            "select outcome from public.test_result_details where run_id = %s order by 1", (run,)
        ).fetchall()
        return [row[0] for row in rows]


RESCUE = ask("select private.rescue_expired()")
SWEEP = ask("select private.time_out_runs()")
BAD = {"response": {"status": 500, "headers": [], "body": ""}}


def case(name: str, *upstream: str, kind: str = "order", **more: Any) -> dict[str, Any]:
    """Return the document of a test that waits for others."""
    follows = [{"test": each, "kind": kind} for each in upstream]
    answers = {"source": "status", "operator": "equals", "expected": 200}
    return {
        "name": name,
        "request": {"path": f"/{name}"},
        "depends_on": follows,
        "assertions": [answers],
        **more,
    }


def post(name: str) -> dict[str, Any]:
    """Return the document of a test that may not be repeated."""
    return case(name, request={"path": f"/{name}", "method": "POST"})


def name_of(item: Mapping[str, Any]) -> str:
    """Return which test an item is about."""
    return item["request"]["url"].rpartition("/")[2]


def names(reply: Mapping[str, Any]) -> set[str]:
    """Return which tests a reply hands out."""
    return {name_of(item) for item in reply["work"]}


def ids(*held: Held) -> list[int]:
    """Return the items as replies name them."""
    return [item["item"] for _, item in held]


@pytest.fixture(scope="module")
def theatre(platform_server: Cluster) -> Iterator[Database]:
    """Yield one database for all races."""
    for database in fresh_database(platform_server, TEMPLATE):
        with database.connect() as superuser:
            # where broadcasts land: hosted Realtime makes a partition a day
            superuser.execute(
                "create table realtime.messages_of_races partition of realtime.messages default"
            )
        yield database


@pytest.fixture
def stage(theatre: Database) -> Iterator[Stage]:
    """Yield the stage; when the race is over, the engine's rows must agree."""
    with theatre.connect("postgres") as owner:
        stage = Stage(theatre, owner)
        yield stage
        broken = stage.engine.contradictions()
        owner.execute(
            "delete from public.organizations where id = %s", (stage.engine.organization,)
        )
    assert broken == []


both_orders = pytest.mark.parametrize("is_swapped", [False, True], ids=["one", "other"])


@both_orders
def test_two_last_reports_end_the_run_once(stage: Stage, *, is_swapped: bool) -> None:
    """Whichever is first: the second sees its count, ends the run, and tells who watches."""
    run = stage.engine.queue(case("a"), case("b"))
    a, b = [*stage.take(stage.register(), 1).values(), *stage.take(stage.register(), 1).values()]
    first, second = (b, a) if is_swapped else (a, b)

    replies = stage.overlap(stage.report(first), stage.report(second, **BAD))

    assert [reply["accepted"] for reply in replies] == [ids(first), ids(second)]
    assert stage.status(run) == "failed"
    assert stage.events(run).count("run_finished") == 1


def test_the_last_report_but_one_is_undone(stage: Stage) -> None:
    """The report that waited for it does not end the run; the repeated one does."""
    run = stage.engine.queue(case("a"), case("b"))
    a, b = [*stage.take(stage.register(), 1).values(), *stage.take(stage.register(), 1).values()]

    stage.overlap(stage.report(a), stage.report(b), is_undone=True)

    assert stage.states(run) == {"a": "leased", "b": "passed"}
    stage.report(a)(stage.engine.connection)
    assert stage.status(run) == "passed"


def test_two_reports_release_what_waits_for_both_once(stage: Stage) -> None:
    """Neither lowers a counter that it read before the other did."""
    run = stage.engine.queue(case("a"), case("b"), case("join", "a", "b"))
    a, b = [*stage.take(stage.register(), 1).values(), *stage.take(stage.register(), 1).values()]

    stage.overlap(stage.report(a), stage.report(b))

    assert stage.states(run) == {"a": "passed", "b": "passed", "join": "ready"}


def test_two_failures_skip_what_needs_both_once(stage: Stage) -> None:
    """The one that was judged first is the cause."""
    run = stage.engine.queue(case("a"), case("b"), case("join", "a", "b", kind="data"))
    a, b = [*stage.take(stage.register(), 1).values(), *stage.take(stage.register(), 1).values()]

    stage.overlap(stage.report(b, **BAD), stage.report(a, **BAD))

    assert stage.status(run) == "failed"
    assert stage.column(run, "join", "cause_result_id") == uuid.UUID(b[1]["result"])


def test_a_claim_passes_by_a_run_that_is_reported_on(stage: Stage) -> None:
    """It asks to come again soon, and then gets what the report released."""
    stage.engine.queue(case("a"), case("b", "a"), case("c"))
    held, worker = stage.take(stage.register(), 1), stage.register()

    _, reply = stage.beside(stage.report(held["a"]), stage.claim(worker))

    assert (reply["work"], reply["retry_ms"]) == ([], 50)
    assert stage.take(worker).keys() == {"b", "c"}


def test_a_report_waits_for_a_claim_and_takes_what_it_left(stage: Stage) -> None:
    """What the report releases goes to the worker that reports."""
    run = stage.engine.queue(case("a"), case("b", "a"), case("c"))
    held = stage.take(stage.register(), 1)

    claimed, reported = stage.overlap(
        stage.claim(stage.register(), 1), stage.report(held["a"], free_slots=10)
    )

    assert (names(claimed), names(reported)) == ({"c"}, {"b"})
    assert stage.states(run) == {"a": "passed", "b": "leased", "c": "leased"}


def test_two_claims_hand_nothing_out_twice(stage: Stage) -> None:
    """The second passes by the whole run, and gets the rest when it comes again."""
    stage.engine.queue(case("a"), case("b"))
    worker = stage.register()

    claimed, reply = stage.beside(stage.claim(stage.register(), 1), stage.claim(worker))

    assert (names(claimed), reply["work"], reply["retry_ms"]) == ({"a"}, [], 50)
    assert stage.take(worker).keys() == {"b"}


def test_a_claim_serves_another_run_meanwhile(stage: Stage) -> None:
    """One run that is busy holds no other up."""
    stage.engine.queue(case("a"), case("b"))
    held = stage.take(stage.register(), 1)
    stage.engine.queue(case("c"))

    _, reply = stage.beside(stage.report(held["a"]), stage.claim(stage.register()))

    assert names(reply) == {"c"}


@both_orders
def test_cancelling_and_the_last_report(stage: Stage, *, is_swapped: bool) -> None:
    """Whichever is first decides: the run is cancelled, or it passed and stays so."""
    run = stage.engine.queue(case("a"))
    held = stage.take(stage.register())["a"]
    calls = [stage.cancel(run), stage.report(held)]

    if is_swapped:
        reported, status = stage.overlap(calls[1], calls[0])
    else:
        _, reported = stage.overlap(*calls)
        status = stage.status(run)

    assert reported["accepted"] == ids(held)
    assert reported["cancelled"] == ([] if is_swapped else ids(held))
    assert status == ("passed" if is_swapped else "cancelled")
    assert stage.states(run) == {"a": status}


@both_orders
def test_cancelling_in_teardown(stage: Stage, *, is_swapped: bool) -> None:
    """Nothing is given up: what is under way counts, and what is left is still handed out."""
    run = stage.engine.queue(
        case("a"), case("clean", phase="teardown"), case("sweep", phase="teardown")
    )
    worker = stage.register()
    stage.report(stage.take(worker)["a"])(stage.engine.connection)
    held = stage.take(worker, 1)["clean"]
    calls = [stage.cancel(run), stage.report(held, free_slots=1)]

    answers = stage.overlap(*(reversed(calls) if is_swapped else calls))

    status, reported = reversed(answers) if is_swapped else answers
    assert (status, reported["cancelled"], names(reported)) == ("finishing", [], {"sweep"})
    (item,) = reported["work"]
    stage.report((worker, item))(stage.engine.connection)
    assert stage.states(run) == {"a": "passed", "clean": "passed", "sweep": "passed"}
    assert stage.status(run) == "cancelled"


@both_orders
def test_cancelling_and_the_last_report_of_teardown(stage: Stage, *, is_swapped: bool) -> None:
    """A run that is over when it is cancelled stays as it is."""
    run = stage.engine.queue(case("a"), case("clean", phase="teardown"))
    worker = stage.register()
    stage.report(stage.take(worker)["a"])(stage.engine.connection)
    calls = [stage.cancel(run), stage.report(stage.take(worker)["clean"])]

    stage.overlap(*(reversed(calls) if is_swapped else calls))

    assert stage.states(run) == {"a": "passed", "clean": "passed"}
    assert stage.status(run) == ("passed" if is_swapped else "cancelled")


def test_cancelling_waits_for_a_claim(stage: Stage) -> None:
    """What was handed out ends with its report, the rest at once."""
    run = stage.engine.queue(case("a"), case("b"))
    worker = stage.register()

    claimed, _ = stage.overlap(stage.claim(worker, 1), stage.cancel(run))

    assert stage.states(run) == {"a": "leased", "b": "cancelled"}
    reply = stage.report((worker, claimed["work"][0]))(stage.engine.connection)
    assert reply["cancelled"] == reply["accepted"]
    assert stage.status(run) == "cancelled"


def test_a_claim_passes_by_a_run_that_is_being_cancelled(stage: Stage) -> None:
    """Nothing of it is handed out, then or later."""
    run = stage.engine.queue(case("a"))
    worker = stage.register()

    _, reply = stage.beside(stage.cancel(run), stage.claim(worker))

    assert (reply["work"], stage.take(worker), stage.status(run)) == ([], {}, "cancelled")


@both_orders
def test_cancelling_and_handing_back(stage: Stage, *, is_swapped: bool) -> None:
    """What is handed back ends with the run, whichever came first."""
    run = stage.engine.queue(case("a"))
    held = stage.take(stage.register())["a"]
    calls = [stage.cancel(run), stage.about("release_work", held)]

    stage.overlap(*(reversed(calls) if is_swapped else calls))

    assert (stage.states(run), stage.status(run)) == ({"a": "cancelled"}, "cancelled")


@pytest.mark.parametrize("is_safe", [True, False], ids=["repeatable", "lost"])
def test_a_report_that_came_after_the_rescue(stage: Stage, *, is_safe: bool) -> None:
    """It waits, is stale, and is kept; the verdict is that of the next attempt, or `lost`."""
    run = stage.engine.queue(case("a") if is_safe else post("a"))
    held = stage.take(stage.register())["a"]
    stage.expire(held)

    _, reply = stage.overlap(RESCUE, stage.report(held))

    assert (reply["accepted"], reply["stale"]) == ([], ids(held))
    assert stage.evidence(run) == ["stale"]
    if is_safe:
        stage.report(stage.take(stage.register())["a"])(stage.engine.connection)
    assert stage.column(run, "a", "slug") == (None if is_safe else "lost")
    assert stage.column(run, "a", "rescue_count") == int(is_safe)
    assert stage.status(run) == ("passed" if is_safe else "error")


@pytest.mark.parametrize("is_claim", [True, False], ids=["claim", "cron"])
def test_a_report_that_came_before_the_rescue(stage: Stage, *, is_claim: bool) -> None:
    """Expiry alone takes nothing away: it counts, and the rescue passes by."""
    run = stage.engine.queue(post("a"))
    held = stage.take(stage.register())["a"]
    stage.expire(held)

    reply, _ = stage.beside(
        stage.report(held), stage.claim(stage.register()) if is_claim else RESCUE
    )

    assert reply["accepted"] == ids(held)
    assert (stage.status(run), stage.evidence(run)) == ("passed", ["passed"])


def test_a_rescue_passes_by_a_run_that_is_reported_on(stage: Stage) -> None:
    """What ran out there is taken back the next time."""
    run = stage.engine.queue(post("a"), post("b"))
    held, lost = stage.take(stage.register(), 1)["a"], stage.take(stage.register(), 1)["b"]
    stage.expire(lost)

    stage.beside(stage.report(held), RESCUE)

    assert stage.states(run) == {"a": "passed", "b": "leased"}
    RESCUE(stage.engine.connection)
    assert stage.states(run) == {"a": "passed", "b": "error"}


def test_two_rescues_count_once(stage: Stage) -> None:
    """The second passes by the run that the first holds."""
    stage.engine.queue(case("a"))
    stage.expire(stage.take(stage.register())["a"])

    stage.beside(RESCUE, RESCUE)

    assert stage.engine.value("select rescue_count from private.work_items") == 1


def test_a_renewal_that_came_before_the_rescue(stage: Stage) -> None:
    """The lease goes on; the rescue does not wait to see it."""
    run = stage.engine.queue(post("a"))
    held = stage.take(stage.register())["a"]
    stage.expire(held)

    reply, _ = stage.beside(stage.about("renew_work", held), RESCUE)

    assert (reply["lost"], stage.states(run)) == ([], {"a": "leased"})


def test_a_renewal_that_came_after_the_rescue(stage: Stage) -> None:
    """The worker is told to drop it."""
    run = stage.engine.queue(case("a"))
    held = stage.take(stage.register())["a"]
    stage.expire(held)

    _, reply = stage.overlap(RESCUE, stage.about("renew_work", held))

    assert (reply["lost"], stage.states(run)) == (ids(held), {"a": "ready"})


def test_a_report_that_came_before_the_time_out(stage: Stage) -> None:
    """The sweep passes by the run, and stops what is left of it the next time."""
    run = stage.engine.queue(case("a"), case("b", "a"))
    held = stage.take(stage.register())["a"]
    stage.pass_deadline()

    stage.beside(stage.report(held), SWEEP)

    assert stage.states(run) == {"a": "passed", "b": "ready"}
    SWEEP(stage.engine.connection)
    assert stage.states(run) == {"a": "passed", "b": "cancelled"}
    assert stage.status(run) == "timed_out"


def test_a_report_that_came_after_the_time_out(stage: Stage) -> None:
    """It is accepted, told that it was too late, and ends the run."""
    run = stage.engine.queue(case("a"), case("b", "a"))
    held = stage.take(stage.register())["a"]
    stage.pass_deadline()

    _, reply = stage.overlap(SWEEP, stage.report(held))

    assert (reply["accepted"], reply["cancelled"]) == (ids(held), ids(held))
    assert stage.column(run, "a", "slug") == "run_timed_out"
    assert stage.status(run) == "timed_out"


@both_orders
def test_reports_on_two_runs_in_opposite_orders(stage: Stage, *, is_swapped: bool) -> None:
    """Runs are locked in order of id, whatever order the reports are in: nobody waits in a circle.

    A third session holds the run of the higher id until both reports wait.
    """
    held: list[list[Held]] = [[], []]
    workers = [stage.register(), stage.register()]
    runs = []
    for _ in workers:
        runs.append(stage.engine.queue(case("a"), case("b")))
        for own, worker in zip(held, workers, strict=True):
            own.extend(stage.take(worker, 1).values())
    for own in held:
        own.sort(key=lambda each: each[1]["run"])
    up, down = stage.report(*held[0]), stage.report(*reversed(held[1]))
    calls = [down, up] if is_swapped else [up, down]

    with (
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(stage.database.dsn("postgres")) as holder,
        psycopg.connect(stage.database.dsn("postgres"), autocommit=True) as one,
        psycopg.connect(stage.database.dsn("postgres"), autocommit=True) as other,
    ):
        holder.execute("select from private.live_runs where run_id = %s for update", (max(runs),))
        first = pool.submit(calls[0], one)
        wait_until(lambda: first.done() or stage.is_waiting(one))
        second = pool.submit(calls[1], other)
        wait_until(lambda: second.done() or stage.is_waiting(other))
        holder.rollback()
        replies = [first.result(), second.result()]

    assert [len(reply["accepted"]) for reply in replies] == [2, 2]
    assert [stage.status(run) for run in runs] == ["passed", "passed"]


def test_a_report_waits_for_a_claim_at_the_gate_of_an_environment(stage: Stage) -> None:
    """What the one takes, the other counts: of two places of an environment none is given twice."""
    stage.engine.connection.execute("update public.environments set max_parallel = 2")
    busy = stage.engine.queue(case("a"), case("b"), case("c"))
    held = stage.take(stage.register(), 1)["a"]
    stage.engine.queue(case("d"), case("e"))

    with psycopg.connect(stage.database.dsn("postgres")) as holder:
        holder.execute("select from private.live_runs where run_id = %s for update", (busy,))

        def claim_and_let_go(session: psycopg.Connection) -> Any:
            reply = stage.claim(stage.register())(session)
            holder.rollback()
            return reply

        claimed, reported = stage.overlap(claim_and_let_go, stage.report(held, free_slots=10))

    # in the place that it gave up itself; on a slow machine it is told to ask again
    given = names(reported) or stage.take(stage.register()).keys()
    assert (names(claimed), len(given), stage.take(stage.register())) == ({"d"}, 1, {})


def test_a_report_that_is_repeated_while_it_is_under_way(stage: Stage) -> None:
    """Its connection was lost, but not the call: both are answered alike, and it counts once."""
    run = stage.engine.queue(case("a"), case("b", "a"))
    call = stage.report(stage.take(stage.register())["a"], free_slots=10)

    first, second = stage.overlap(call, call)

    assert (second["accepted"], second["work"]) == (first["accepted"], first["work"])
    assert stage.evidence(run) == ["passed"]


def test_a_claim_that_is_repeated_while_it_is_under_way(stage: Stage) -> None:
    """It waits for itself: the leases of a call whose reply was lost are never left to run out."""
    stage.engine.queue(post("a"), post("b"))
    call = stage.claim(stage.register(), 1, str(uuid.uuid4()))

    first, second = stage.overlap(call, call)

    assert names(first) == {"a"}
    assert second["work"] == first["work"]


@both_orders
def test_a_run_is_queued_while_its_project_is_paused(stage: Stage, *, is_swapped: bool) -> None:
    """Whichever is first, the other waits, and the run is held."""
    calls = [stage.queue(case("a")), stage.pause()]

    run, _ = stage.overlap(*calls) if is_swapped else stage.overlap(*calls[::-1])[::-1]

    assert stage.status(run) == "queued"
    assert stage.take(stage.register()) == {}


def test_a_pause_waits_for_a_claim(stage: Stage) -> None:
    """What was handed out goes on, and nothing after it is handed out."""
    run = stage.engine.queue(case("a"), case("b"))
    worker = stage.register()

    reply, _ = stage.overlap(stage.claim(worker, 1), stage.pause())

    assert len(reply["work"]) == 1
    report = stage.report((worker, reply["work"][0]), free_slots=10)(stage.engine.connection)
    assert (len(report["accepted"]), report["work"]) == (1, [])
    assert sorted(stage.states(run).values()) == ["passed", "ready"]


def test_a_claim_passes_a_pause_by(stage: Stage) -> None:
    """It hands out nothing of the project, and holds nobody up."""
    stage.engine.queue(case("a"))

    _, reply = stage.beside(stage.pause(), stage.claim(stage.register()))

    assert reply["work"] == []


def test_a_claim_that_chose_its_runs_before_a_pause(stage: Stage) -> None:
    """It asks again once it has locked them: after a pause nothing is handed out."""
    stage.engine.queue(case("a"))
    worker = stage.register()

    with (
        stage.halting("private.may_take(public.workers, uuid, text[])") as holder,
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(stage.database.dsn("postgres")) as claiming,
    ):
        claim = pool.submit(stage.claim(worker), claiming)
        wait_until(lambda: claim.done() or stage.is_waiting(claiming))
        assert not claim.done(), claim.result()
        stage.pause()(stage.engine.connection)
        holder.rollback()
        reply = claim.result()

    assert reply["work"] == []


def test_a_renewal_passes_pause_and_resumption_by(stage: Stage) -> None:
    """Leases are held meanwhile: neither locks what is in flight."""
    stage.engine.queue(case("a"))
    held = stage.take(stage.register())["a"]

    for call in (stage.pause(), stage.resume()):
        _, renewal = stage.beside(call, stage.about("renew_work", held))
        assert renewal == {"lost": [], "cancelled": []}
