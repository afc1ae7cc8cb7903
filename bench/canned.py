"""A worker that asks no API: what it reports is made up, so that only the database works."""

import json
import time
import uuid
from typing import Any

import psycopg

BATCH = 100
_BODY = '{"id": "1", "name": "Item 1", "tags": ["a", "b"]}'


class CannedWorker:
    """Claims and reports through the functions that a worker calls, without REST."""

    def __init__(self, dsn: str) -> None:
        """Connect and register."""
        self.database = psycopg.connect(dsn, autocommit=True)
        self.id = self._call("register_worker", "bench", "1", BATCH)

    def _call(self, function: str, *values: object) -> Any:  # noqa: ANN401 - JSON or an id
        places = ", ".join(["%s"] * len(values))
        row = self.database.execute(f"select public.{function}({places})", values).fetchone()
        assert row
        return row[0]

    def claim(self) -> tuple[list[dict[str, Any]], float]:
        """Claim up to 100 items; returns them and how many milliseconds it took."""
        started = time.perf_counter()
        reply = self._call("claim_work", self.id, uuid.uuid4(), BATCH, 0)
        return reply["work"], (time.perf_counter() - started) * 1000

    def report(self, work: list[dict[str, Any]]) -> float:
        """Report that all went well, without claiming; returns milliseconds."""
        reports = json.dumps([_report_on(item) for item in work])
        started = time.perf_counter()
        reply = self._call("report_work", self.id, uuid.uuid4(), reports, 0, 0)
        assert len(reply["accepted"]) == len(work), reply
        return (time.perf_counter() - started) * 1000


def _report_on(item: dict[str, Any]) -> dict[str, Any]:
    found = {"header": "application/json", "body": "1"}
    return {
        **{name: item[name] for name in ("item", "result", "attempt", "lease")},
        "started_at": "2026-01-01T00:00:00Z",
        "response": {
            "status": 200,
            "http_version": "HTTP/1.1",
            "headers": [["content-type", "application/json"]],
            "body": _BODY,
            "encoding": "utf-8",
            "body_bytes": len(_BODY),
            "truncated": False,
            "redirects": [],
            "set_cookie": [],
        },
        "timing_ms": {"dns": 0, "connect": 0, "tls": 0, "first_byte": 1, "total": 2},
        "observed": [
            {"id": asked["id"], "found": True, "values": [found[asked["source"]]], "error": None}
            for asked in item["observe"]
        ],
        "schema_errors": [],
        "error": None,
    }
