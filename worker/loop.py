"""The worker's life: claim, run, report, renew, stop. Nothing it holds is lost when it dies."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from worker import __version__
from worker.config import Settings
from worker.errors import AccessRefused, StoreError, StoreRejected
from worker.leases import LeaseKeeper
from worker.models import Item, Lease, Renewal, Reply, Report, parse_item
from worker.outbox import Outbox, Outgoing
from worker.pace import Pace, insist, keep_watching
from worker.runner import Runner, now
from worker.store import SupabaseStore

_log = logging.getLogger(__name__)


class Worker:
    """One worker process: slots that run items, and one conversation with the database."""

    def __init__(self, store: SupabaseStore, runner: Runner, settings: Settings) -> None:
        """Nothing starts before ``run``."""
        self._store = store
        self._runner = runner
        self._settings = settings
        self._id = ""
        self._ready: deque[Item] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._outbox = Outbox()
        self._pace = Pace(settings.poll_interval_s)
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._keeper: LeaseKeeper

    def stop(self) -> None:
        """Ask the worker to stop politely; for signal handlers, and harmless when repeated."""
        self._stop.set()
        self._changed.set()

    async def run(self, *, once: bool = False) -> None:
        """Work until stopped, or with *once* until there is nothing left to do.

        Raises ``StoreError`` when the database cannot be reached at the start, or refuses.
        """
        name, labels = self._settings.name, self._settings.labels
        self._id = await self._store.register_worker(
            name, __version__, self._settings.concurrency, labels
        )
        _log.info("started", extra={"f": {"worker_id": self._id, "name": name}})
        loop = asyncio.get_running_loop()
        self._keeper = LeaseKeeper(
            lambda items: self._store.renew_work(self._id, items),
            lambda renewal: loop.call_soon_threadsafe(self._drop, renewal),
        )
        watch = asyncio.create_task(self._watch())
        talk = asyncio.create_task(self._converse(once=once))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({talk, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                await self._wind_down(talk)
            if talk.done():
                talk.result()
        finally:
            tasks = (watch, talk, stopping, *self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._keeper.close)
            _log.info("stopped", extra={"f": {"worker_id": self._id}})

    async def _wind_down(self, talk: asyncio.Task[None]) -> None:
        """Finish what is in flight within the grace period, report it, hand back the rest."""
        await self._hand_back()
        await asyncio.wait({talk}, timeout=self._settings.grace_s)
        for task in self._running.values():
            # It was sent. The lease will run out, and the database decide whether to send again.
            task.cancel()
        await asyncio.wait({talk}, timeout=self._settings.kill_s)
        await self._hand_back()

    async def _hand_back(self) -> None:
        unsent = [*self._ready]
        self._ready.clear()
        for item in unsent:
            self._keeper.let_go(item.lease)
        if unsent:
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(self._settings.kill_s):
                    await self._store.release_work(self._id, unsent)

    async def _converse(self, *, once: bool) -> None:
        """Be the one conversation with the database: report what is done, take what is next."""
        while True:
            self._changed.clear()
            if self._outbox and self._must_flush():
                await self._report(self._outbox.take())
            elif self._stop.is_set() and self._is_idle():
                return
            elif any(self._room()) and time.monotonic() >= self._pace.next_claim:
                reply = await self._call(())
                is_drained = not reply.work and reply.retry_ms is None
                if once and is_drained and self._is_idle():
                    return
            else:
                due = [self._outbox.due_at] if self._outbox else []
                due += [self._pace.next_claim] if any(self._room()) else []
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(due) - time.monotonic() if due else None):
                        await self._changed.wait()

    def _is_idle(self) -> bool:
        return not (self._running or self._ready or self._outbox)

    def _room(self) -> tuple[int, int]:
        """Return how many items could start at once and how many more could be held ready."""
        if self._stop.is_set():
            return 0, 0
        slots = self._settings.concurrency - len(self._running) - len(self._ready)
        held, most = max(0, -slots), self._settings.prefetch
        # Topping up by a few at a time would cost a call for each.
        return max(0, slots), most - held if held <= most // 2 else 0

    def _must_flush(self) -> bool:
        """Decide whether to report now: waiting pays only while more reports are sure to come."""
        is_hungry = not self._ready and len(self._running) < self._settings.concurrency
        return is_hungry or self._outbox.is_due()

    async def _report(self, batch: Sequence[Outgoing]) -> None:
        """Report *batch*; one that is refused as a whole is halved till the offender is alone."""
        try:
            await self._call(batch)
        except AccessRefused:
            raise
        except StoreRejected as error:
            lease, middle = batch[0].lease, len(batch) // 2
            if middle:
                await self._report(batch[:middle])
                await self._report(batch[middle:])
            elif batch[0].is_last_resort:
                self._keeper.let_go(lease.lease)
            else:
                _log.exception("unreportable", extra={"f": {"item": lease.item}})
                message = f"the database does not take the report ({error.code or error.status})"
                report = Report.of_failure(lease, now(), "unreportable", message).to_json()
                await self._report([Outgoing(lease, report, is_last_resort=True)])

    async def _call(self, batch: Sequence[Outgoing]) -> Reply:
        """Claim, and report *batch* in the same call if there is any; start on what comes back."""
        (slots, prefetch), call_id = self._room(), uuid4()
        self._pace.begin()
        if batch:
            reports = [one.report for one in batch]
            reply = await insist(
                lambda: self._store.report_work(self._id, call_id, reports, slots, prefetch)
            )
        else:
            reply = await insist(lambda: self._store.claim_work(self._id, call_id, slots, prefetch))
        for one in batch:
            self._keeper.let_go(one.lease.lease)
        self._drop(Renewal(cancelled=reply.cancelled))
        for raw in reply.work:
            self._accept(raw)
        if slots + prefetch:
            self._pace.end(reply, is_full=len(reply.work) >= slots + prefetch)
        self._start_ready()
        return reply

    def _accept(self, raw: dict[str, Any]) -> None:
        try:
            item = parse_item(raw)
        except ValidationError:
            _log.exception("work_without_lease")
            return
        if isinstance(item, tuple):
            lease, reason = item
            self._post(lease, Report.of_failure(lease, now(), "definition", reason))
        elif item.lease not in self._keeper.held:  # a repeated claim brings what is held already
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
            self._post(item, await self._runner.run(item))
        except Exception:  # noqa: BLE001
            # Recorded and carried on from: one item's surprise must not end the others.
            _log.exception("internal_error", extra={"f": {"item": item.item}})
            message = "the worker failed on this item; its log says more"
            self._post(item, Report.of_failure(item, now(), "unreportable", message))

    def _finished(self, item: Item, _: asyncio.Task[None]) -> None:
        """Free the slot; a callback, since a task cancelled before it began runs no ``finally``."""
        self._running.pop(item.lease, None)
        self._start_ready()
        self._changed.set()

    def _post(self, lease: Lease, report: Report) -> None:
        fields = {"item": lease.item, "attempt": lease.attempt, "error": report.error}
        _log.debug("attempt", extra={"f": fields})
        self._outbox.add(lease, report)
        self._changed.set()

    def _drop(self, renewal: Renewal) -> None:
        """End what the database no longer wants; a cancelled attempt is still reported, as such."""
        unwanted = {*renewal.cancelled, *renewal.lost}
        for item in [one for one in self._keeper.held.values() if one.item in unwanted]:
            if task := self._running.get(item.lease):
                task.cancel()
            elif item in self._ready:
                self._ready.remove(item)
            else:
                continue  # its report is on its way
            if item.item in renewal.cancelled:
                message = "cancelled before there was an answer"
                self._post(item, Report.of_failure(item, now(), "cancelled", message))
            else:
                self._keeper.let_go(item.lease)

    async def _watch(self) -> None:
        if self._settings.realtime == "on":
            await keep_watching(lambda: self._store.watch_runs(self._wake))

    def _wake(self) -> None:
        self._pace.wake()
        self._changed.set()
