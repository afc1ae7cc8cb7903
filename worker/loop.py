"""The worker's life: claim, run, report, renew, stop. Nothing it holds is lost when it dies."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from worker import __version__
from worker.config import Settings
from worker.errors import AccessRefused, StoreError, StoreRejected
from worker.leases import LeaseKeeper
from worker.models import Claim, Item, Lease, Renewal, Report, parse_item
from worker.outbox import BATCH_REPORTS, Outbox, Outgoing
from worker.pace import MOST_HALVINGS, Pace, keep_watching
from worker.runner import Runner, now
from worker.store import SupabaseStore

_log = logging.getLogger(__name__)

# What is refused with one of these is the request, not the moment.
_OF_CONTENT, _FORBIDDEN = frozenset({400, 409, 413, 422}), 403


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
        # The call that may have taken work and was not answered yet: its id, and when it was made.
        self._call_id = str(uuid4())
        self._asked_at: float | None = None
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
        self._id = await self._store.register_worker(self._settings, __version__)
        _log.info("started", extra={"f": {"worker_id": self._id, "name": self._settings.name}})
        loop = asyncio.get_running_loop()
        self._keeper = LeaseKeeper(
            lambda items: self._store.renew_work(self._id, items),
            lambda *told: loop.call_soon_threadsafe(self._renewed, *told),
        )
        watch = asyncio.create_task(self._watch())
        talk = asyncio.create_task(self._converse(once=once))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({talk, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await self._wind_down(talk)
            if talk.done():
                talk.result()
        except StoreError as error:
            error.add_note(f"Requests dropped unreported: {len(self._keeper.held)}.")
            raise
        finally:
            tasks = (watch, talk, stopping, *self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._keeper.close, self._settings.kill_s)
            _log_dropped("the worker ended", self._keeper.held)
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
        # What cannot be handed back stays with the keeper, and is told as dropped at the end.
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(self._settings.kill_s):
                if unsent:
                    await self._store.release_work(self._id, unsent)
            for item in unsent:
                self._keeper.let_go(item)

    async def _converse(self, *, once: bool) -> None:
        """Be the one conversation with the database: report what is done, take what is next.

        A turn that fails changes nothing but the pace: the next one decides anew. So it goes on for
        as long as the process lives.
        """
        while True:
            self._changed.clear()
            if self._stop.is_set() and self._is_idle():
                return
            due_at = self._next_turn()
            if due_at is not None and due_at <= time.monotonic():
                is_drained = await self._take_turn()
                if once and is_drained and self._is_idle():
                    return
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(due_at and due_at - time.monotonic()):
                        await self._changed.wait()

    def _is_idle(self) -> bool:
        is_waiting = self._ready and not self._stop.is_set()  # else it is handed back
        return not (self._running or is_waiting or self._outbox or self._asked_at)

    def _next_turn(self) -> float | None:
        """Return when to call next, by ``time.monotonic``; None when there is nothing to say."""
        due = []
        if self._outbox:
            # Waiting for company pays only while more reports are sure to come.
            is_hungry = not self._ready and len(self._running) < self._settings.concurrency
            due.append(0.0 if is_hungry or self._pace.halvings else self._outbox.due_at)
        if self._room().most:
            due.append(self._pace.next_claim)
        return max(min(due), self._pace.not_before) if due else None

    def _room(self, batch: Sequence[Outgoing] = ()) -> Claim:
        """Return how many items could start at once and how many more could be held ready.

        Reports that are not in *batch* take room as items do: who is slow to report claims less.
        """
        slots = prefetch = 0
        if self._stop.is_set():
            # One, to hear what a call took whose answer was lost: it is to be handed back.
            slots = int(self._asked_at is not None and not batch)
        elif not self._outbox.is_full and not (batch and self._pace.halvings):
            waiting = len(self._ready) + len(self._outbox) - len(batch)
            slots = self._settings.concurrency - len(self._running) - waiting
            held, most = max(0, -slots), self._settings.prefetch
            # Topping up by a few at a time would cost a call for each.
            prefetch = self._pace.share(most - held if held <= most // 2 else 0)
            slots = self._pace.share(max(0, slots))
        return Claim(worker_id=self._id, call_id=self._call_id, free_slots=slots, prefetch=prefetch)

    async def _take_turn(self) -> bool:
        """Report and claim in one call; tell whether it was a claim and there is nothing to do."""
        batch = self._outbox.batch(self._pace.share(BATCH_REPORTS))
        claim = self._room(batch)
        if claim.most and self._asked_at is None:
            self._asked_at = time.monotonic()
        self._pace.begin()
        reports = [one.report for one in batch]
        ask, tell = self._store.claim_work, self._store.report_work
        try:
            reply = await (tell(claim, reports) if batch else ask(claim))
        except StoreError as error:
            if isinstance(error, AccessRefused):
                raise
            self._fail(error, batch, is_alone=len(batch) == 1 and not claim.most)
            return False
        self._pace.recover()
        self._outbox.remove_first(len(batch))
        for one in batch:
            self._keeper.let_go(one.lease)
        _log_dropped("reported when its lease was lost", reply.stale)
        _log_dropped("the database could not judge the report", reply.unreportable)
        if claim.most and self._asked_at is not None:
            for raw in reply.work:
                self._accept(raw, self._asked_at)
            self._asked_at = None
            self._pace.end(reply, is_full=len(reply.work) >= claim.most)
        if self._asked_at is None:
            self._call_id = str(uuid4())
        self._start_ready()
        return claim.most > 0 and not batch and not reply.work and reply.retry_ms is None

    def _fail(self, error: StoreError, batch: Sequence[Outgoing], *, is_alone: bool) -> None:
        """Make the next turn smaller, till a report that is refused stands alone, or later."""
        if batch and isinstance(error, StoreRejected) and error.status in _OF_CONTENT:
            self._pace.reduce()
        else:
            self._pace.back_off(error)
            # A page that says so even of one report comes from a firewall that reads along.
            is_alone &= error.status == _FORBIDDEN and self._pace.halvings == MOST_HALVINGS
        if not is_alone:
            return
        lease, _, is_last_resort = batch[0]
        said = f"the database does not take the report ({error.code or error.status})"
        if not is_last_resort:
            _log.error("unreportable", extra={"f": {"item": lease.item, "reason": said}})
            self._outbox.replace_first(Report.of_failure(lease, now(), "unreportable", said))
        elif isinstance(error, StoreRejected):
            self._outbox.remove_first(1)
            self._keeper.let_go(lease)
            _log_dropped(said, [lease.item])

    def _accept(self, raw: dict[str, Any], asked_at: float) -> None:
        try:
            item = parse_item(raw)
        except ValidationError:
            _log.exception("work_without_lease")
            return
        if isinstance(item, tuple):
            lease, reason = item
            self._post(lease, Report.of_failure(lease, now(), "definition", reason))
            return
        if held := self._keeper.held.get(item.item):
            if held.item.lease == item.lease:
                return
            self._break_off(held.item)  # given to us anew: the lease before ran out
        self._keeper.hold(item, asked_at)
        self._ready.append(item)

    def _start_ready(self) -> None:
        """Start what is ready: never more than there is room to report, nor under an old lease."""
        while len(self._running) < self._settings.concurrency and not self._outbox.is_full:
            item = next((one for one in self._ready if self._keeper.is_ours(one)), None)
            if item is None or self._stop.is_set():
                return
            self._ready.remove(item)
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

    def _renewed(self, renewal: Renewal, items: Sequence[Item]) -> None:
        """End what the database no longer wants; start what waited to be surely ours again."""
        for item in items:
            if item.item in renewal.cancelled:
                self._break_off(item, is_cancelled=True)
            elif item.item in renewal.lost:
                self._break_off(item)
        self._start_ready()
        self._changed.set()

    def _break_off(self, item: Item, *, is_cancelled: bool = False) -> None:
        """End *item* unless its report is on its way; a cancelled one is reported, as such."""
        if task := self._running.get(item.lease):
            task.cancel()
        elif item in self._ready:
            self._ready.remove(item)
        else:
            return
        if is_cancelled:
            message = "cancelled before there was an answer"
            self._post(item, Report.of_failure(item, now(), "cancelled", message))
        else:
            self._keeper.let_go(item)
            _log_dropped("its lease was lost", [item.item])

    async def _watch(self) -> None:
        if self._settings.realtime == "on":
            await keep_watching(lambda: self._store.watch_runs(self._wake))

    def _wake(self) -> None:
        self._pace.wake()
        self._changed.set()


def _log_dropped(reason: str, items: Collection[int]) -> None:
    """Tell what comes to nothing here: nothing is dropped without a word."""
    if items:
        _log.warning("dropped", extra={"f": {"reason": reason, "items": sorted(items)}})
