"""Run the benchmarks, print their tables and keep them in bench/RESULTS.md.

Each part has a stack of its own; ``python -m bench rls`` runs one and leaves the others' tables.
"""

import datetime as dt
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from bench import history, house, hygiene, large, rls, throughput, wakeup

RESULTS = Path(__file__).parent / "RESULTS.md"
PARTS: dict[str, tuple[str, Sequence[ModuleType]]] = {
    "runs": ("Runs", (throughput, wakeup)),
    "rls": ("Row level security", (rls,)),
    "large": ("Large runs", (large,)),
    "hygiene": ("Hygiene of the queue", (hygiene,)),
    "history": ("Ten million results", (history,)),
}
# the others take many minutes, and are asked for by name
DEFAULT = ("runs", "rls")


def main(names: Sequence[str]) -> None:
    """Measure the parts of these *names*, or the short ones; figures of a table belong together."""
    tables = read_tables()
    for name in names or DEFAULT:
        title, benchmarks = PARTS[name]
        tables[title] = measure_part(name, benchmarks)
        parts = (f"## {title}\n\n{tables[title]}" for title, _ in PARTS.values() if title in tables)
        RESULTS.write_text("# Last benchmarks\n\n" + "\n".join(parts))
    sys.stdout.write(f"Written to {RESULTS}\n")


def read_tables() -> dict[str, str]:
    """Return what stands under each heading now."""
    _, *parts = RESULTS.read_text().split("\n## ")
    return {
        title: text.strip() + "\n" for title, _, text in (part.partition("\n") for part in parts)
    }


def measure_part(name: str, benchmarks: Sequence[ModuleType]) -> str:
    """Measure *benchmarks* on one stack and return their table."""
    rows: list[tuple[str, str, str]] = []
    with house.running_stack() as connection:
        for benchmark in benchmarks:
            for row in benchmark.measure(connection):
                rows.append(row)
                print(f"{row[0]:<60} {row[1]:>16}  {row[2]}", flush=True)
    table = [
        (
            f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, "
            f"Python {platform.python_version()}; everything on one machine, "
            f"`make bench ONLY={name}`."
        ),
        "",
        "| what | measured | budget |",
        "|---|---|---|",
        *(f"| {what} | {figure} | {budget} |" for what, figure, budget in rows),
    ]
    return "\n".join(table) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
