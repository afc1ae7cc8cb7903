"""The worker's life: claim, run, report, renew, stop. Nothing it holds is lost when it dies."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID, uuid4

from pydantic import ValidationError

from worker import __version__
from worker.config import Settings
from worker.errors import StoreError, StoreRejected, StoreUnavailable
from worker.leases import LeaseKeeper
from worker.models import Item, Lease, Renewal, Reply, Report, parse_item
from worker.runner import Runner, now

_log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH_REPORTS = 100
BATCH_BYTES = 4 * 1024 * 1024
BATCH_AGE_S = 0.05
_POLL_MIN_S = 0.1
_RETRY_MIN_S = 0.1
_RETRY_MAX_S = 5.0
_STEADY_S = 60.0


class Store(Protocol):
    """What the loop needs of the database; ``renew_work`` is called from another thread."""

    async def register_worker(
        self, name: str, version: str, capacity: int, labels: Sequence[str]
    ) -> str: ...
    async def claim_work(
        self, worker_id: str, call_id: UUID, free_slots: int, prefetch: int
    ) -> Reply: ...
    async def report_work(
        self,
        worker_id: str,
        call_id: UUID,
        reports: Sequence[bytes],
        free_slots: int,
        prefetch: int,
    ) -> Reply: ...
    def renew_work(self, worker_id: str, items: Sequence[Lease]) -> Renewal: ...
    async def release_work(self, worker_id: str, items: Sequence[Lease]) -> None: ...
    async def watch_runs(self, wake: Callable[[], None]) -> None: ...


class Worker:
    """One worker process: slots that run items, and one conversation with the database."""

    def __init__(self, store: Store, runner: Runner, settings: Settings) -> None:
        """Nothing starts before ``run``."""
        self._store = store
        self._runner = runner
        self._settings = settings
        self._id = ""
        self._ready: deque[Item] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._items: dict[str, Item] = {}
        self._outbox: list[tuple[Lease, bytes]] = []
        self._oldest = 0.0
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._next_claim = 0.0
        self._pause_s = _POLL_MIN_S
        self._woken = False
        self._keeper: LeaseKeeper

    def stop(self) -> None:
        """Ask the worker to stop politely; safe to call from a signal handler, and twice."""
        self._stop.set()
        self._changed.set()

    async def run(self, *, once: bool = False) -> None:
        """Work until stopped, or with *once* until there is nothing left to do.

        Raises ``StoreError`` when the database refuses this worker altogether.
        """
        settings = self._settings
        self._id = await self._store.register_worker(
            settings.name, __version__, settings.concurrency, settings.labels
        )
        _log.info("started", extra={"f": {"worker_id": self._id, "name": settings.name}})
        loop = asyncio.get_running_loop()
        self._keeper = LeaseKeeper(
            lambda items: self._store.renew_work(self._id, items),
            partial(loop.call_soon_threadsafe, self._drop),
        )
        watch = asyncio.create_task(self._watch())
        talk = asyncio.create_task(self._converse(once=once))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({talk, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                await self._wind_down(talk)
            if talk.done() and not talk.cancelled():
                talk.result()
        finally:
            for task in (watch, talk, stopping, *self._running.values()):
                task.cancel()
            await asyncio.gather(watch, talk, stopping, return_exceptions=True)
            await asyncio.to_thread(self._keeper.close)
        _log.info("stopped", extra={"f": {"worker_id": self._id}})

    async def _wind_down(self, talk: asyncio.Task[None]) -> None:
        """Finish what is in flight within the grace period, report it, hand back the rest."""
        await self._hand_back()
        await asyncio.wait({talk}, timeout=self._settings.grace_s)
        if self._running:
            # These were sent: the lease runs out and the database decides whether to send again.
            for task in self._running.values():
                task.cancel()
        await asyncio.wait({talk}, timeout=self._settings.kill_s)
        talk.cancel()
        await self._hand_back()

    async def _hand_back(self) -> None:
        unsent = [*self._ready]
        self._ready.clear()
        for item in unsent:
            self._forget(item.lease)
        if not unsent:
            return
        try:
            async with asyncio.timeout(self._settings.kill_s):
                await self._store.release_work(self._id, unsent)
        except (StoreError, TimeoutError):
            _log.warning("release_failed", extra={"f": {"items": len(unsent)}})

    async def _converse(self, *, once: bool) -> None:
        """Be the one conversation with the database: report what is done, take what is next."""
        while True:
            self._changed.clear()
            stopping = self._stop.is_set()
            clock = time.monotonic()
            slots, prefetch = (0, 0) if stopping else self._room()
            if self._outbox and self._must_flush(clock):
                await self._report(slots, prefetch)
            elif stopping and not self._running and not self._outbox:
                return
            elif slots + prefetch > 0 and clock >= self._next_claim:
                reply = await self._claim(slots, prefetch, patient=not once)
                if once and not reply.work and reply.retry_ms is None and self._is_idle():
                    return
            else:
                await self._sleep(clock, may_claim=slots + prefetch > 0)

    async def _sleep(self, clock: float, *, may_claim: bool) -> None:
        due = [self._oldest + BATCH_AGE_S] if self._outbox else []
        if may_claim:
            due.append(self._next_claim)
        try:
            async with asyncio.timeout(max(0.0, min(due) - clock) if due else None):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _room(self) -> tuple[int, int]:
        """Return how many items could start at once and how many more could be held ready."""
        slots = self._settings.concurrency - len(self._running) - len(self._ready)
        held = max(0, -slots)
        prefetch = self._settings.prefetch - held
        # Topping up by a few at a time would cost a call for each.
        return max(0, slots), prefetch if held <= self._settings.prefetch // 2 else 0

    def _is_idle(self) -> bool:
        return not (self._running or self._ready or self._outbox)

    def _must_flush(self, clock: float) -> bool:
        """Waiting pays only while other requests are under way whose reports can share the call."""
        return (
            len(self._outbox) >= BATCH_REPORTS
            or (not self._ready and len(self._running) < self._settings.concurrency)
            or clock - self._oldest >= BATCH_AGE_S
            or sum(len(report) for _, report in self._outbox) >= BATCH_BYTES
        )

    async def _claim(self, slots: int, prefetch: int, *, patient: bool) -> Reply:
        call_id = uuid4()
        self._woken = False
        try:
            reply = await self._insist(
                lambda: self._store.claim_work(self._id, call_id, slots, prefetch)
            )
        except StoreRejected as error:
            if error.is_refused_access or not patient:
                raise
            _log.error("claim_rejected", extra={"f": {"code": error.code}})  # noqa: TRY400
            reply = Reply()
        self._take(reply, slots + prefetch)
        return reply

    async def _report(self, slots: int, prefetch: int) -> None:
        size, count = 0, 0
        while count < min(BATCH_REPORTS, len(self._outbox)) and (size < BATCH_BYTES or not count):
            size += len(self._outbox[count][1])
            count += 1
        batch = self._outbox[:count]
        del self._outbox[:count]
        self._oldest = time.monotonic()
        await self._hand_in(batch, slots, prefetch)

    async def _hand_in(
        self, batch: Sequence[tuple[Lease, bytes]], slots: int, prefetch: int
    ) -> None:
        """Report *batch*; one that is refused as a whole is halved till the offender is alone."""
        call_id = uuid4()
        self._woken = False
        reports = [report for _, report in batch]
        try:
            reply = await self._insist(
                lambda: self._store.report_work(self._id, call_id, reports, slots, prefetch)
            )
        except StoreRejected as error:
            if error.is_refused_access:
                raise
            await self._isolate(batch, error)
            return
        for lease, _ in batch:
            self._forget(lease.lease)
        self._take(reply, slots + prefetch)

    async def _isolate(self, batch: Sequence[tuple[Lease, bytes]], error: StoreRejected) -> None:
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._hand_in(batch[:middle], 0, 0)
            await self._hand_in(batch[middle:], 0, 0)
            return
        lease, _ = batch[0]
        _log.error("unreportable", extra={"f": {"item": lease.item, "code": error.code}})
        message = f"the database does not take this report ({error.code or error.status})"
        minimal = Report.of_failure(lease, now(), "unreportable", message).to_json()
        call_id = uuid4()
        try:
            await self._insist(lambda: self._store.report_work(self._id, call_id, [minimal], 0, 0))
        except StoreRejected:
            _log.exception("given_up", extra={"f": {"item": lease.item}})
        self._forget(lease.lease)

    def _take(self, reply: Reply, wanted: int) -> None:
        """Start on the work in *reply*, and decide when to ask again."""
        self._drop(Renewal(cancelled=reply.cancelled))
        for raw in reply.work:
            self._accept(raw)
        clock = time.monotonic()
        longest = self._settings.poll_interval_s
        if reply.work:
            self._pause_s = _POLL_MIN_S
            full = len(reply.work) >= wanted
            self._next_claim = clock if full else clock + _POLL_MIN_S
        elif wanted:
            wait = self._pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not secrecy
            self._pause_s = min(self._pause_s * 2, longest)
            if reply.retry_ms is not None:
                wait = min(wait, longest, float(reply.retry_ms) / 1000)
            self._next_claim = clock + (0.0 if self._woken else wait)
        self._start_ready()

    def _accept(self, raw: dict[str, object]) -> None:
        try:
            item = parse_item(raw)
        except ValidationError:
            _log.exception("work_without_lease")
            return
        if isinstance(item, tuple):
            lease, reason = item
            self._post(lease, Report.of_failure(lease, now(), "definition", reason))
        elif item.lease not in self._items:  # a repeated claim brings what is held already
            self._items[item.lease] = item
            self._keeper.hold(item)
            self._ready.append(item)

    def _start_ready(self) -> None:
        while self._ready and len(self._running) < self._settings.concurrency:
            if self._stop.is_set():
                return
            item = self._ready.popleft()
            task = asyncio.create_task(self._run_item(item))
            self._running[item.lease] = task
            task.add_done_callback(partial(self._finished, item))

    async def _run_item(self, item: Item) -> None:
        try:
            report = await self._runner.run(item)
        except Exception:
            # Recorded and carried on from: one item's surprise must not end the others.
            _log.exception("internal_error", extra={"f": {"item": item.item}})
            message = "the worker failed on this item; its log says more"
            report = Report.of_failure(item, now(), "unreportable", message)
        self._post(item, report)

    def _finished(self, item: Item, _: asyncio.Task[None]) -> None:
        """Free the slot; a callback, since a task cancelled before it began runs no ``finally``."""
        self._running.pop(item.lease, None)
        self._start_ready()
        self._changed.set()

    def _post(self, lease: Lease, report: Report) -> None:
        if not self._outbox:
            self._oldest = time.monotonic()
        self._outbox.append((lease, report.to_json()))
        self._changed.set()

    def _drop(self, renewal: Renewal) -> None:
        """End what the database no longer wants; a cancelled attempt is still reported, as such."""
        for unwanted, report in ((renewal.cancelled, True), (renewal.lost, False)):
            for item in [one for one in self._items.values() if one.item in unwanted]:
                task = self._running.get(item.lease)
                if task:
                    task.cancel()
                elif item in self._ready:
                    self._ready.remove(item)
                else:
                    continue  # its report is on its way
                if report:
                    message = "cancelled before there was an answer"
                    self._post(item, Report.of_failure(item, now(), "cancelled", message))
                else:
                    self._forget(item.lease)

    def _forget(self, lease: str) -> None:
        self._items.pop(lease, None)
        self._keeper.let_go(lease)

    def _wake(self) -> None:
        self._woken = True
        self._next_claim = 0.0
        self._pause_s = _POLL_MIN_S
        self._changed.set()

    async def _watch(self) -> None:
        """Listen for hints that there is work; without them, polling finds it a little later."""
        pause_s = 1.0
        while True:
            began = time.monotonic()
            try:
                await self._store.watch_runs(self._wake)
            except StoreError as error:
                _log.info("watch_failed", extra={"f": {"reason": str(error)}})
            pause_s = 1.0 if time.monotonic() - began > _STEADY_S else min(pause_s * 2, _STEADY_S)
            await asyncio.sleep(pause_s)

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat *call*, which carries its call id, until the database has answered it."""
        pause_s = _RETRY_MIN_S
        while True:
            try:
                return await call()
            except StoreUnavailable as error:
                _log.warning("store_unavailable", extra={"f": {"code": error.code}})
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
                pause_s = min(pause_s * 2, _RETRY_MAX_S)
