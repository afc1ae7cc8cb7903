"""Clocks that jump, forward and back by minutes: a worker's, the database's."""

import random
import time

from support_wait import wait_until

from chaos import clock
from chaos.house import House
from chaos.rounds import Fault, still_open


def worker_ahead(house: House, rng: random.Random) -> None:
    """A worker's clock jumps forward by minutes."""
    _put_worker(house, rng, _minutes(rng))


def worker_behind(house: House, rng: random.Random) -> None:
    """A worker's clock jumps back by minutes."""
    _put_worker(house, rng, -_minutes(rng))


def database_ahead(house: House, rng: random.Random) -> None:
    """The database's clock jumps forward by minutes: every lease runs out at once."""
    _put_database(house, _minutes(rng))


def database_behind(house: House, rng: random.Random) -> None:
    """The database's clock jumps back by minutes, and a worker is killed with its leases."""
    _put_database(house, -_minutes(rng))
    house.kill(rng.choice(house.alive()))
    house.start_worker()


def _minutes(rng: random.Random) -> int:
    return 60 * rng.randint(2, 20)


def _put_worker(house: House, rng: random.Random, seconds: int) -> None:
    clock.put(house.clocks[rng.choice(house.alive()).pid], seconds)
    house.queue()


def _put_database(house: House, seconds: int) -> None:
    clock.put(house.database_clock, seconds)
    (row,) = house.ask("select extract(epoch from clock_timestamp()) as told")
    off = float(row["told"]) - time.time()
    assert abs(off - seconds) < 60, f"its clock is off by {off:.0f} s"


def _start_clocked_workers(house: House) -> None:
    """Start both anew, and have them work until they are as warm as others are.

    Under the library their first look-ups hold them up for seconds, which no clock does.
    """
    house.start_clocked_workers()
    house.wait_for_workers()
    for _ in range(3):
        house.queue()
    wait_until(lambda: not still_open(house))
    house.runs.clear()


def _start_clocked_database(house: House) -> None:
    clock.put(house.database_clock, 0)
    house.restart_database()


FAULTS = (
    *(
        Fault(act, _start_clocked_workers, clock.find_library, is_clock=True)
        for act in (worker_ahead, worker_behind)
    ),
    *(
        Fault(act, _start_clocked_database, clock.find_library, is_clock=True)
        for act in (database_ahead, database_behind)
    ),
)
