"""Houses side by side, and the rounds dealt out to them."""

import contextlib
import dataclasses
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.house import House, furnished
from chaos.rounds import Fault, Row, do_round

_Round = tuple[Fault, int]


@dataclasses.dataclass(frozen=True)
class Told:
    """How one round went; *kept* is the folder of the house, when it did not go well."""

    fault: Fault
    seed: int
    row: Row
    failure: str = ""
    kept: Path | None = None


class Street:
    """Houses that take rounds from one pile until it is empty."""

    def __init__(self, rounds: Sequence[_Round], bound_s: float, sabotage: str | None) -> None:
        """Deal *rounds* out; a recovery may take *bound_s*."""
        self._rounds = queue.SimpleQueue[_Round]()
        for one in rounds:
            self._rounds.put(one)
        self._count = len(rounds)
        self._bound_s = bound_s
        self._sabotage = sabotage
        self._told = queue.SimpleQueue[Told | None]()
        self._building = threading.Lock()
        self._is_over = False

    def run(self, houses: int) -> Iterator[Told]:
        """Do all rounds in so many *houses*; yields each when it is over."""
        houses = min(houses, self._count)
        with ThreadPoolExecutor(houses) as pool:
            lives = [pool.submit(self._live) for _ in range(houses)]
            for life in lives:
                life.add_done_callback(lambda _: self._told.put(None))
            try:
                ended = 0
                while ended < houses:
                    told = self._told.get()
                    ended += told is None
                    if told:
                        yield told
            finally:
                self._is_over = True
            for life in lives:
                life.result()

    def _live(self) -> None:
        """Do rounds, in a new house after each one that did not go well."""
        task = self._next()
        while task:
            task = self._live_in_one(task)

    def _live_in_one(self, task: _Round | None) -> _Round | None:
        """Do *task* and others until one does not go well; returns the next one."""
        with contextlib.ExitStack() as cleanup:
            with self._building:  # one after the other: each picks ports
                house = cleanup.enter_context(furnished(self._sabotage))
            while task and not house.is_kept:
                told = self._do(house, *task)
                house.is_kept = told.kept is not None
                self._told.put(told)
                task = self._next()
        return task

    def _next(self) -> _Round | None:
        """Take a round from the pile; None when there is no more to do."""
        with contextlib.suppress(queue.Empty):
            return None if self._is_over else self._rounds.get_nowait()
        return None

    def _do(self, house: House, fault: Fault, seed: int) -> Told:
        runs: list[str] = []
        try:
            row = do_round(house, fault, seed)
            runs = house.run_ids
            house.tidy()
        except Exception as error:  # noqa: BLE001 - the other rounds go on
            row = Row()
            row.counts["hung"] += 1
            failure = f"{type(error).__name__}: {error}; runs {house.run_ids}"
            return Told(fault, seed, row, failure, house.folder)
        if row.is_clean(self._bound_s):
            return Told(fault, seed, row)
        return Told(fault, seed, row, f"runs {runs}", house.folder)
