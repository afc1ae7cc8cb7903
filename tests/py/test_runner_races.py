"""A runner is revoked while its worker calls: the call counts as a whole, or not at all."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from conftest import Database
from support_engine import Engine, as_sql
from support_wait import wait_until

REPORT = "select public.report_work(%s, %s, %s, 10)"


class Scene:
    """A runner whose worker holds the first of two requests, which the second waits for."""

    def __init__(self, database: Database, owner: psycopg.Connection) -> None:
        """Set it up through the *owner* of the database."""
        self.database = database
        self.engine = Engine(owner)
        self.runner = self.engine.person("runner")
        first = {"name": "first", "request": {"path": "/"}}
        follows = [{"test": "first", "kind": "order"}]
        self.run = self.engine.queue(first, {**first, "name": "second", "depends_on": follows})
        with self.session() as session:
            self.worker = self.call(session, "select public.register_worker('w', '1', 10)")
            claim = "select public.claim_work(%s, %s, 10)"
            (self.item,) = self.call(session, claim, self.worker, uuid.uuid4())["work"]

    @contextlib.contextmanager
    def session(self) -> Iterator[psycopg.Connection]:
        """Yield a session of the runner, in which a transaction is open until it commits."""
        claims = json.dumps({"sub": self.runner, "role": "authenticated"})
        with psycopg.connect(self.database.dsn("postgres")) as session:
            session.execute("select set_config('request.jwt.claims', %s, false)", (claims,))
            session.execute("set role authenticated")
            session.commit()
            yield session

    @staticmethod
    def call(session: psycopg.Connection, sql: str, *values: Any) -> Any:
        """Return what a statement gives in *session*."""
        row = session.execute(sql, tuple(map(as_sql, values))).fetchone()
        assert row
        return row[0]

    def report(self, session: psycopg.Connection) -> Any:
        """Report on the first request, and claim, in *session*."""
        lease = {name: self.item[name] for name in ("item", "result", "attempt", "lease")}
        answer = {
            "response": {"status": 200, "headers": [], "body": ""},
            "observed": [
                {"id": one["id"], "found": False, "values": []} for one in self.item["observe"]
            ],
        }
        return self.call(session, REPORT, self.worker, uuid.uuid4(), [{**lease, **answer}])

    def revoke(self, session: psycopg.Connection) -> None:
        """Revoke the runner, as the owner of the database in *session*."""
        session.execute(
            "select public.revoke_runner(%s, %s)", (self.engine.organization, self.runner)
        )

    def wait_for_waiting(self, call: Future[Any]) -> None:
        """Wait until *call* waits for another session."""
        wait_until(lambda: call.done() or self.engine.is_anybody_waiting())
        assert not call.done(), call.result()

    def states(self) -> dict[str, str]:
        """Return for each test the state of its item, or else its verdict."""
        rows = self.engine.connection.execute(
            "select results.test_name, coalesce(items.state, results.status)"
            " from public.test_results as results"
            " left join private.work_items as items on items.result_id = results.id"
        ).fetchall()
        return dict(rows)

    def count(self, table: str, condition: str = "true") -> int:
        """Return how many rows of *table* meet the *condition*."""
        return int(self.engine.value(f"select count(*) from {table} where {condition}"))  # noqa: S608


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    """Yield the runner at work; when the race is over, the engine's rows must agree."""
    with database.connect("postgres") as owner:
        scene = Scene(database, owner)
        yield scene
        assert scene.engine.contradictions() == []


