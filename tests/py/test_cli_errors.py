"""How a failure reads: one line that tells what is wrong and what to do."""

import base64
import json
import socket
import ssl

import httpx
import pytest

from worker.cli_errors import explain
from worker.errors import (
    AccessRefused,
    BadInput,
    StoreRejected,
    StoreUnavailable,
    WorkerError,
)

URL = {"ASSAY_SUPABASE_URL": "https://x.test"}
SECRET_KEY = "Take the secret key from the API settings of the project in ASSAY_SUPABASE_URL."


def after(cause: BaseException) -> StoreUnavailable:
    """Return what the store raises when httpx failed for *cause*."""
    error, between = StoreUnavailable("cannot be reached"), httpx.ConnectError("x")
    error.__cause__, between.__cause__ = between, cause
    return error


def token(**claims: object) -> str:
    """Return what looks like a JWT."""
    return f"h.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (ConnectionRefusedError(), "connection refused"),
        (socket.gaierror(), "its name has no address"),
        (ssl.SSLError(1, "wrong"), "no trusted connection"),
        (httpx.ReadTimeout("x"), "no answer in time"),
        (ConnectionResetError(), "the connection broke off"),
        (ZeroDivisionError(), "ConnectError"),
    ],
)
def test_an_unreachable_project_is_told_with_its_reason(cause: Exception, said: str) -> None:
    """In words, not as the name of an exception, where there are words for it."""
    line = explain(after(cause), URL)

    assert line.startswith(f"Supabase cannot be reached at https://x.test: {said}")
    assert line.endswith("Check ASSAY_SUPABASE_URL, and whether the project is running.")


@pytest.mark.parametrize(
    ("error", "key", "line"),
    [
        (
            AccessRefused("Invalid API key", status=401),
            "sb_secret_x",
            f"Supabase does not accept ASSAY_SUPABASE_KEY (Invalid API key). {SECRET_KEY}",
        ),
        (
            AccessRefused("Invalid API key", status=401),
            token(exp=1_700_000_000),
            f"ASSAY_SUPABASE_KEY expired at 2023-11-14 22:13 UTC. {SECRET_KEY}",
        ),
        (
            AccessRefused("JWSError", "PGRST301", status=401),
            token(exp=99_999_999_999),
            f"Supabase does not accept ASSAY_SUPABASE_KEY (JWSError). {SECRET_KEY}",
        ),
        (
            AccessRefused("no right", "42501", status=403),
            "sb_publishable_x",
            (
                "ASSAY_SUPABASE_KEY may not do this (no right). It takes the project's secret key; "
                "or its publishable key, with an account in ASSAY_EMAIL and ASSAY_PASSWORD, which "
                "for a worker is a runner's."
            ),
        ),
        (
            AccessRefused("it was revoked", "PT403", "worker_revoked", 403, "Ask an admin."),
            "sb_publishable_x",
            "it was revoked. Ask an admin.",
        ),
        (
            AccessRefused("Invalid login", "invalid_credentials", status=400),
            "sb_publishable_x",
            (
                "the account in ASSAY_EMAIL is not let in (Invalid login). "
                "Check ASSAY_EMAIL and ASSAY_PASSWORD."
            ),
        ),
    ],
)
def test_refused_access_is_told_with_its_cause(error: WorkerError, key: str, line: str) -> None:
    """A wrong key, an expired one, one without the rights, and an account that is wrong."""
    assert explain(error, {"ASSAY_SUPABASE_KEY": key}) == line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            StoreUnavailable("a page", status=404),
            "a page. Check ASSAY_SUPABASE_URL, and whether the project is running.",
        ),
        (
            StoreUnavailable("deadlock", "40P01", status=500),
            "Supabase is not available: deadlock. Try again in a moment.",
        ),
        (
            StoreRejected("no function", "PGRST202", status=404),
            (
                "Assay is not installed in this project, or another version (no function). "
                "Push the migrations to it: supabase db push."
            ),
        ),
        (StoreRejected("no run", "PT404", hint="Give an id."), "no run. Give an id."),
        (StoreRejected("ends so.", "PT404", hint="Then this."), "ends so. Then this."),
        (StoreRejected("without a hint"), "without a hint"),
        (BadInput("two\nlines"), "two; lines"),
    ],
)
def test_other_failures_come_with_their_advice(error: WorkerError, line: str) -> None:
    """In one line, whatever the database wrote."""
    assert explain(error, {}) == line


def test_what_was_dropped_is_told_at_the_end() -> None:
    """By whoever noted it on the failure, in the same line."""
    error = AccessRefused("the worker was revoked", "PT403", status=403, hint="Ask an admin.")
    error.add_note("Requests dropped unreported: 3.")

    said = explain(error, {})

    assert said == "the worker was revoked. Ask an admin. Requests dropped unreported: 3."
