"""What Assay found in a project, in plain lines: read as any client reads it."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from supabase import Client, create_client

from worker.embedded.stack import Connection

WIDTH = 100
Row = dict[str, Any]


def show(connection: Connection, project: str, output: TextIO) -> None:
    """Write the findings of *project* to *output*."""
    client = create_client(connection.url, connection.secret_key)
    for title, section in SECTIONS:
        output.write(f"\n{title}\n\n")
        output.writelines(map(wrapped, section(client, project)))
    output.write("\n")


def wrapped(line: str) -> str:
    """Return *line* as it is printed: indented, and folded at the width of a page."""
    return textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      ") + "\n"


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
    return answer.data


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
                f"{run['queued_at'][:16]}: {run['failed_count'] + run['error_count']} of "
                f"{run['total_count']} tests did not pass: suspected infrastructure, set aside"
            )


Section = Callable[[Client, str], Iterator[str]]
SECTIONS: tuple[tuple[str, Section], ...] = (("Runs", show_runs),)
