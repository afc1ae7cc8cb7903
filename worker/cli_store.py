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


def _row(answer: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the single row, whether the function answers with a row or with a set of one."""
    row = answer[0] if isinstance(answer, list) and answer else answer
    return row if isinstance(row, dict) else {}
