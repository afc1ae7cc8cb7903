"""Makes the lookups of an answer in bounded time.

What costs no more than a glance is done in place: a hop to another process for every request
would halve the throughput. The rest goes to a helper process, which is killed when it takes too
long: a tenant's expression stalls neither the event loop nor another tenant's lookups.
"""

import asyncio
import contextlib
import math
import multiprocessing
import re
import resource
from collections.abc import Sequence

from pebble import ProcessExpired, ProcessPool

from worker.models import Fault, Lookup, Observed
from worker.observe import OF_BODY, Evidence, fit, is_heavy, observe

_INLINE_CHARS = 128 * 1024
# Of RE2, as _effort estimates it: about a tenth of a second at worst.
_INLINE_EFFORT = 2_000_000
_PATIENCE = 3
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
        size = len(evidence.text) + sum(len(value) for _, value in evidence.headers)
        is_long = size * sum(_effort(one.pattern) for one in lookups) > _INLINE_EFFORT
        away = [
            one
            for one in lookups
            if (is_big and one.source in OF_BODY) or (is_long and one.pattern) or is_heavy(one)
        ]
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
        """Make *lookups* in a helper: all in the time of one, else each in a time of its own.

        After a few that took too long the rest is given up: others wait for the helper.
        """
        work = self._helpers.schedule(_look_up, (lookups, evidence), timeout=self._timeout_s)
        try:
            return await asyncio.wrap_future(work)
        except (TimeoutError, ProcessExpired, MemoryError) as error:
            is_late = isinstance(error, TimeoutError)
            said = f"took longer than {self._timeout_s:g} s" if is_late else "failed"
            fault = Fault(slug="lookup_too_slow", message=f"the lookup {said}")
            alone: list[Observed] = []
            for one in lookups:
                is_hopeless = [answer.error == fault for answer in alone].count(True) >= _PATIENCE
                if len(lookups) == 1 or is_hopeless:
                    alone.append(Observed(id=one.id, error=fault))
                else:
                    alone += await self._send_away([one], evidence)
            return alone


def _effort(pattern: str | None) -> int:
    """Estimate the size of what RE2 compiles: counted repetitions multiply, classes are large."""
    if not pattern:
        return 0
    counts = [int(count) for count in re.findall(r"[{,]([0-9]{1,4})(?=[,}])", pattern)]
    times = math.prod(counts) if "){" in pattern else sum(counts)
    return (len(pattern) + 8) * max(times, 1) * (100 if r"\p" in pattern.lower() else 1)


def _is_plain(text: str) -> bool:
    r"""Tell whether nothing in *text* can be a NUL or half a surrogate pair, even escaped."""
    return "\\u" not in text and "\x00" not in text


def _limit_memory() -> None:
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_HELPER_BYTES, _HELPER_BYTES))


def _look_up(lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
    return [fit([observe(one, evidence)])[0] for one in lookups]
