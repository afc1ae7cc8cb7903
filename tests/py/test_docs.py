"""The documentation lists what there is: slugs, settings, functions, files; its examples work."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import MIGRATIONS, ROOT, Database
from pydantic_core import PydanticUndefined
from support_project import running_worker

from worker.cli_settings import FOREIGN_NAMES
from worker.config import Settings
from worker.embedded.stack import Connection

README = (ROOT / "README.md").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()
SQL = "\n".join(path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# Events of the log look like slugs, but are none.
DOCUMENTED_SLUGS = {
    slug
    for line in ERRORS.partition("## Exit codes")[0].splitlines()
    for slug in re.findall(r"^\| `([a-z_]+)` \|", line)
}


def raised_slugs() -> set[str]:
    """Return the slugs that ``raise`` gives as its detail."""
    return set(re.findall(r"\bdetail = '([a-z_]+)'", SQL))


def outcome_slugs() -> set[str]:
    """Return the slugs of outcome rows: every string that their fourth expression can be."""
    rows = re.findall(r"\brow\(((?:(?!\brow\().)*?)\)::private\.outcome\b", SQL, re.DOTALL)
    slugs: set[str] = set()
    for row in rows:
        fields = split_at_commas(row)
        # item_id, status, category, slug, message, ...
        without_conditions = re.sub(r"\bwhen\b.*?\bthen\b", " ", fields[3], flags=re.DOTALL)
        slugs |= set(re.findall(r"'([a-z_]+)'", without_conditions))
    return slugs


def split_at_commas(source: str) -> list[str]:
    """Split SQL *source* at the commas that are in no string, parentheses or comment."""
    source = re.sub(r"--[^\n]*", "", source)
    fields, depth, in_string = [""], 0, False
    for character in source:
        in_string ^= character == "'"
        if not in_string:
            depth += (character in "([") - (character in ")]")
            if character == "," and depth == 0:
                fields.append("")
                continue
        fields[-1] += character
    return fields


def judged_slugs() -> set[str]:
    """Return the slugs of ``private.error_reason``, of ``..._slug`` functions, of assignments."""
    table = re.search(
        r"function private\.error_reason\(.*?\$function\$(.*?)\$function\$", SQL, re.DOTALL
    )
    assert table
    slugs = set(re.findall(r"\('[a-z_]+', '[a-z_]+', '([a-z_]+)'\)", table[1]))
    slugs |= set(re.findall(r"coalesce\(reasons\.slug, '([a-z_]+)'\)", table[1]))
    slugs |= set(re.findall(r"\bslug := '([a-z_]+)'", SQL))
    for body in re.findall(
        r"function private\.\w+_slug\(.*?\$function\$(.*?)\$function\$", SQL, re.DOTALL
    ):
        slugs |= set(re.findall(r"\b(?:then|else) '([a-z_]+)'", body))
    # evidence of late reports: outcome, category, slug
    return slugs | set(re.findall(r"'stale',\s*'[a-z_]+',\s*'([a-z_]+)'", SQL))


def problem_slugs() -> set[str]:
    """Return the slugs of problems: first in their row, or the constant that stands there."""
    slugs = set(re.findall(r"\bv_slug constant text := '([a-z_]+)'", SQL))
    rows = re.findall(r"\brow\(((?:(?!\brow\().)*?)\)::private\.problem\b", SQL, re.DOTALL)
    return slugs | {slug for row in rows for slug in re.findall(r"^\s*'([a-z_]+)'", row)}


def worker_slugs() -> set[str]:
    """Return the slugs that the worker gives to look-ups: ``Fault(slug=)``, ``LookupFailed()``."""
    slugs = set()
    for path in (ROOT / "worker").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            given = node.args[:1] if node.func.id == "LookupFailed" else []
            given += [
                keyword.value
                for keyword in node.keywords
                if node.func.id == "Fault" and keyword.arg == "slug"
            ]
            slugs |= {
                value.value
                for value in given
                if isinstance(value, ast.Constant) and isinstance(value.value, str)
            }
    return slugs


@pytest.mark.parametrize(
    "collect", [raised_slugs, outcome_slugs, judged_slugs, problem_slugs, worker_slugs]
)
def test_every_slug_is_documented(collect: Callable[[], set[str]]) -> None:
    """What the code can say is in docs/errors.md; a way to find slugs that finds none is broken."""
    slugs = collect()

    assert slugs
    assert slugs - DOCUMENTED_SLUGS == set()


def test_no_slug_is_documented_that_is_not_there() -> None:
    """What docs/errors.md lists is in the code."""
    known = set(re.findall(r"'([a-z_]+)'", SQL)) | worker_slugs()

    assert DOCUMENTED_SLUGS - known == set()


def test_settings_are_documented() -> None:
    """README has a row for each setting, with its default, and for none that is not there."""
    rows = dict(re.findall(r"^\| `(ASSAY_[A-Z_]+)` \| ([^|]*) \|", README, re.MULTILINE))

    assert rows.keys() == {f"ASSAY_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = rows[f"ASSAY_{name.upper()}"]
        if field.default_factory:
            assert default
        elif field.default is PydanticUndefined:
            assert default == "required"
        else:
            assert default == {None: "none", (): "empty"}.get(field.default, str(field.default))


def test_names_of_the_embedded_stack_are_documented() -> None:
    """README tells the variables that are no settings of the worker."""
    assert {f"ASSAY_{name}" for name in FOREIGN_NAMES} <= set(re.findall(r"ASSAY_[A-Z_]+", README))


def test_public_functions_are_documented() -> None:
    """README has a row for each public function: its name and its comment's summary."""
    created = set(re.findall(r"^create (?:or replace )?function public\.(\w+)", SQL, re.MULTILINE))
    comments = [
        (name, " ".join(comment.partition("\n\n")[0].split()))
        for name, _, comment in re.findall(
            r"^comment on function public\.(\w+)\([^)]*\) is\s+(\$comment\$|')(.*?)\2;",
            SQL,
            re.MULTILINE | re.DOTALL,
        )
    ]

    section = README.partition("## Public functions")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)

    assert {name for name, _ in comments} == created
    assert sorted(rows) == sorted(comments)


