"""What the commands ask of Supabase beyond the worker's calls; only they read tables."""

from collections.abc import Mapping
from typing import Any

from worker.store import SupabaseStore


class ConsoleStore(SupabaseStore):
    """Queues, follows and cancels runs."""

    async def queue_run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Queue a run; *request* holds the function's arguments. Returns the run's row."""
        return _row(await self.call("queue_run", request))

    async def get_run_state(self, run_id: str, since: int) -> dict[str, Any]:
        """Return a run's counters and what finished after *since*."""
        return _row(await self.call("get_run_state", {"run_id": run_id, "since": since}))

    async def get_run_report(self, run_id: str) -> dict[str, Any]:
        """Return everything there is to say about a run, its pages put together."""
        report = _row(await self.call("get_run_report", {"run_id": run_id}))
        while after := report.get("next"):
            page = _row(await self.call("get_run_report", {"run_id": run_id, "after": after}))
            report["results"] += page.get("results", [])
            report["next"] = page.get("next")
        return report

    async def cancel_run(self, run_id: str) -> dict[str, Any]:
        """Cancel a run; returns its row."""
        return _row(await self.call("cancel_run", {"run_id": run_id}))

    async def select(self, table: str, **query: str) -> list[dict[str, Any]]:
        """Read rows of a public table with PostgREST's *query*."""
        answer = await self._send("GET", f"/rest/v1/{table}", params=query)
        return answer if isinstance(answer, list) else []


class ArchiveStore(ConsoleStore):
    """What ``assay archive`` asks: which evidence is due, its rows, and what has been written."""

    async def list_archives(self) -> list[dict[str, Any]]:
        """Return a row for each class and month of evidence."""
        answer = await self.call("list_archives", {})
        return answer if isinstance(answer, list) else []

    async def open_archive(self, kind: str, month: str) -> dict[str, Any]:
        """Begin or go on; returns the parts that are written."""
        return _row(await self.call("open_archive", _named(kind, month)))

    async def read_archive_page(
        self, kind: str, month: str, source: str, after: list[Any] | None, max_bytes: int
    ) -> dict[str, Any]:
        """Return the next lines after a key."""
        asked = {"source": source, "after": after, "max_bytes": max_bytes}
        return _row(await self.call("read_archive_page", _named(kind, month) | asked))

    async def keep_archive_part(self, kind: str, month: str, part: Mapping[str, Any]) -> None:
        """Say that a part is written."""
        await self.call("keep_archive_part", _named(kind, month) | {"part": part})

    async def discard_archive_parts(self, kind: str, month: str, source: str, number: int) -> None:
        """Say that a part, and so all after it, have to be written anew."""
        asked = {"source": source, "number": number}
        await self.call("discard_archive_parts", _named(kind, month) | asked)

    async def finish_archive(self, kind: str, month: str, manifest: Mapping[str, Any]) -> None:
        """Say that all is written and was found whole."""
        await self.call("finish_archive", _named(kind, month) | {"manifest": manifest})

    async def planned_on(self, run_id: str | None, result_id: str | None) -> str | None:
        """Return the day on which a run, or that of a result, was planned; None if unknown."""
        rows: list[dict[str, Any]] = []
        if result_id:
            rows = await self.select("test_results", select="planned_on", id=f"eq.{result_id}")
        if run_id and not rows:
            rows = await self.select("test_runs", select="planned_on", id=f"eq.{run_id}")
        if rows:
            return str(rows[0]["planned_on"])
        if run_id:
            rows = await self.select("test_run_history", select="queued_at", run_id=f"eq.{run_id}")
        return str(rows[0]["queued_at"])[:10] if rows else None


def _named(kind: str, month: str) -> dict[str, Any]:
    return {"retention_class": kind, "month": month}


def _row(answer: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the single row, whether the function answers with a row or with a set of one."""
    row = answer[0] if isinstance(answer, list) and answer else answer
    return row if isinstance(row, dict) else {}