@pytest.fixture
def meanwhile() -> Iterator[Callable[..., Future[Any]]]:
    """Yield what starts a call in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


def test_a_report_that_was_in_first_counts(
    scene: Scene, meanwhile: Callable[..., Future[Any]]
) -> None:
    """The revocation waits for it, and takes what it was handed for it."""
    with scene.session() as session, psycopg.connect(scene.database.dsn("postgres")) as manager:
        reply = scene.report(session)
        revocation = meanwhile(scene.revoke, manager)
        scene.wait_for_waiting(revocation)
        session.commit()
        revocation.result()
        manager.commit()

    assert (len(reply["accepted"]), len(reply["work"])) == (1, 1)
    assert scene.states() == {"first": "passed", "second": "ready"}
    assert scene.count("public.test_result_details", "outcome = 'passed'") == 1


def test_a_report_that_came_second_is_refused(
    scene: Scene, meanwhile: Callable[..., Future[Any]]
) -> None:
    """Whole: nothing is judged, kept or handed out."""
    with scene.session() as session, psycopg.connect(scene.database.dsn("postgres")) as manager:
        scene.revoke(manager)
        report = meanwhile(scene.report, session)
        scene.wait_for_waiting(report)
        manager.commit()
        with pytest.raises(psycopg.Error) as refusal:
            report.result()

    assert refusal.value.diag.message_detail == "worker_revoked"
    assert scene.states() == {"first": "ready", "second": "waiting"}
    assert scene.count("public.test_result_details") == 0
    assert scene.count("private.work_items", "lease is not null") == 0


def test_a_revocation_that_is_undone_refuses_nothing(
    scene: Scene, meanwhile: Callable[..., Future[Any]]
) -> None:
    """The report that waited for it counts."""
    with scene.session() as session, psycopg.connect(scene.database.dsn("postgres")) as manager:
        scene.revoke(manager)
        report = meanwhile(scene.report, session)
        scene.wait_for_waiting(report)
        manager.rollback()
        reply = report.result()
        session.commit()

    assert len(reply["accepted"]) == 1
    assert scene.states() == {"first": "passed", "second": "leased"}


@pytest.mark.parametrize("is_first", [True, False], ids=["registering", "revoking"])
def test_no_worker_slips_through(
    scene: Scene, meanwhile: Callable[..., Future[Any]], *, is_first: bool
) -> None:
    """One that registers meanwhile is revoked, or refused."""
    register = "select public.register_worker('late', '1', 10)"
    with scene.session() as session, psycopg.connect(scene.database.dsn("postgres")) as manager:
        if is_first:
            scene.call(session, register)
            second = meanwhile(scene.revoke, manager)
        else:
            scene.revoke(manager)
            second = meanwhile(scene.call, session, register)
        scene.wait_for_waiting(second)
        (session if is_first else manager).commit()
        if is_first:
            second.result()
            manager.commit()
        else:
            with pytest.raises(psycopg.Error) as refusal:
                second.result()
            assert refusal.value.diag.message_detail == "not_allowed"

    assert scene.count("public.workers", "revoked_at is null") == 0
    assert scene.count("public.workers") == 1 + is_first


def test_calls_of_a_runner_do_not_wait_for_each_other(scene: Scene) -> None:
    """Leases are renewed while a report is under way."""
    with scene.session() as reporting, scene.session() as renewing:
        renewing.execute("set lock_timeout = '30s'")
        scene.report(reporting)
        renewal = scene.call(renewing, "select public.renew_work(%s, %s)", scene.worker, [])

    assert renewal == {"lost": [], "cancelled": []}


@pytest.mark.parametrize("function", ["report", "renew", "release"])
def test_a_guessed_item_holds_nobody_up(scene: Scene, function: str) -> None:
    """Whoever holds no lease of a run neither locks it nor waits for it."""
    stranger = Scene(scene.database, scene.engine.connection)
    guess = [{"item": scene.item["item"], "attempt": 1, "lease": str(uuid.uuid4())}]
    calls = {
        "report": (REPORT, uuid.uuid4(), guess),
        "renew": ("select public.renew_work(%s, %s)", guess),
        "release": ("select public.release_work(%s, %s)", guess),
    }
    statement, *arguments = calls[function]
    with scene.session() as session, stranger.session() as guessing:
        guessing.execute("set lock_timeout = '30s'")
        scene.report(session)
        scene.call(guessing, statement, stranger.worker, *arguments)

        assert scene.states()["first"] == "leased"  # as seen by others: the report is under way
