"""What happens to workers."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from support_wait import wait_until

from chaos.house import LEASE_S, House
from chaos.rounds import Fault, moment, still_open

# A disk of its own in a namespace of its own: 64 KB, of which 4 are free.
_SMALL_DISK = """
    mount -t tmpfs -o size=64k none "$TMPDIR"
    head -c 61440 /dev/zero > "$TMPDIR/taken"
    exec "$@" > "$TMPDIR/log" 2>&1
"""
_APART = ("unshare", "--user", "--map-root-user", "--mount")


def killed_worker(house: House, rng: random.Random) -> None:
    """A worker is killed, another one started."""
    house.kill(rng.choice(house.alive()))
    house.start_worker()


def killed_often(house: House, rng: random.Random) -> None:
    """Every worker is killed, three times in a row."""
    for _ in range(3):
        for worker in house.alive():
            house.kill(worker)
        house.start_worker()
        time.sleep(rng.uniform(0.5, 1.5))
    house.start_worker()


def killed_in_rescue(house: House, rng: random.Random) -> None:
    """Every worker is killed, and twice whoever has just taken over what was held."""
    for _ in range(2):
        mark = moment(house)
        for worker in house.alive():
            house.kill(worker)
        heir = house.start_worker()
        _wait_for_heirs(house, mark)
        time.sleep(rng.uniform(0, 0.03))
        house.kill(heir)
    for _ in range(2):
        house.start_worker()


def frozen_worker(house: House, rng: random.Random) -> None:
    """A worker is frozen past its leases and goes on."""
    worker = rng.choice(house.alive())
    worker.send_signal(signal.SIGSTOP)
    time.sleep(LEASE_S + rng.uniform(1, 3))
    worker.send_signal(signal.SIGCONT)


def all_frozen(house: House, rng: random.Random) -> None:
    """All workers are frozen at once past their leases and go on."""
    workers = house.alive()
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    time.sleep(LEASE_S + rng.uniform(1, 3))
    for worker in rng.sample(workers, len(workers)):
        worker.send_signal(signal.SIGCONT)


def two_holders(house: House, rng: random.Random) -> None:
    """A worker is frozen past its leases, and goes on while the one that took over is frozen."""
    first, second = rng.sample(house.alive(), 2)
    mark = moment(house)
    first.send_signal(signal.SIGSTOP)
    _wait_for_heirs(house, mark)
    second.send_signal(signal.SIGSTOP)
    first.send_signal(signal.SIGCONT)
    time.sleep(rng.uniform(0.5, 1.5))
    second.send_signal(signal.SIGCONT)


def politely_stopped(house: House, rng: random.Random) -> None:
    """A worker is asked to stop, another one started."""
    house.dismiss(rng.choice(house.alive()))
    house.start_worker()


def no_log(house: House, rng: random.Random) -> None:
    """A worker cannot write its log; the other one is killed."""
    before = _registered(house)
    house.start_worker(Path("/dev/full"))
    wait_until(lambda: _registered(house) > before)
    _leave_alone(house, rng)


def full_disk(house: House, rng: random.Random) -> None:
    """A worker's disk, for its log and all else, is full in a moment; the others are killed."""
    folder = house.folder / f"disk-{len(house.workers)}"
    folder.mkdir()
    before = _registered(house)
    house.start_worker(
        through=(*_APART, "sh", "-c", _SMALL_DISK, "-"),
        TMPDIR=str(folder),
        ASSAY_LOG_LEVEL="DEBUG",
    )
    wait_until(lambda: _registered(house) > before)
    _leave_alone(house, rng)


def cancelled_run(house: House, rng: random.Random) -> None:
    """A run is cancelled while a worker is killed."""
    run = rng.choice(house.runs)
    house.cancelled.add(run.id)
    house.client.rpc("cancel_run", {"run_id": run.id}).execute()
    killed_worker(house, rng)


def _wait_for_heirs(house: House, mark: str) -> None:
    """Wait until something that was leased in snapshot *mark* is leased again, or all is over."""
    query = """
        select from chaos.leases as after
        inner join chaos.leases as before using (result_id)
        where
            not pg_visible_in_snapshot(after.transaction, %s::pg_snapshot)
            and pg_visible_in_snapshot(before.transaction, %s::pg_snapshot)
    """
    wait_until(lambda: house.ask(query, mark, mark) or not still_open(house))


def _registered(house: House) -> int:
    """Return how many workers ever registered: their logs may not tell."""
    (row,) = house.ask("select count(*) from public.workers")
    return int(row["count"])


def _leave_alone(house: House, rng: random.Random) -> None:
    """Leave the newest worker alone with runs, one of them new."""
    house.queue()
    for worker in house.alive()[:-1]:
        house.kill(worker)
        time.sleep(rng.uniform(0, 0.5))


def _require_namespaces() -> None:
    done = subprocess.run(
        [*_APART, "mount", "-t", "tmpfs", "none", "/mnt"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError("A small disk takes user namespaces, which this machine forbids.")


FAULTS = (
    *(Fault(killed_worker), Fault(killed_often), Fault(killed_in_rescue)),
    *(Fault(frozen_worker), Fault(all_frozen), Fault(two_holders), Fault(politely_stopped)),
    *(Fault(no_log), Fault(full_disk, check=_require_namespaces), Fault(cancelled_run)),
)
