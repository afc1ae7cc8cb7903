"""The suite that runs execute, and what their results must come to."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_PORTION = 12
_ROWS = 10
_BAD_METHODS = ("GET", "GET", "GET", "POST", "POST")
# What ends a test whose request may have been made when its worker went.
LOST = ("lost", "rescue_limit_reached")
# How the API under test may misbehave, and how the test that meets it ends.
BAD = {
    "reset": "protocol_error",
    "stall": "request_timeout",
    "drip": "request_timeout",
    "headers": "response_too_large",
    "bomb": "response_too_large",
}


def suite(project_id: str, *, ms: int = 60) -> dict[str, Any]:
    """Return it: chains, fixture rows, and what may not repeat; each answer takes *ms*."""

    def test(name: str, method: str, path: str = "", **fields: Any) -> dict[str, Any]:
        return _test(name, method, path, ["ms", str(ms)], tags=["plain"], **fields)

    tests = [test("prepare", "POST", phase="setup")]
    for number in range(_PORTION):
        capture = {"name": f"made{number}", "source": "body", "path": "$.count"}
        tests += [
            test(f"get {number}", "GET"),
            test(f"look {number}", "GET"),
            test(f"make {number}", "POST", captures=[capture]),
            test(f"use {number}", "GET", f"use-{number}-of-{{{{made{number}}}}}"),
        ]
    tests += [
        test("rows", "POST", "row-{{key}}", fixture="rows"),
        test("clean", "POST", phase="teardown"),
    ]
    rows = [{"key": f"r{number}", "values": {"key": f"r{number}"}} for number in range(_ROWS)]
    return {
        "project": project_id,
        "name": "chaos",
        "fixtures": [{"name": "rows", "rows": rows}],
        "tests": tests,
    }


def bad_tests() -> list[dict[str, Any]]:
    """Return the tests that meet a bad target, each kind under its own tag."""
    return [
        _test(f"{bad} {number}", method, "", ["bad", bad], tags=[bad])
        for bad in BAD
        for number, method in enumerate(_BAD_METHODS)
    ]


def _test(name: str, method: str, path: str, query: list[str], **fields: Any) -> dict[str, Any]:
    request = {
        "method": method,
        "path": f"/answer/{{{{tag}}}}-{path or name.replace(' ', '-')}",
        "query": [query],
        "total_timeout_ms": 2000 if BAD.get(query[1]) == "request_timeout" else 30_000,
    }
    status = {"source": "status", "operator": "equals", "expected": 200}
    return {"name": name, "request": request, "assertions": [status], **fields}


@dataclasses.dataclass(frozen=True)
class Run:
    """A run under way: the *tag* that its requests carry, and which *bad* target it meets."""

    id: str
    tag: str
    bad: str | None = None

    @property
    def size(self) -> int:
        """How many results it has."""
        return 4 * _PORTION + _ROWS + 2 + (len(_BAD_METHODS) if self.bad else 0)


def count_wrong(
    results: Iterable[Mapping[str, Any]], asked: Counter[str], *, is_cancelled: bool
) -> int:
    """Count verdicts that are not what the target's answer, or a loss, makes them."""
    results = list(results)
    has_lost = any(one["slug"] in LOST for one in results)
    wrong = 0
    for one in results:
        bad = BAD.get(one["test_name"].partition(" ")[0])
        if one["status"] == "pending" or one["slug"] in LOST:
            continue
        if one["status"] in {"skipped", "cancelled"}:
            wrong += not (is_cancelled or (one["status"] == "skipped" and has_lost))
        elif bad:
            wrong += (one["status"], one["slug"]) != ("error", bad)
        else:
            wrong += one["status"] != "passed" or not asked[_path(one)]
    return wrong


def count_repeated(asked: Counter[str]) -> int:
    """Count requests that may not be repeated and were."""
    unsafe = ("prepare", "make", "row", "clean", *(f"{bad}-{n}" for bad in BAD for n in (3, 4)))
    return sum(times > 1 for name, times in asked.items() if name.startswith(unsafe))


def _path(result: Mapping[str, Any]) -> str:
    """Return what a result that passed has asked for."""
    name = result["test_name"].replace(" ", "-")
    if result["row_key"]:
        return f"row-{result['row_key']}"
    return f"{name}-of-1" if name.startswith("use") else str(name)
