"""Whatever an API under test does, its test gets a verdict that tells what it was."""

import base64
import re
from typing import Any

import pytest
from support_bad_run import BADS, NO_TLS, BadRun
from support_bad_target import DIGITS


@pytest.mark.parametrize("name", BADS)
def test_it_is_told_what_went_wrong(bad_run: BadRun, name: str) -> None:
    """Status, category and slug are those of docs/errors.md; the message tells the case."""
    result, bad = bad_run.results[name], BADS[name]

    assert f"{result['status']} {result['category']} {result['slug']}" == bad.reason
    assert re.search(bad.message, result["message"]), result["message"]


def test_tls_where_there_is_none(bad_run: BadRun) -> None:
    """A port that speaks plain HTTP."""
    result = bad_run.results[NO_TLS]

    assert (result["status"], result["slug"]) == ("error", "tls_failed")
    assert "no trusted connection to 127.0.0.1" in result["message"]


def verdicts(bad_run: BadRun, name: str) -> list[Any]:
    """Return which assertions of a test held."""
    return [one["passed"] for one in bad_run.results[name]["assertions"]]


def test_status_and_headers_of_a_large_answer_are_judged(bad_run: BadRun) -> None:
    """Only what would need the whole body cannot be; and the worker stays small."""
    attempt = bad_run.attempt("a body of 50 MB")

    assert verdicts(bad_run, "a body of 50 MB") == [True, True, False]
    assert attempt["response"]["truncated"]
    assert attempt["response"]["body_bytes"] == 5_242_880
    assert bad_run.worker_peak_kb < 250_000


@pytest.mark.parametrize("name", ["a value with NUL", "a value with half a pair"])
def test_the_rest_of_such_an_answer_is_judged(bad_run: BadRun, name: str) -> None:
    """One value that PostgreSQL cannot hold spoils no other."""
    assert verdicts(bad_run, name) == [True, False]


def test_a_body_with_nul_is_kept_as_it_was(bad_run: BadRun) -> None:
    """As base64: PostgreSQL cannot hold it otherwise."""
    response = bad_run.attempt("text with NUL")["response"]

    assert response["encoding"] == "base64"
    assert base64.b64decode(response["body"]) == b"x\x00y"


def test_numbers_keep_all_their_digits(bad_run: BadRun) -> None:
    """From one answer through the database into the next request, and through the comparison."""
    assert bad_run.results["numbers of 400 digits"]["status"] == "passed"
    assert bad_run.results["the same numbers, sent on"]["status"] == "passed"
    body = bad_run.attempt("the same numbers, sent on")["response"]["body"]
    assert body.replace(" ", "") == f"[{DIGITS},0.{DIGITS}]"
