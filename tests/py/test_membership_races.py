"""Changes of membership by two sessions at once: an owner stays, an invitation counts once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from conftest import Database
from support_engine import Engine
from support_wait import HANG_S, wait_until

ACT = (
    "select set_config('role', 'authenticated', true), set_config('request.jwt.claims',"
    " json_build_object('sub', %s::text, 'role', 'authenticated')::text, true)"
)
LEAVE = "select public.leave_organization(%(organization)s)"
# past the functions, as the secret key could: nothing but the trigger stands in the way
DELETE = (
    "delete from public.organization_members"
    " where organization_id = %(organization)s and user_id = %(person)s"
)
LEVELS = ["read committed", "repeatable read", "serializable"]


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """Yield an organization."""
    with database.connect("postgres") as connection:
        yield Engine(connection)


@contextmanager
def session(database: Database, person: str | None, level: str) -> Iterator[psycopg.Connection]:
    """Yield a transaction of *person*, or of the owner of the database, that has begun to read."""
    with psycopg.connect(database.dsn("postgres")) as connection:
        connection.execute(f"set transaction isolation level {level}")
        if person:
            connection.execute(ACT, (person,))
        connection.execute("select count(*) from public.organizations")
        yield connection


def race(
    engine: Engine, finish_first: Callable[[], None], second: Callable[[], None]
) -> BaseException | None:
    """Let *second* run into what another session has done and then finishes; what it fails with."""
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(second)
        wait_until(lambda: outcome.done() or engine.is_anybody_waiting())
        finish_first()
        return outcome.exception(HANG_S)


def owners(engine: Engine) -> int:
    """Return how many owners the organization has."""
    return engine.value(
        "select count(*)::int from public.organization_members"
        " where organization_id = %s and role = 'owner'",
        engine.organization,
    )


@pytest.mark.parametrize("level", LEVELS)
def test_two_owners_leave_at_once(database: Database, engine: Engine, level: str) -> None:
    """The second waits for the first, and stays: at the usual level it is told why."""
    people = [engine.person("owner"), engine.person("owner")]

    with session(database, people[0], level) as first, session(database, people[1], level) as other:
        first.execute(LEAVE, {"organization": engine.organization})
        error = race(
            engine,
            first.commit,
            lambda: end(other.execute(LEAVE, {"organization": engine.organization})),
        )

    assert isinstance(error, psycopg.Error)
    if level == "read committed":
        assert error.diag.message_detail == "last_owner"
    assert owners(engine) == 1


def end(cursor: psycopg.Cursor) -> None:
    """Commit what *cursor* did."""
    cursor.connection.commit()


@pytest.mark.parametrize("level", LEVELS)
def test_two_owners_are_deleted_at_once(database: Database, engine: Engine, level: str) -> None:
    """The trigger alone keeps one, for those who write the table itself."""
    people = [engine.person("owner"), engine.person("owner")]
    given = [{"organization": engine.organization, "person": person} for person in people]

    with session(database, None, level) as first, session(database, None, level) as other:
        first.execute(DELETE, given[0])
        error = race(engine, first.commit, lambda: end(other.execute(DELETE, given[1])))

    assert isinstance(error, psycopg.Error)
    assert owners(engine) == 1


def test_a_removal_that_is_undone_counts_for_nothing(database: Database, engine: Engine) -> None:
    """Whoever waited behind it may go: the other owner is still there."""
    people = [engine.person("owner"), engine.person("owner")]
    given = [{"organization": engine.organization, "person": person} for person in people]

    with session(database, None, LEVELS[0]) as first, session(database, None, LEVELS[0]) as other:
        first.execute(DELETE, given[0])
        error = race(engine, first.rollback, lambda: end(other.execute(DELETE, given[1])))

    assert error is None
    assert owners(engine) == 1


def test_an_owner_leaves_while_the_other_is_demoted(database: Database, engine: Engine) -> None:
    """Whichever comes first, one owner is left."""
    people = [engine.person("owner"), engine.person("owner")]
    given = {"organization": engine.organization, "person": people[1]}
    demotion = "select public.set_member_role(%(organization)s, %(person)s, 'viewer')"

    with (
        session(database, people[0], LEVELS[0]) as first,
        session(database, people[1], LEVELS[0]) as other,
    ):
        first.execute(demotion, given)
        error = race(engine, first.commit, lambda: end(other.execute(LEAVE, given)))

    # who was demoted meanwhile may leave as the viewer that they are
    assert error is None
    assert owners(engine) == 1


def test_two_owners_remove_each_other(database: Database, engine: Engine) -> None:
    """Whoever comes second is no member any more, and may not."""
    people = [engine.person("owner"), engine.person("owner"), engine.person("owner")]
    removal = "select public.remove_member(%(organization)s, %(person)s)"
    given = [{"organization": engine.organization, "person": person} for person in people]

    with (
        session(database, people[0], LEVELS[0]) as first,
        session(database, people[1], LEVELS[0]) as other,
    ):
        first.execute(removal, given[1])
        error = race(engine, first.commit, lambda: end(other.execute(removal, given[0])))

    assert isinstance(error, psycopg.Error)
    assert error.diag.message_detail == "unknown_organization"
    assert owners(engine) == 2


def test_two_accept_one_invitation_at_once(database: Database, engine: Engine) -> None:
    """One becomes a member, the other is told what everybody is told who comes too late."""
    token = engine.value(
        "select public.invite_member(%s, 'viewer') ->> 'token'", engine.organization
    )
    accept = "select public.accept_invitation(%s)"
    people = [engine.person(), engine.person()]

    with (
        session(database, people[0], LEVELS[0]) as first,
        session(database, people[1], LEVELS[0]) as other,
    ):
        first.execute(accept, (token,))
        error = race(engine, first.commit, lambda: end(other.execute(accept, (token,))))

    assert isinstance(error, psycopg.Error)
    assert error.diag.message_detail == "invalid_invitation"
    assert engine.value(
        "select array_agg(user_id::text) from public.organization_members"
        " where organization_id = %s",
        engine.organization,
    ) == [people[0]]


def test_an_acceptance_that_is_undone_leaves_the_invitation(
    database: Database, engine: Engine
) -> None:
    """Who waited behind it gets in."""
    token = engine.value(
        "select public.invite_member(%s, 'viewer') ->> 'token'", engine.organization
    )
    accept = "select public.accept_invitation(%s)"

    with session(database, engine.person(), LEVELS[0]) as first:
        first.execute(accept, (token,))
        first.rollback()
    with session(database, engine.person(), LEVELS[0]) as other:
        other.execute(accept, (token,))
        other.commit()

    assert (
        engine.value(
            "select count(*)::int from public.organization_members where organization_id = %s",
            engine.organization,
        )
        == 1
    )
