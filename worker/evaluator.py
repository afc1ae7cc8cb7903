"""Makes the lookups of an answer in bounded time.

What costs no more than a glance is done in place: a hop to another process for every request
would halve the throughput. The rest goes to a helper process, which is killed when it takes too
long: a tenant's expression stalls neither the event loop nor another tenant's lookups.
"""

import asyncio
import contextlib
import multiprocessing
import resource
from collections.abc import Sequence

from pebble import ProcessExpired, ProcessPool

from worker.models import Fault, Lookup, Observed
from worker.observe import OF_BODY, Evidence, fit, is_heavy, observe

_INLINE_CHARS = 128 * 1024
_HELPERS = 2
_HELPER_BYTES = 1 << 30


class Evaluator:
    """Holds the helper processes, started when first needed."""

    def __init__(self, timeout_s: float) -> None:
        """Allow each lookup *timeout_s* seconds."""
        self._timeout_s = timeout_s
        # Not forked: this process has threads, which may hold a lock at that moment.
        context = multiprocessing.get_context("spawn")
        self._helpers = ProcessPool(_HELPERS, initializer=_limit_memory, context=context)

    async def observe_all(self, lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
        """Make all *lookups*; the answers come in their order, cut to what a report may hold."""
        is_big = len(evidence.text) > _INLINE_CHARS
        away = [one for one in lookups if (is_big and one.source in OF_BODY) or is_heavy(one)]
        if evidence.fault or not away:
            found = [observe(one, evidence) for one in lookups]
            # Nothing found is larger than where it was found, nor odder than its text.
            is_small = len(evidence.text) * len(lookups) <= _INLINE_CHARS
            return found if is_small and _is_plain(evidence.text) else fit(found)
        answers = {one.id: one for one in await self._send_away(away, evidence)}
        return fit(answers.get(one.id) or observe(one, evidence) for one in lookups)

    async def aclose(self) -> None:
        """End the helper processes."""
        self._helpers.stop()
        await asyncio.to_thread(self._helpers.join)

    async def _send_away(self, lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
        """Make *lookups* in a helper: all in the time of one, else each in a time of its own."""
        work = self._helpers.schedule(_look_up, (lookups, evidence), timeout=self._timeout_s)
        try:
            return await asyncio.wrap_future(work)
        except (TimeoutError, ProcessExpired, MemoryError) as error:
            if len(lookups) > 1:
                alone = [await self._send_away([one], evidence) for one in lookups]
                return [answer for answers in alone for answer in answers]
            is_late = isinstance(error, TimeoutError)
            said = f"took longer than {self._timeout_s:g} s" if is_late else "failed"
            fault = Fault(slug="lookup_too_slow", message=f"the lookup {said}")
            return [Observed(id=lookups[0].id, error=fault)]


def _is_plain(text: str) -> bool:
    r"""Tell whether nothing in *text* can be a NUL or half a surrogate pair, even escaped."""
    return "\\u" not in text and "\x00" not in text


def _limit_memory() -> None:
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_HELPER_BYTES, _HELPER_BYTES))


def _look_up(lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
    return [fit([observe(one, evidence)])[0] for one in lookups]
