"""Every right that docs/security.md states is there, and no other.

The tables of the page become a pgTAP file, which tries each cell with real statements on real rows;
the machinery is ``tests/sql/_lib/matrix.psql``.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Database
from support_pgtap import run_file

PAGE = (ROOT / "docs" / "security.md").read_text()
LIBRARY = ROOT / "tests" / "sql" / "_lib"
ROLES = {"signed in": "authenticated", "secret key": "service_role"}
BEGIN = "begin;\nset search_path = public, extensions;\nset role postgres;\n"
LIBRARIES = ("people", "factories", "engine", "world", "matrix")
END = "select * from finish();\nrollback;\n"

RunTap = Callable[[str], int]


def include(name: str) -> str:
    """Return the command that includes a file of the library."""
    return f"\\i {LIBRARY / name}.psql"


def table_under(heading: str) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the first table below *heading*, without the marks of code."""
    section = re.split(r"\n##+ ", PAGE.partition(f"# {heading}\n")[2])[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    header, _, *rows = (
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines
    )
    return header, rows


def literal(value: str) -> str:
    """Return *value* as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def insert(table: str, rows: Iterator[tuple[str, ...]]) -> str:
    """Return the statement that fills *table* with *rows* of texts."""
    values = ",\n".join(f"({', '.join(map(literal, row))})" for row in rows)
    return f"insert into tests.{table} values\n{values};"


def cells_of(heading: str, names: int) -> Iterator[tuple[str, ...]]:
    """Yield a row for each cell below *heading*: its line's first *names* columns, chair, cell."""
    header, rows = table_under(heading)
    for row in rows:
        for chair, cell in zip(header[names:], row[names:], strict=True):
            yield *row[:names], chair, cell


def page_as_sql() -> str:
    """Return the statements that bring the page into the database."""
    columns = (
        (table, ROLES[who], verb, "{" + names + "}")
        for table, who, verb, names in table_under("Columns")[1]
    )
    return "\n".join(
        [
            insert("page_tables", cells_of("Tables", 2)),
            insert("page_functions", cells_of("Functions", 1)),
            insert("page_channels", cells_of("Channels", 1)),
            insert("page_columns", columns),
        ]
    )


@pytest.fixture
def run_tap(tap_database: Database, open_folder: Path) -> RunTap:
    """Return what runs a file of assertions in the world of the page; how many held."""

    def run(name: str) -> int:
        path = open_folder / f"{name}.sql"
        path.write_text(
            "\n".join([BEGIN, *map(include, LIBRARIES), page_as_sql(), include(name), END])
        )
        output, problems = run_file(
            tap_database.cluster.programs / "psql", tap_database.dsn(), path
        )
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        return output.count("\nok ")

    return run


def test_the_page_is_read() -> None:
    """A cell that means nothing is noticed here, not by trying what it does not say."""
    assert all(re.fullmatch("-|si?u?d?", rights) for *_, rights in cells_of("Tables", 2))
    assert {cell for *_, cell in cells_of("Functions", 1)} == {"yes", "refused", "-"}
    assert {cell for *_, cell in cells_of("Channels", 1)} == {"yes", "-"}


def test_every_cell(run_tap: RunTap, capsys: pytest.CaptureFixture[str]) -> None:
    """Table x verb x chair x own or foreign; columns; functions; channels; the engine."""
    count = run_tap("matrix_cells")

    with capsys.disabled():
        sys.stdout.write(f"\nsecurity matrix: {count} cells hold\n")


def test_every_policy_and_right_counts(run_tap: RunTap, capsys: pytest.CaptureFixture[str]) -> None:
    """Taking away any policy or right, or giving one too many, makes a cell wrong."""
    count = run_tap("matrix_bites")

    with capsys.disabled():
        sys.stdout.write(f"\nsecurity matrix: {count} changes are noticed\n")
