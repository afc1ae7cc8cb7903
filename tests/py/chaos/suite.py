"""The suite that every run executes, and what its results must come to."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_PORTION = 12
_ROWS = 10
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


def suite(project_id: str) -> dict[str, Any]:
    """Return it: chains, fixture rows, what may not repeat, and by tag what meets a bad target."""
    status = [{"source": "status", "operator": "equals", "expected": 200}]

    def test(name: str, method: str, **fields: Any) -> dict[str, Any]:
        path = fields.pop("path", name.replace(" ", "-"))
        request = {
            "method": method,
            "path": f"/answer/{{{{tag}}}}-{path}",
            "query": [["bad", fields.pop("bad")]] if "bad" in fields else [["ms", "250"]],
            "total_timeout_ms": fields.pop("total_timeout_ms", 30_000),
        }
        fields = {"tags": ["plain"], "assertions": status, **fields}
        return {"name": name, "request": request, **fields}

    tests = [test("prepare", "POST", phase="setup")]
    for number in range(_PORTION):
        capture = {"name": f"made{number}", "source": "body", "path": "$.count"}
        tests += [
            test(f"get {number}", "GET"),
            test(f"make {number}", "POST", captures=[capture]),
            test(f"use {number}", "GET", path=f"use-{number}-of-{{{{made{number}}}}}"),
        ]
    tests += [
        test(f"{bad} {number}", method, bad=bad, tags=[bad], total_timeout_ms=2000)
        for bad in BAD
        for number, method in enumerate(("GET", "GET", "GET", "POST", "POST"))
    ]
    tests += [
        test("rows", "POST", path="row-{{key}}", fixture="rows"),
        test("clean", "POST", phase="teardown"),
    ]
    rows = [{"key": f"r{number}", "values": {"key": f"r{number}"}} for number in range(_ROWS)]
    return {
        "project": project_id,
        "name": "chaos",
        "fixtures": [{"name": "rows", "rows": rows}],
        "tests": tests,
    }


@dataclasses.dataclass(frozen=True)
class Run:
    """A run under way: the *tag* that its requests carry, and which *bad* target it meets."""

    id: str
    tag: str
    bad: str | None = None

    @property
    def size(self) -> int:
        """How many results it has."""
        return 3 * _PORTION + _ROWS + 2 + (5 if self.bad else 0)


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
