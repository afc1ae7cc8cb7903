"""What the API under test does wrong. The tests that meet it have their own verdicts."""

import random
import signal
import time

from chaos.house import LEASE_S, House
from chaos.rounds import Fault


def frozen_target(house: House, rng: random.Random) -> None:
    """The API under test does not answer for longer than a lease."""
    words = ("support_target.py", house.target.rpartition(":")[2])
    house.signal(signal.SIGSTOP, *words)
    time.sleep(LEASE_S + rng.uniform(0, 2))
    house.signal(signal.SIGCONT, *words)


def reset(house: House, rng: random.Random) -> None:
    """The API under test resets connections in a third run."""
    _meet(house, rng, "reset")


def stall(house: House, rng: random.Random) -> None:
    """It takes requests and never answers in a third run."""
    _meet(house, rng, "stall")


def drip(house: House, rng: random.Random) -> None:
    """It sends its body a byte a second in a third run."""
    _meet(house, rng, "drip")


def headers(house: House, rng: random.Random) -> None:
    """It sends headers without end in a third run."""
    _meet(house, rng, "headers")


def bomb(house: House, rng: random.Random) -> None:
    """It sends 20 KB that unpack to 20 MB in a third run."""
    _meet(house, rng, "bomb")


def _meet(house: House, rng: random.Random, bad: str) -> None:
    """Queue a run that meets a *bad* target, beside those that meet a good one."""
    house.wait_for_first_test(house.queue(bad))
    time.sleep(rng.uniform(0, 0.5))


FAULTS = tuple(map(Fault, (frozen_target, reset, stall, drip, headers, bomb)))
