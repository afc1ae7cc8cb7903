"""Writes docs/statistics.md: our statistics beside their references. ``make statistics`` runs it.

A part of the page is a function of a connection to a database with our migrations, which returns
Markdown; it is the first to look at when a number there is not what it was.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import statistics_flaky
import statistics_histograms
import statistics_regressions
from conftest import ROOT, push_migrations

from worker.embedded import stack as embedded

INTRODUCTION = """\
# Statistics, measured

What Assay computes in SQL beside NumPy, SciPy and Apache Otava, over random series.
`make statistics` writes this page anew; the tests of each part hold fewer samples to it.
"""

PARTS: Sequence[Callable[[psycopg.Connection], str]] = (
    statistics_histograms.write,
    statistics_flaky.write,
    statistics_regressions.write,
)


def main() -> None:
    """Start a Supabase of its own, push the migrations, measure and write."""
    with tempfile.TemporaryDirectory(prefix="assay-statistics-") as folder:
        Path(folder).chmod(0o711)
        connection = embedded.up(Path(folder) / "stack", port=0, is_throwaway=True)
        try:
            push_migrations(connection.db_url)
            with psycopg.connect(connection.db_url, autocommit=True) as database:
                page = "\n".join([INTRODUCTION, *(part(database) for part in PARTS)])
        finally:
            embedded.down(Path(folder) / "stack")
    (ROOT / "docs" / "statistics.md").write_text(page)


if __name__ == "__main__":
    main()
