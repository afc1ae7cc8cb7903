"""pgTAP through psql: the extension as plain SQL, a file of tests run, what went wrong in it."""

import re
import subprocess
import tarfile
from pathlib import Path

PGTAP = Path(__file__).parents[2] / "node_modules/@electric-sql/pglite-pgtap/dist/pgtap.tar.gz"


def pgtap_script() -> bytes:
    """Return pgTAP as plain SQL, which it is; so the server's own folders stay as they are."""
    with tarfile.open(PGTAP) as archive:
        (name,) = (
            name for name in archive.getnames() if re.search(r"/pgtap--\d+(\.\d+)*\.sql$", name)
        )
        script = archive.extractfile(name)
        assert script is not None
        return script.read()


def run_file(psql: Path, dsn: str, path: Path) -> tuple[str, list[str]]:
    """Run the tests in *path*; their TAP, and the lines that say what failed."""
    done = subprocess.run(
        [
            psql,
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
            *("--set", "ON_ERROR_STOP=1", "--file", path),
            dsn,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    problems = tap_problems(done.stdout)
    if done.returncode != 0:
        problems += done.stderr.splitlines()
    return done.stdout, problems


def tap_problems(output: str) -> list[str]:
    """Return the lines of TAP *output* that say what failed; none when all passed."""
    lines = output.splitlines()
    problems: list[str] = []
    is_failing = False
    for line in lines:
        if re.match(r"(not )?ok\b", line):
            is_failing = line.startswith("not ok") and "# TODO" not in line
        elif not line.startswith("#"):
            is_failing = line.startswith("Bail out!")
        if is_failing:
            problems.append(line)
    planned = [int(match[1]) for line in lines if (match := re.match(r"1\.\.(\d+)", line))]
    made = sum(1 for line in lines if re.match(r"(not )?ok\b", line))
    if planned != [made]:
        problems.append(f"planned {planned or 'nothing'}, made {made} assertions")
    return problems
