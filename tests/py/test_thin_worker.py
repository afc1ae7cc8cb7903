"""The worker stays thin: what grows it further belongs in the database."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLI = {"__main__.py", "cli.py", "render_report.py"}
MODULES = [
    path
    for path in (ROOT / "worker").glob("*.py")
    if path.name not in CLI and not path.name.startswith("cli_")
]
MOST_LINES = 1_500
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
SQL = re.compile(
    r"f?\W*(select\s.+\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from)\s",
    re.IGNORECASE | re.DOTALL,
)


def statements(path: Path) -> Iterator[list[tokenize.TokenInfo]]:
    """Yield the tokens of each logical line of code, docstrings left out."""
    with path.open("rb") as source:
        line: list[tokenize.TokenInfo] = []
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.NEWLINE:
                if [one.type for one in line] != [tokenize.STRING]:
                    yield line
                line = []
            elif token.type not in SILENT | {tokenize.ENCODING}:
                line.append(token)


def code_lines(path: Path) -> int:
    """Count the lines that hold code, as cloc does: no blanks, comments and docstrings."""
    return len(
        {
            number
            for statement in statements(path)
            for token in statement
            for number in range(token.start[0], token.end[0] + 1)
        }
    )


def test_it_is_under_its_limit() -> None:
    """The command line and the embedded Supabase apart."""
    assert 0 < sum(map(code_lines, MODULES)) < MOST_LINES


def test_no_sql_stands_in_it() -> None:
    """It calls functions of the database by name; its strings hold no statement."""
    strings = [
        token.string
        for path in MODULES
        for statement in statements(path)
        for token in statement
        if token.type == tokenize.STRING
    ]

    assert strings
    assert [text for text in strings if SQL.match(text)] == []
