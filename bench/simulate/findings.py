"""What Assay found in a project, in plain lines: read as any client reads it."""

import datetime as dt
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from supabase import Client, create_client

from worker.embedded.stack import Connection

WIDTH = 100
MOST = 5
Row = dict[str, Any]


def show(connection: Connection, project: str, output: TextIO) -> None:
    """Write the findings of *project* to *output*."""
    client = create_client(connection.url, connection.secret_key)
    for title, section in SECTIONS:
        lines = list(section(client, project))
        output.write(f"\n{title}\n\n")
        output.writelines(map(wrapped, lines or ["nothing"]))
    output.write("\n")


def wrapped(line: str) -> str:
    """Return *line* as it is printed: indented, and folded at the width of a page."""
    depth = len(line) - len(line.lstrip()) + 2
    return (
        textwrap.fill(
            line.strip(), WIDTH, initial_indent=" " * depth, subsequent_indent=" " * (depth + 4)
        )
        + "\n"
    )


def rows(client: Client, table: str, project: str, columns: str, order: str) -> list[Row]:
    """Return the rows of *project* in *table*, the newest first, up to 1,000."""
    answer = (
        client.table(table)
        .select(columns)
        .eq("project_id", project)
        .order(order, desc=True)
        .limit(1000)
        .execute()
    )
    return answer.data  # type: ignore[return-value]


def show_runs(client: Client, project: str) -> Iterator[str]:
    """Yield how the runs ended, and which say nothing of the tests."""
    runs = rows(
        client,
        "test_run_history",
        project,
        "status,is_infra_suspect,queued_at,failed_count,error_count,total_count",
        "finished_at",
    )
    ended = Counter(run["status"] for run in runs)
    yield f"{len(runs)} runs: {', '.join(f'{n} {status}' for status, n in ended.items())}"
    for run in runs:
        if run["is_infra_suspect"]:
            yield (
                f"{when(run['queued_at'])}: {run['failed_count'] + run['error_count']} of "
                f"{run['total_count']} tests did not pass. Suspected infrastructure: says nothing "
                "of the tests"
            )


def show_ratings(verdict: str) -> "Section":
    """Return what yields the tests of a *verdict*, the most costly first, and why."""

    def section(client: Client, project: str) -> Iterator[str]:
        arguments = {"project_id": project, "verdicts": [verdict]}
        found = client.rpc("detect_flaky_tests", arguments).execute().data
        for test in found["tests"]:
            yield (
                f"{test['suite_name']}/{test['test_name']} on {test['environment_name']}, "
                f"confidence {test['confidence']}, {test['wasted_ms'] / 1000:,.0f} s wasted"
            )
            for reason in test["reasons"]:
                yield f"  {reason}"

    return section


def show_changes(client: Client, project: str) -> Iterator[str]:
    """Yield where tests became slower or faster, and with which commit."""
    changes = rows(
        client,
        "performance_changes",
        project,
        "direction,status,began_at,commit_sha,before_ms,after_ms,ratio,"
        "test_cases(name),environments(name)",
        "began_at",
    )
    for change in changes:
        if change["status"] != "dismissed":
            share = change["ratio"] - 1
            yield (
                f"{change['test_cases']['name']} on {change['environments']['name']}: "
                f"{abs(share):.0%} {change['direction']}, "
                f"{change['before_ms']:,.0f} ms to {change['after_ms']:,.0f} ms, "
                f"since commit {change['commit_sha'][:8]} of {when(change['began_at'])} "
                f"({change['status']})"
            )


def show_failures(client: Client, project: str) -> Iterator[str]:
    """Yield the causes that broke the most tests."""
    causes = rows(
        client,
        "failure_analysis",
        project,
        "category,message,test_count,occurrence_count,first_seen_at,last_seen_at,status",
        "test_count",
    )
    for cause in causes[:MOST]:
        yield (
            f"one cause, {plural(cause['test_count'], 'red test')}: {cause['message']} "
            f"({cause['category']}, {plural(cause['occurrence_count'], 'result')}, "
            f"{when(cause['first_seen_at'])} to {when(cause['last_seen_at'])}, {cause['status']})"
        )
    if len(causes) > MOST:
        yield f"and {len(causes) - MOST} smaller causes"


def show_metrics(client: Client, project: str) -> Iterator[str]:
    """Yield how fast and how green each month was, from histograms that outlive the results."""
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(days=120)).isoformat()
    arguments = {"project_id": project, "since": since, "bucket": "month"}
    months: Any = client.rpc("aggregate_test_metrics", arguments).execute().data
    for month in months:
        yield (
            f"{month['bucket_at'][:7]}: {month['success_rate']:.2%} passed, "
            f"p50 {month['p50_ms']:,.0f} ms, p95 {month['p95_ms']:,.0f} ms, "
            f"p99 {month['p99_ms']:,.0f} ms, {month['colour']}"
        )


def show_retention(client: Client, project: str) -> Iterator[str]:
    """Yield what is kept how long, how much that is, and what goes next."""
    del project  # it is told of the whole installation
    report: Any = client.rpc("get_retention_report", {}).execute().data
    for tier in report["tiers"]:
        if tier["kept_days"] is None:
            continue  # what has a life of its own
        size = f"{tier['bytes'] / 2**20:,.1f} MB" if tier["bytes"] is not None else "not counted"
        due = f", the next of it due on {tier['next_due_on']}" if tier["next_due_on"] else ""
        yield f"{tier['tier']}: kept {tier['kept_days']} days, {size} now{due}"


def show_events(client: Client, project: str) -> Iterator[str]:
    """Yield how often somebody would have been told of what."""
    told = Counter(
        event["event"] for event in rows(client, "platform_events", project, "event", "created_at")
    )
    yield ", ".join(f"{count} {event}" for event, count in told.most_common())


def when(moment: str) -> str:
    """Return a moment to the minute, as people write it."""
    return moment[:16].replace("T", " ")


def plural(count: int, noun: str) -> str:
    """Return how many of *noun*."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


Section = Callable[[Client, str], Iterator[str]]
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Runs", show_runs),
    ("Flaky", show_ratings("flaky")),
    ("Broken", show_ratings("broken")),
    ("Slower and faster", show_changes),
    ("Causes of failures", show_failures),
    ("Response times by month", show_metrics),
    ("Retention", show_retention),
    ("Events", show_events),
)
