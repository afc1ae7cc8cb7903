"""How a run looks in a terminal: live progress, the table, where it went wrong, the totals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

_COLOURS = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "timed_out": "red",
    "skipped": "yellow",
    "cancelled": "yellow",
}
_HEADINGS = ("phase", "suite", "test", "row", "verdict", "attempts", "status", "ms", "reason")
_CHANGES = ("newly_failing", "still_failing", "newly_passing", "flaky", "new", "removed")
_COUNTS = ("passed", "failed", "error", "skipped", "cancelled")


class Progress:
    """One line that changes on a terminal; a line whenever the count grew, elsewhere."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        """Write to *console*, or nothing at all when *quiet*."""
        self._console = console
        self._quiet = quiet
        self._last = ""
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin."""
        if self._console.is_terminal and not self._quiet:
            self._live = Live(console=self._console, transient=True, refresh_per_second=10)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()

    def show(self, run: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
        """Show the counters of *run*; of the *results* new since, those that did not pass."""
        if self._quiet:
            return
        for result in results:
            if result.get("status") not in {"passed", "skipped"}:
                self._console.print(_headline(result))
        line = progress_line(run)
        if self._live:
            self._live.update(Text(line))
        elif line != self._last:
            self._console.print(line, highlight=False)
        self._last = line


def progress_line(run: Mapping[str, Any]) -> str:
    """Return ``12/40  11 passed  1 failed``: how much is over, and how it went."""
    counts = {name: int(run.get(f"{name}_count") or 0) for name in _COUNTS}
    over = sum(counts.values())
    parts = [f"{count} {name}" for name, count in counts.items() if count or name == "passed"]
    return f"  {over}/{run.get('total_count') or 0}  {'  '.join(parts)}"


def print_report(console: Console, report: Mapping[str, Any]) -> None:
    """Print *report* as ``get_run_report`` returns it.

    A row per result, then what failed by itself and what that cost, then the totals.
    """
    run, results = report.get("run") or {}, report.get("results") or []
    has_suites = len({result.get("suite") for result in results}) > 1
    rows = [_cells(result, has_suites=has_suites) for result in results]
    # A column that would be empty is left out: terminals are narrow.
    shown = [number for number in range(len(_HEADINGS)) if any(row[number] for row in rows)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number in shown:
        heading = _HEADINGS[number]
        is_number = heading in {"attempts", "status", "ms"}
        is_short = is_number or heading in {"phase", "verdict"}
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=is_short)
    for row in rows:
        table.add_row(*(row[number] for number in shown))
    if rows:
        console.print(table)
        console.print()
    roots = _roots(results)
    if roots:
        console.print("Where it went wrong:")
        for line in roots:
            console.print(line, soft_wrap=True)
        console.print()
    compared = _comparison(report.get("comparison") or {})
    if compared:
        console.print(compared, soft_wrap=True)
        console.print()
    status = str(run.get("status", "unknown"))
    summary = Text("run ").append(str(run.get("id", ""))).append("  ")
    summary.append(status, style=_COLOURS.get(status, "default"))
    summary.append(progress_line(run))
    if run.get("duration_ms") is not None:
        summary.append(f"  in {float(run['duration_ms']) / 1000:.2f} s")
    console.print(summary, soft_wrap=True)
    where = [str(run[name]) for name in ("project_name", "environment_name") if run.get(name)]
    if where:
        console.print(Text("on " + ", ".join(where)))


def _roots(results: Sequence[Mapping[str, Any]]) -> list[Text]:
    """Return a line for each result that is no consequence of another, with its consequences."""
    skipped = Counter(
        result["cause"]["result"]
        for result in results
        if result.get("status") == "skipped" and result.get("cause")
    )
    lines = []
    for result in results:
        if result.get("status") in {"failed", "error"}:
            name = "/".join(str(result[key]) for key in ("suite", "name") if result.get(key))
            line = _headline({**result, "name": name, "assertions": []})
            if count := skipped[result.get("result")]:
                line.append(f"; {count} skipped because of it")
            lines.append(line.append(_since(result.get("change") or {})))
    return lines


def _comparison(counts: Mapping[str, Any]) -> Text:
    """Return how the run differs from what was before; nothing for a first run that passed."""
    changed = [name for name in _CHANGES if counts.get(name)]
    if not changed or (changed == ["new"] and not counts.get("previous")):
        return Text()
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in changed)
    return Text(f"Against the last time: {told}")


def _since(change: Mapping[str, Any]) -> str:
    """Return since when a test fails, and what is known of its last pass."""
    if change.get("change") == "still_failing" and change.get("failing_since"):
        return f"; failing since {_mark(change['failing_since'])}"
    if change.get("change") == "newly_failing":
        passed = change.get("last_passed")
        return f"; newly failing, passed {_mark(passed)}" if passed else "; newly failing"
    return ""


def _mark(run: Mapping[str, Any]) -> str:
    """Return a run as a moment: its day, and the commit and version that it tested."""
    tested = " ".join(
        str(run[name])[:12] for name in ("commit_sha", "api_version") if run.get(name)
    )
    day = str(run.get("finished_at") or "")[:10]
    return f"{day} ({tested})" if tested else day


def _cells(result: Mapping[str, Any], *, has_suites: bool) -> list[Text]:
    attempts = str(result.get("attempt_count") or 0)
    if result.get("rescue_count"):
        attempts += f"+{result['rescue_count']}"
    duration = result.get("duration_ms")
    return [
        Text(str(result.get("phase") or "")),
        Text(str(result.get("suite") or "") if has_suites else ""),
        Text(str(result.get("name") or "")),
        Text(str(result.get("row_key") or "")),
        _verdict(result),
        Text(attempts),
        Text(str(result.get("http_status") or "")),
        Text("" if duration is None else f"{float(duration):.0f}"),
        Text(_reason(result)),
    ]


def _verdict(result: Mapping[str, Any]) -> Text:
    """Return the status; of a failure that spoils no run, that it does not."""
    status = str(result.get("status", ""))
    if status in {"failed", "error"} and result.get("is_quarantined"):
        return Text(f"{status} in quarantine", style="yellow")
    return Text(status, style=_COLOURS.get(status, "default"))


def _headline(result: Mapping[str, Any]) -> Text:
    row = f" [{result['row_key']}]" if result.get("row_key") else ""
    line = Text(f"  {result.get('name', '')}{row} ").append_text(_verdict(result))
    return line.append(f": {_reason(result)}") if _reason(result) else line


def _reason(result: Mapping[str, Any]) -> str:
    """Return why the result did not pass: the false assertions, else its own message."""
    if result.get("status") == "passed":
        return ""
    broken = [one for one in result.get("assertions") or [] if not one.get("passed")]
    said = [str(one["message"]) for one in broken if one.get("message")]
    if said:
        return "; ".join(said)
    return str(result.get("message") or result.get("slug") or result.get("category") or "")
