"""Faults on purpose: what a client sees when the API has a bad day.

Which calls a fault strikes is counted, not drawn: call number ``n`` of those that match ``on``,
beginning with 0, is struck when ``n >= after`` and ``(n - after) % every < burst``, until ``count``
calls were. The sink for webhooks is never struck.
"""

from __future__ import annotations

import argparse
import dataclasses
from http import HTTPStatus
from typing import Any

from examples.legito.errors import ApiError

HELP = """\
faults:
  latency     answers ms late (6000)
  bursts      answers with status (503); nothing was done
  resets      the connection is reset without an answer; nothing was done
  shapes      a success has another shape: an array inside an envelope, an object in an array
  tokens      every token is taken for one that has expired: 401

Options after the name, separated by commas, say which calls are struck:
  on=PREFIX   only those that begin so: "on=/label", "on=POST /label"; others do not count
  after=N     not the first N
  every=N     of every N ...
  burst=N     ... the first N (1)
  count=N     N at most
  ms=N        latency: milliseconds
  status=N    bursts: another server error
Without on, after, every, burst and count the first 10 calls are spared, and then struck are 2 in a
row of 15 (latency), 6 of 25 (bursts), 2 of 10 (resets), 1 of 10 (shapes); tokens strikes all.

Examples:
  --fault tokens,after=60             the key is revoked in the middle
  --fault "bursts,on=POST /user-group,count=1,status=502"
  --fault latency --fault resets      both
"""

# Without a word about it: what makes a demonstration that is neither green nor all red.
_PACE: dict[str, dict[str, int]] = {
    "latency": {"after": 10, "every": 15, "burst": 2},
    "bursts": {"after": 10, "every": 25, "burst": 6},
    "resets": {"after": 10, "every": 10, "burst": 2},
    "shapes": {"after": 10, "every": 10},
    "tokens": {},
}
NAMES = tuple(_PACE)
_SERVER_ERRORS = {
    int(status) for status in HTTPStatus if status >= HTTPStatus.INTERNAL_SERVER_ERROR
}


@dataclasses.dataclass
class Fault:
    """One fault, and how many calls it has seen."""

    name: str
    every: int = 1
    burst: int = 1
    after: int = 0
    count: int | None = None
    on: str = ""
    ms: int = 6000
    status: int = HTTPStatus.SERVICE_UNAVAILABLE
    _seen: int = dataclasses.field(default=0, init=False)
    _struck: int = dataclasses.field(default=0, init=False)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``NAME[,KEY=VALUE...]`` as the command line has it."""
        name, *pairs = text.split(",")
        if name not in _PACE:
            raise argparse.ArgumentTypeError(f"no fault {name!r}, only {', '.join(NAMES)}")
        options: dict[str, Any] = {}
        for pair in pairs:
            key, _, value = pair.partition("=")
            options[key] = value if key == "on" else _number(name, key, value)
        is_paced = options.keys() - {"ms", "status"}
        return cls(name, **({} if is_paced else _PACE[name]), **options)

    def strikes(self, method: str, path: str) -> bool:
        """Count a call, and tell whether it is struck."""
        if not (path.startswith(self.on) or f"{method} {path}".startswith(self.on)):
            return False
        number, self._seen = self._seen - self.after, self._seen + 1
        is_struck = (
            number >= 0
            and number % self.every < self.burst
            and (self.count is None or self._struck < self.count)
        )
        self._struck += is_struck
        return is_struck

    def error(self) -> ApiError:
        """Return the answer of a burst."""
        status = HTTPStatus(self.status)
        return ApiError(status, status.phrase)


def reshape(document: object) -> object:
    """Return *document* as another version of the API might have it."""
    if isinstance(document, list):
        return {"items": document, "total": len(document)}
    return [document]


def _number(name: str, key: str, text: str) -> int:
    own = {"latency": "ms", "bursts": "status"}.get(name)
    if key not in ("every", "burst", "after", "count", own):
        raise argparse.ArgumentTypeError(f"{name} has no option {key!r}")
    least = 0 if key in ("after", "ms") else 1
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{key} must be a number from {least} on, not {text!r}")
    if key == "status" and int(text) not in _SERVER_ERRORS:
        raise argparse.ArgumentTypeError(f"status must be a server error, not {text}")
    return int(text)
