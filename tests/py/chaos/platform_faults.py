"""What happens to Supabase, and on the way there."""

import contextlib
import random
import signal
import threading
import time

import psycopg
from support_wait import wait_until

from chaos.house import LEASE_S, House
from chaos.rounds import Fault
from worker.embedded import stack as embedded


def crashed_database(house: House, rng: random.Random) -> None:
    """PostgreSQL is stopped in immediate mode and started again."""
    del rng
    house.signal(signal.SIGQUIT, f"-D {house.data}/pg")


def failed_over(house: House, rng: random.Random) -> None:
    """PostgreSQL is stopped in fast mode and refuses connections for some seconds."""
    refusal = house.folder / "refuse"
    refusal.touch()
    house.signal(signal.SIGINT, f"-D {house.data}/pg")
    time.sleep(rng.uniform(2, LEASE_S + 2))
    refusal.unlink()


def ended_backend(house: House, rng: random.Random) -> None:
    """One of PostgREST's backends is terminated, ten times."""
    for _ in range(10):
        house.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where usename = 'authenticator' order by state, random() limit 1"
        )
        time.sleep(rng.uniform(0, 0.2))


def no_connection_left(house: House, rng: random.Random) -> None:
    """All connections of the database are taken for two seconds."""
    del rng
    with contextlib.ExitStack() as held:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.enter_context(psycopg.connect(house.connection.db_url))
        house.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'"
        )
        time.sleep(2)


def killed_postgrest(house: House, rng: random.Random) -> None:
    """PostgREST is killed."""
    del rng
    house.signal(signal.SIGKILL, "postgrest", house.data)


def frozen_postgrest(house: House, rng: random.Random) -> None:
    """PostgREST is frozen in the middle of calls, and goes on with them."""
    # Workers call many times a second: one of these moments is in the middle of a report.
    wait_until(
        lambda: house.ask(
            "select from pg_stat_activity where usename = 'authenticator' and state = 'active'"
        )
    )
    house.signal(signal.SIGSTOP, "postgrest", house.data)
    time.sleep(rng.choice((rng.uniform(0.2, 1), LEASE_S + rng.uniform(0, 2))))
    house.signal(signal.SIGCONT, "postgrest", house.data)


def gateway_gone(house: House, rng: random.Random) -> None:
    """The gateway alone is gone: connections break, and none is taken for some seconds."""
    house.become("gone")
    time.sleep(rng.uniform(0.5, LEASE_S + 1))
    house.become("whole")


def frozen_gateway(house: House, rng: random.Random) -> None:
    """The gateway, Realtime and cron with it, is frozen in the middle of calls."""
    house.signal(signal.SIGSTOP, "worker.embedded", house.data)
    time.sleep(rng.choice((rng.uniform(0.2, 1), LEASE_S + rng.uniform(0, 2))))
    house.signal(signal.SIGCONT, "worker.embedded", house.data)


def killed_stack(house: House, rng: random.Random) -> None:
    """Gateway, Realtime, PostgREST and PostgreSQL go at once and are started again."""
    del rng
    house.signal(signal.SIGKILL, "worker.embedded", house.data)
    # A process that is being killed still holds its lock.
    wait_until(lambda: embedded.status(house.folder / "stack") is None)
    embedded.up(house.folder / "stack", port=0, is_throwaway=True)


def cut_wire(house: House, rng: random.Random) -> None:
    """The wire to Supabase is cut for longer than a lease."""
    house.become("cut")
    time.sleep(LEASE_S + rng.uniform(0, 2))
    house.become("whole")


def lost_replies(house: House, rng: random.Random) -> None:
    """For a second every call arrives, and every reply is lost."""
    house.become("mute")
    time.sleep(rng.uniform(0.3, 1.5))
    house.become("whole")


def no_hints(house: House, rng: random.Random) -> None:
    """Realtime is cut, and a run queued meanwhile."""
    house.become("no_hints")
    house.queue()
    time.sleep(rng.uniform(1, 3))
    house.become("whole")


def idle_transaction(house: House, rng: random.Random) -> None:
    """A transaction holds a snapshot for two seconds, in which a run is queued."""
    del rng
    with psycopg.connect(house.connection.admin_db_url) as connection:
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select count(*) from private.work_items")
        house.queue()
        time.sleep(2)


def locked_run(house: House, rng: random.Random) -> None:
    """A transaction holds the row lock of a run for longer than a lease."""
    house.queue()
    with psycopg.connect(house.connection.admin_db_url) as connection:
        connection.execute(
            "select from private.live_runs where run_id = any(%s::uuid[]) "
            "order by run_id desc limit 1 for update",
            [house.run_ids],
        )
        time.sleep(LEASE_S + rng.uniform(0, 1))


def heavy_readers(house: House, rng: random.Random) -> None:
    """Six clients read whole tables for two seconds, in which a run is queued."""
    del rng
    until = time.monotonic() + 2

    def read() -> None:
        with psycopg.connect(house.connection.admin_db_url, autocommit=True) as connection:
            while time.monotonic() < until:
                connection.execute(
                    "select count(*), max(response::text) from public.test_result_details"
                )

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    house.queue()
    for reader in readers:
        reader.join()


FAULTS = tuple(
    map(
        Fault,
        (
            *(crashed_database, failed_over, ended_backend, no_connection_left),
            *(killed_postgrest, frozen_postgrest, gateway_gone, frozen_gateway, killed_stack),
            *(cut_wire, lost_replies, no_hints, idle_transaction, locked_run, heavy_readers),
        ),
    )
)