def test_code_map_is_complete() -> None:
    """docs/architecture.md has every migration and every module of the worker, and no other."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    migrations = {path.stem[8:] for path in MIGRATIONS.glob("*.sql")}
    modules = {path.stem for path in (ROOT / "worker").glob("*.py")} - {"__init__"}
    section = page.partition("| module | does |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)

    assert set(re.findall(r"^\| `(\d{6}_\w+)` \|", page, re.MULTILINE)) == migrations
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == modules


def test_the_protocol_is_kept_where_it_says() -> None:
    """What docs/architecture.md names beside a rule is there: functions, modules and tests."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.partition("## The protocol, rule by rule")[2]
    rows = re.findall(r"^\| [^|`]+ \| (`[^|]+) \| (`[^|]+) \|$", section, re.MULTILINE)
    keepers = {name for row in rows for name in re.findall(r"`([^`]+)`", row[0])}
    tests = {name for row in rows for name in re.findall(r"`([^`]+)`", row[1])}
    functions = set(
        re.findall(r"^create (?:or replace )?function private\.(\w+)", SQL, re.MULTILINE)
    )

    assert len(rows) > 15
    modules = {name for name in keepers if "/" in name}
    assert keepers - modules - functions == set()
    assert {name for name in modules if not (ROOT / name).exists()} == set()
    places = (ROOT / "tests" / "sql", ROOT / "tests" / "py")
    assert {name for name in tests if not any((place / name).exists() for place in places)} == set()


def test_exit_codes_are_documented() -> None:
    """README and docs/errors.md list the same codes, and those that ``assay --help`` lists."""
    done = subprocess.run(
        [sys.executable, "-m", "worker", "--help"], capture_output=True, text=True, check=True
    )
    told = set(re.findall(r"\b(\d+) [a-zA-Z]", done.stdout.partition("Exit codes:")[2]))

    tables = [set(re.findall(r"^\| (\d{1,3}) \|", page, re.MULTILINE)) for page in (README, ERRORS)]

    assert told
    assert tables == [told | {"130"}] * 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of the repository finds the file, and the heading in it."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            slugs = {
                re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in headings
            }
            assert anchor in slugs, target


def code_block(page: Path, language: str) -> str:
    """Return the first block of *language* in *page*."""
    match = re.search(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    assert match
    return match[1]


def test_sql_example(database: Database) -> None:
    """The test in docs/tests.md is written by its SQL and can be queued."""
    with database.connect("postgres") as connection:
        connection.execute(code_block(ROOT / "docs" / "tests.md", "sql"))
        run = connection.execute(
            "select queued.total_count from public.environments as environments "
            "cross join lateral public.queue_run(environments.id) as queued"
        ).fetchone()

    assert run == (1,)


def test_python_example(stack: Connection, tmp_path: Path) -> None:
    """The example in the README writes two tests that pass."""
    settings = {"ASSAY_SUPABASE_URL": stack.url, "ASSAY_SUPABASE_KEY": stack.secret_key}
    environment = {**os.environ, **settings}
    script = code_block(ROOT / "README.md", "python")
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    command = ["run", "--project", "Sign-in", "--env", "local", "--wait", "--timeout", "60"]
    command += ["--var", f"api_key={stack.publishable_key}"]

    with running_worker(stack, tmp_path / "worker.log"):
        done = subprocess.run(
            [sys.executable, "-m", "worker", *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed  2/2  2 passed" in done.stdout
