"""How a run looks in a terminal."""

import io

from rich.console import Console

from worker.render_report import Progress, print_report, progress_line

RUN = {
    "id": "r1",
    "status": "failed",
    "total_count": 3,
    "passed_count": 1,
    "failed_count": 1,
    "skipped_count": 1,
    "duration_ms": 1234,
    "project_name": "Legito",
    "environment_name": "local",
}
RESULTS = [
    {
        "name": "login",
        "phase": "setup",
        "row_key": None,
        "status": "passed",
        "http_status": 200,
        "attempt_count": 2,
        "rescue_count": 1,
        "duration_ms": 12.4,
    },
    {
        "name": "read",
        "phase": "main",
        "row_key": "cs",
        "status": "failed",
        "http_status": 500,
        "attempt_count": 1,
        "duration_ms": 3,
        "message": "an assertion was false",
        "assertions": [
            {"passed": True, "message": "fine"},
            {"passed": False, "message": "status is 500, not 200"},
        ],
    },
    {"name": "[odd] name", "status": "skipped", "message": "login did not pass"},
]


def printed(width: int = 160, **terminal: bool) -> tuple[Console, io.StringIO]:
    """Return a console and what is written to it."""
    out = io.StringIO()
    return Console(file=out, width=width, highlight=False, **terminal), out


def test_progress_says_how_much_is_over_and_how_it_went() -> None:
    """Counts that are zero are left out, except the one that should not be."""
    assert progress_line(RUN) == "  3/3  1 passed  1 failed  1 skipped"
    assert progress_line({}) == "  0/0  0 passed"


def test_elsewhere_than_on_a_terminal_a_line_appears_when_something_changed() -> None:
    """And a line for each result that did not pass."""
    console, out = printed()

    with Progress(console) as progress:
        progress.show(RUN, RESULTS)
        progress.show(RUN, [])

    assert out.getvalue().splitlines() == [
        "  read [cs] failed: status is 500, not 200",
        "  3/3  1 passed  1 failed  1 skipped",
    ]


def test_on_a_terminal_the_line_is_redrawn() -> None:
    """And gone when the run is over."""
    console, out = printed(force_terminal=True)

    with Progress(console) as progress:
        progress.show(RUN, [])

    assert "3/3" in out.getvalue()


def test_quiet_progress_says_nothing() -> None:
    """For output that a program reads."""
    console, out = printed()

    with Progress(console, quiet=True) as progress:
        progress.show(RUN, RESULTS)

    assert out.getvalue() == ""


def test_a_report_has_a_row_for_each_result_and_the_totals() -> None:
    """Rescues are counted apart from attempts; names are no markup."""
    console, out = printed()

    print_report(console, {"run": RUN, "results": RESULTS})

    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines[0] == ["phase", "test", "row", "verdict", "attempts", "status", "ms", "reason"]
    assert lines[1] == ["setup", "login", "passed", "2+1", "200", "12"]
    assert lines[2][:7] == ["main", "read", "cs", "failed", "1", "500", "3"]
    assert "status is 500, not 200" in out.getvalue()
    assert "[odd] name" in out.getvalue()
    assert "run r1  failed  3/3  1 passed  1 failed  1 skipped  in 1.23 s" in out.getvalue()
    assert "on Legito, local" in out.getvalue()


def test_a_report_names_suites_where_there_are_several() -> None:
    """One suite needs no column."""
    for suites, is_shown in ((("a", "a", "a"), False), (("a", "b", "b"), True)):
        console, out = printed()
        results = [{**one, "suite": suite} for one, suite in zip(RESULTS, suites, strict=True)]

        print_report(console, {"run": RUN, "results": results})

        assert ("suite" in out.getvalue().splitlines()[0].split()) == is_shown


def test_a_report_ends_with_what_failed_by_itself_and_what_that_cost() -> None:
    """Skipped results are counted under the test that they are skipped because of."""
    console, out = printed()
    failed = {**RESULTS[1], "result": 7, "suite": "Files", "message": "status is 500 (and 1 more)"}
    skipped = {**RESULTS[2], "cause": {"result": 7, "test": "read"}}

    print_report(console, {"run": RUN, "results": [RESULTS[0], failed, skipped, skipped]})

    lines = out.getvalue().splitlines()
    place = lines.index("Where it went wrong:")
    assert lines[place + 1 : place + 3] == [
        "  Files/read [cs] failed: status is 500 (and 1 more); 2 skipped because of it",
        "",
    ]


def test_a_green_report_has_nothing_that_went_wrong() -> None:
    """No heading without lines."""
    console, out = printed()

    print_report(console, {"run": RUN, "results": RESULTS[:1]})

    assert "wrong" not in out.getvalue()


def test_a_report_that_says_little_is_printed_all_the_same() -> None:
    """A run that was cancelled while it was planned has no results."""
    console, out = printed()

    print_report(console, {"run": {"id": "r1", "status": "cancelled"}})

    assert out.getvalue().strip() == "run r1  cancelled  0/0  0 passed"


def test_a_failure_in_quarantine_is_told_as_such() -> None:
    """It stands in the table and among what went wrong, but a pass is a pass."""
    console, out = printed()
    results = [{**result, "is_quarantined": True} for result in RESULTS]
    print_report(console, {"run": {**RUN, "status": "passed"}, "results": results})

    assert out.getvalue().count("failed in quarantine") == 2
    assert "passed in quarantine" not in out.getvalue()


def test_a_failure_says_since_when() -> None:
    """The run in which it began is named by its day, commit and version."""
    since = {"finished_at": "2026-11-20T10:00:00Z", "commit_sha": "4" * 40, "api_version": "2.1"}
    results = [
        {**RESULTS[1], "change": {"change": "still_failing", "failing_since": since}},
        {**RESULTS[1], "change": {"change": "newly_failing", "last_passed": since}},
        {**RESULTS[1], "change": {"change": "newly_failing", "last_passed": None}},
    ]
    console, out = printed()

    print_report(console, {"run": RUN, "results": results})

    mark = "2026-11-20 (444444444444 2.1)"
    roots = [line for line in out.getvalue().splitlines() if "failed: " in line]
    assert [line.partition("was false")[2] for line in roots] == [
        f"; failing since {mark}",
        f"; newly failing, passed {mark}",
        "; newly failing",
    ]


def test_a_run_is_held_against_the_last_time() -> None:
    """What there is none of is left out, and so is a first run, of which all is new."""
    console, out = printed()

    print_report(console, {"run": RUN, "comparison": {"newly_failing": 2, "flaky": 1, "new": 0}})
    print_report(console, {"run": RUN, "comparison": {"new": 40, "previous": None}})

    lines = [line for line in out.getvalue().splitlines() if line.startswith("Against")]
    assert lines == ["Against the last time: 2 newly failing, 1 flaky"]
