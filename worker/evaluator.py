"""Makes the lookups of an answer in bounded time.

What costs no more than a glance is done in place: a hop to another process for every request
would halve the throughput. The rest goes to a helper process, which is killed when it takes too
long: a tenant's expression can stall neither the event loop nor another tenant's lookups.
"""

import asyncio
import contextlib
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

from worker import jsontext
from worker.models import Lookup, Observed
from worker.observe import OF_BODY, Evidence, fit, is_heavy, observe

_INLINE_CHARS = 128 * 1024
_HELPERS = 2
_HELPER_BYTES = 1 << 30
_LINE_BYTES = 8 << 20
# An answer whose lookups keep running out of time is given up after this many.
_PATIENCE = 3


class Evaluator:
    """Holds the helper processes, started when first needed."""

    def __init__(self, timeout_s: float) -> None:
        """Allow each lookup *timeout_s* seconds."""
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(_HELPERS)
        self._idle: list[Process] = []

    async def observe_all(self, lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
        """Make all *lookups*; the answers come in their order, cut to what a report may hold."""
        is_big = len(evidence.text) > _INLINE_CHARS
        away = [one for one in lookups if (is_big and one.source in OF_BODY) or is_heavy(one)]
        if not away:
            found = [observe(one, evidence) for one in lookups]
            # Nothing found can be larger than where it was found, nor odder than its text.
            if len(evidence.text) * len(lookups) <= _INLINE_CHARS and _is_plain(evidence.text):
                return found
            return fit(found)
        answers = {one.id: one for one in await self._send_away(away, evidence)}
        return fit(answers.get(one.id) or observe(one, evidence) for one in lookups)

    async def aclose(self) -> None:
        """End the helper processes."""
        for helper in self._idle:
            helper.kill()
            await helper.wait()
        self._idle.clear()

    async def _send_away(self, lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
        found: list[Observed] = []
        late = 0
        async with self._slots:
            while len(found) < len(lookups) and late < _PATIENCE:
                helper = self._idle.pop() if self._idle else await _start_helper()
                try:
                    await self._ask(helper, lookups[len(found) :], evidence, found)
                    self._idle.append(helper)
                except TimeoutError:
                    late += 1
                    found.append(self._too_slow(lookups[len(found)]))
                except (OSError, ValueError):
                    found.append(
                        Observed(id=lookups[len(found)].id, error="the lookup asks for too much")
                    )
                finally:
                    if helper not in self._idle:
                        with contextlib.suppress(ProcessLookupError):
                            helper.kill()
                        await helper.wait()
        return found + [self._too_slow(lookup) for lookup in lookups[len(found) :]]

    async def _ask(
        self,
        helper: Process,
        lookups: Sequence[Lookup],
        evidence: Evidence,
        found: list[Observed],
    ) -> None:
        """Append to *found* one answer after the other; raises ``TimeoutError`` on a slow one."""
        assert helper.stdin  # noqa: S101 - both are pipes, says how it was started
        assert helper.stdout  # noqa: S101
        question = {
            "headers": evidence.headers,
            "text": evidence.text,
            "fault": evidence.fault,
            "lookups": [lookup.model_dump() for lookup in lookups],
        }
        helper.stdin.write(jsontext.dumps(question).encode() + b"\n")
        for _ in lookups:
            async with asyncio.timeout(self._timeout_s):
                line = await helper.stdout.readline()
            found.append(Observed.model_validate(jsontext.loads(line)))

    def _too_slow(self, lookup: Lookup) -> Observed:
        return Observed(id=lookup.id, error=f"the lookup took longer than {self._timeout_s:g} s")


def _is_plain(text: str) -> bool:
    r"""Tell whether nothing in *text* can be a NUL or half a surrogate pair, even escaped."""
    return "\\u" not in text and "\x00" not in text


async def _start_helper() -> Process:
    helper = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES
    )
    assert helper.stdout  # noqa: S101 - a pipe, one line above
    await helper.stdout.readline()  # it says when it is ready: starting is not the lookup's time
    return helper


def _serve() -> None:
    """Be a helper: answer each line of stdin with one line for each of its lookups."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_HELPER_BYTES, _HELPER_BYTES))
    sys.stdout.write("\n")
    sys.stdout.flush()
    for line in sys.stdin.buffer:
        question = jsontext.loads(line)
        evidence = Evidence(question["headers"], question["text"], question["fault"])
        for raw in question["lookups"]:
            (answer,) = fit([observe(Lookup.model_validate(raw), evidence)])
            sys.stdout.buffer.write(jsontext.dumps(answer.model_dump()).encode() + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
