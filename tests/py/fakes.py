"""An in-memory database for the worker: the same calls as ``SupabaseStore``, leases and all."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import HttpVersion11

from worker.config import Settings
from worker.models import Claim, Lease, Renewal, Reply, Request
from worker.transport import Hop, TargetTransport

Target = Callable[[Hop], Awaitable[bytes]]


def work_item(number: int, url: str = "http://target.test/", **changes: object) -> dict[str, Any]:
    """Return one piece of work as ``claim_work`` hands it out; *changes* replace request fields."""
    request = {
        "method": "GET",
        "url": url,
        "headers": [["accept", "application/json"]],
        "secret_headers": ["authorization"],
        "body": None,
        "auth": None,
        "timeout_ms": {"connect": 60_000, "total": 120_000},
        "max_redirects": 10,
        "verify_tls": True,
        "http_versions": ["1.1"],
        "max_body_bytes": 5242880,
    } | changes
    return {
        "item": number,
        "run": str(uuid4()),
        "result": str(uuid4()),
        "attempt": 1,
        "lease": str(uuid4()),
        "lease_ms": 30000,
        "request": request,
        "observe": [],
        "json_schema": None,
    }


@dataclass
class FakeStore:
    """Hands out *queue* in order; what happened is in the other fields."""

    queue: deque[dict[str, Any]] = field(default_factory=deque)
    reports: list[dict[str, Any]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    renewed: list[list[int]] = field(default_factory=list)
    call_ids: list[str] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    # Called with the calls's name before it is answered, and free to raise or to wait.
    before: Callable[[str], Any] = lambda _: None
    # Called after the work of a call is done and before its answer is given: a lost reply.
    after: Callable[[str], Any] = lambda _: None
    # Given each report; raises to refuse the batch, or returns work that it unlocks.
    judge: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda _: []
    renewal: Renewal = field(default_factory=Renewal)
    latency_s: float = 0.0
    wake: Callable[[], None] = lambda: None
    # What is leased: the token by item, and the work by the call that took it.
    leases: dict[int, str] = field(default_factory=dict)
    _taken: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    async def register_worker(self, settings: Settings, version: str) -> str:
        """Remember who registered."""
        self.before("register_worker")
        self.registered = (settings.name, version, settings.concurrency, settings.labels)
        return str(uuid4())

    async def claim_work(self, claim: Claim) -> Reply:
        """Hand out work."""
        self.before("claim_work")
        return await self._answer("claim_work", claim, ())

    async def report_work(self, claim: Claim, reports: Sequence[bytes]) -> Reply:
        """Take reports, and hand out work."""
        self.before("report_work")
        return await self._answer("report_work", claim, reports)

    async def _answer(self, name: str, claim: Claim, reports: Sequence[bytes]) -> Reply:
        self.call_ids.append(claim.call_id)
        self.asked.append((claim.free_slots, claim.prefetch))
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        parsed = [json.loads(report) for report in reports]
        current = [one for one in parsed if self.leases.get(one["item"]) == one["lease"]]
        unlocked = [work for one in current for work in self.judge(one)]
        for one in current:
            del self.leases[one["item"]]
            self._told.add(one["lease"])
        self.queue.extend(unlocked)
        self.reports.extend(current)
        if parsed:
            self.batches.append(len(parsed))
        reply = Reply(
            work=tuple(self._claim(claim) if claim.most else ()),
            accepted=tuple(one["item"] for one in parsed if one["lease"] in self._told),
            stale=tuple(one["item"] for one in parsed if one["lease"] not in self._told),
        )
        self.after(name)
        return reply

    def _claim(self, claim: Claim) -> list[dict[str, Any]]:
        """Take from the queue, unless this very call did so before and its reply was lost."""
        taken = self._taken.get(claim.call_id, [])
        taken = [one for one in taken if self.leases.get(one["item"]) == one["lease"]]
        if not taken:
            taken = [self.queue.popleft() for _ in range(min(claim.most, len(self.queue)))]
            whole = [one for one in taken if {"item", "lease"} <= one.keys()]
            self.leases |= {one["item"]: one["lease"] for one in whole}
            self._taken[claim.call_id] = whole
        return taken

    def renew_work(self, worker_id: str, items: Sequence[Lease]) -> Renewal:
        """Answer as ``renewal`` says."""
        del worker_id
        self.before("renew_work")
        self.renewed.append([one.item for one in items])
        return self.renewal

    async def release_work(self, worker_id: str, items: Sequence[Lease]) -> None:
        """Take work back."""
        del worker_id
        self.before("release_work")
        for one in items:
            if self.leases.get(one.item) == one.lease:
                del self.leases[one.item]
                self.released.append(one.item)

    async def watch_runs(self, wake: Callable[[], None]) -> None:
        """Keep *wake* for the test to call."""
        self.wake = wake
        wake()
        await asyncio.Event().wait()


class FakeTransport(TargetTransport):
    """Sends nothing: *target* gives the body of each answer, whose status is 200."""

    def __init__(self, target: Target) -> None:
        """Ask *target*."""
        self._target = target

    async def send(self, hop: Hop, _: Request) -> Any:
        """Answer *hop*."""
        return FakeReply(await self._target(hop))


@dataclass
class FakeReply:
    """What of aiohttp's answer the worker looks at."""

    body: bytes
    status: int = 200
    version: Any = HttpVersion11
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def content(self) -> Any:
        """Be the stream of the body too."""
        return self

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Give it in one piece."""
        yield self.body

    def close(self) -> None:
        """Nothing is held."""
