"""All faults, in the order of the table."""

import random

from chaos import clock_faults, platform_faults, target_faults, worker_faults
from chaos.house import House
from chaos.rounds import Fault


def no_fault(house: House, rng: random.Random) -> None:
    """Nothing (for comparison)."""
    del house, rng


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(no_fault),
        *worker_faults.FAULTS,
        *platform_faults.FAULTS,
        *target_faults.FAULTS,
        *clock_faults.FAULTS,
    )
}
