"""Makes the lookups of an answer in bounded time.

What costs no more than a glance is done in place: a hop to another process for every request
would halve the throughput. The rest goes to a helper process, which is killed when it takes too
long: a tenant's expression stalls neither the event loop nor another tenant's lookups.
"""

import asyncio
import contextlib
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import cast

from worker import jsontext
from worker.models import Fault, Lookup, Observed
from worker.observe import OF_BODY, Evidence, fit, is_heavy, observe

_INLINE_CHARS = 128 * 1024
_HELPERS = 2
_HELPER_BYTES = 1 << 30
_LINE_BYTES = 8 << 20


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
        if evidence.fault or not away:
            found = [observe(one, evidence) for one in lookups]
            # Nothing found is larger than where it was found, nor odder than its text.
            is_small = len(evidence.text) * len(lookups) <= _INLINE_CHARS
            return found if is_small and _is_plain(evidence.text) else fit(found)
        answers = {one.id: one for one in await self._send_away(away, evidence)}
        return fit(answers.get(one.id) or observe(one, evidence) for one in lookups)

    async def aclose(self) -> None:
        """End the helper processes."""
        while self._idle:
            await _end(self._idle.pop())

    async def _send_away(self, lookups: Sequence[Lookup], evidence: Evidence) -> list[Observed]:
        found: list[Observed] = []
        async with self._slots:
            while len(found) < len(lookups):
                helper = self._idle.pop() if self._idle else await _start_helper()
                is_fit = False
                try:
                    await self._ask(helper, lookups[len(found) :], evidence, found)
                    is_fit = True
                except (TimeoutError, OSError, ValueError) as error:
                    is_late = isinstance(error, TimeoutError)
                    said = f"took longer than {self._timeout_s:g} s" if is_late else "failed"
                    fault = Fault(slug="lookup_too_slow", message=f"the lookup {said}")
                    found.append(Observed(id=lookups[len(found)].id, error=fault))
                finally:
                    if is_fit:
                        self._idle.append(helper)
                    else:
                        await _end(helper)
        return found

    async def _ask(
        self, helper: Process, lookups: Sequence[Lookup], evidence: Evidence, found: list[Observed]
    ) -> None:
        """Append to *found* one answer after the other; raises ``TimeoutError`` on a slow one."""
        question = {
            "evidence": [evidence.headers, evidence.text],
            "lookups": [lookup.model_dump() for lookup in lookups],
        }
        cast("asyncio.StreamWriter", helper.stdin).write(jsontext.dumps(question).encode() + b"\n")
        for _ in lookups:
            async with asyncio.timeout(self._timeout_s):
                line = await cast("asyncio.StreamReader", helper.stdout).readline()
            found.append(Observed.model_validate(jsontext.loads(line)))


def _is_plain(text: str) -> bool:
    r"""Tell whether nothing in *text* can be a NUL or half a surrogate pair, even escaped."""
    return "\\u" not in text and "\x00" not in text


async def _start_helper() -> Process:
    helper = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES
    )
    # It says when it is ready: starting is not part of a lookup's time.
    await cast("asyncio.StreamReader", helper.stdout).readline()
    return helper


async def _end(helper: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        helper.kill()
    await helper.wait()


def _serve() -> None:
    """Be a helper: answer each line of stdin with one line for each of its lookups."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_HELPER_BYTES, _HELPER_BYTES))
    out = sys.stdout.buffer
    out.write(b"\n")
    out.flush()
    for line in sys.stdin.buffer:
        question = jsontext.loads(line)
        evidence = Evidence(*question["evidence"])
        for raw in question["lookups"]:
            (answer,) = fit([observe(Lookup.model_validate(raw), evidence)])
            out.write(jsontext.dumps(answer.model_dump()).encode() + b"\n")
            out.flush()


if __name__ == "__main__":
    _serve()
