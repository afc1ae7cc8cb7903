"""The faults: each does its harm somewhere in the middle of a run, and mends what will not mend.

A fault is a function of the house and a source of randomness; it returns when the harm is done and
what it stopped runs again. Its docstring is how the table calls it.
"""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psycopg

from chaos.house import LEASE_S, House, stop
from worker.embedded import stack as embedded

Fault = Callable[[House, random.Random], None]


def no_fault(house: House, rng: random.Random) -> None:
    """Nothing (for comparison)."""
    del house, rng


def killed_worker(house: House, rng: random.Random) -> None:
    """A worker is killed, another one started."""
    stop(rng.choice(house.alive()))
    house.start_worker()


def killed_often(house: House, rng: random.Random) -> None:
    """Every worker is killed, three times in a row."""
    for _ in range(3):
        for worker in house.alive():
            stop(worker)
        house.start_worker()
        time.sleep(rng.uniform(0.5, 1.5))
    house.start_worker()


def frozen_worker(house: House, rng: random.Random) -> None:
    """A worker is frozen past its leases and goes on."""
    worker = rng.choice(house.alive())
    stop(worker, signal.SIGSTOP)
    time.sleep(LEASE_S + rng.uniform(1, 3))
    stop(worker, signal.SIGCONT)


def politely_stopped(house: House, rng: random.Random) -> None:
    """A worker is asked to stop, another one started."""
    worker = rng.choice(house.alive())
    worker.terminate()
    worker.wait()
    house.start_worker()


def crashed_database(house: House, rng: random.Random) -> None:
    """PostgreSQL is stopped in immediate mode and started again."""
    del rng
    house.signal(signal.SIGQUIT, f"-D {house.data}/pg")


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


def killed_stack(house: House, rng: random.Random) -> None:
    """Gateway, Realtime, PostgREST and PostgreSQL go at once and are started again."""
    del rng
    house.signal(signal.SIGKILL, "worker.embedded", house.data)
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
    """Realtime is cut."""
    house.become("no_hints")
    time.sleep(rng.uniform(1, 3))
    house.become("whole")


def idle_transaction(house: House, rng: random.Random) -> None:
    """A transaction holds a snapshot for two seconds."""
    del rng
    with psycopg.connect(house.connection.admin_db_url) as connection:
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select count(*) from private.work_items")
        time.sleep(2)


def heavy_readers(house: House, rng: random.Random) -> None:
    """Six clients read whole tables for two seconds."""
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
    for reader in readers:
        reader.join()


def frozen_target(house: House, rng: random.Random) -> None:
    """The API under test does not answer for longer than a lease."""
    house.signal(signal.SIGSTOP, "support_target.py", house.target.rpartition(":")[2])
    time.sleep(LEASE_S + rng.uniform(0, 2))
    house.signal(signal.SIGCONT, "support_target.py", house.target.rpartition(":")[2])


def full_disk(house: House, rng: random.Random) -> None:
    """A worker's log cannot be written; the other one is killed."""
    stop(rng.choice(house.alive()))
    house.start_worker(output="/dev/full")


def cancelled_run(house: House, rng: random.Random) -> None:
    """A run is cancelled while a worker is killed."""
    (run,) = house.ask(
        "select id::text from public.test_runs where finished_at is null order by random() limit 1"
    ) or [{"id": None}]
    if run["id"]:
        house.client.rpc("cancel_run", {"run_id": run["id"]}).execute()
    killed_worker(house, rng)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        *(no_fault, killed_worker, killed_often, frozen_worker, politely_stopped),
        *(crashed_database, ended_backend, no_connection_left, killed_postgrest, killed_stack),
        *(cut_wire, lost_replies, no_hints, idle_transaction, heavy_readers),
        *(frozen_target, full_disk, cancelled_run),
    )
}


@contextlib.contextmanager
def watching(house: House, seen: set[str]) -> Iterator[None]:
    """Note in *seen* the results that are leased at any moment of the block."""
    over = threading.Event()

    def look() -> None:
        connection = None
        while not over.wait(0.01):
            with contextlib.suppress(psycopg.OperationalError):
                connection = connection or psycopg.connect(
                    house.connection.admin_db_url, autocommit=True
                )
                rows = connection.execute(
                    "select result_id::text from private.work_items where state = 'leased'"
                )
                seen.update(result for (result,) in rows)
                continue
            connection = None

    eye = threading.Thread(target=look)
    eye.start()
    try:
        yield
    finally:
        over.set()
        eye.join()
