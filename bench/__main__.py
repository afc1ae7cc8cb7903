"""Run all benchmarks, print their table and keep it in bench/RESULTS.md."""

import datetime as dt
import os
import platform
import sys
from pathlib import Path

from bench import house, throughput, wakeup

RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    """Measure everything on one stack; the figures of one table belong together."""
    rows: list[tuple[str, str, str]] = []
    with house.running_stack() as connection:
        for benchmark in (throughput, wakeup):
            for row in benchmark.measure(connection):
                rows.append(row)
                print(f"{row[0]:<60} {row[1]:>16}  {row[2]}", flush=True)
    table = [
        "# Last benchmark",
        "",
        (
            f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, "
            f"Python {platform.python_version()}; everything on one machine, `make bench`."
        ),
        "",
        "| what | measured | budget |",
        "|---|---|---|",
        *(f"| {what} | {figure} | {budget} |" for what, figure, budget in rows),
    ]
    RESULTS.write_text("\n".join(table) + "\n")
    sys.stdout.write(f"Written to {RESULTS}\n")


if __name__ == "__main__":
    main()
