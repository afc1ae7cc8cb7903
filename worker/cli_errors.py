"""How the command line tells a failure: what is wrong, and what to do about it, in one line."""

import base64
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx

from worker.errors import (
    AccessRefused,
    ConfigError,
    StoreRejected,
    StoreUnavailable,
    WorkerError,
)


class BucketError(WorkerError):
    """The bucket of the archives cannot be reached, or refuses."""


class DamagedArchive(WorkerError):  # noqa: N818 - it says what it is
    """What was read from the archive is not what was written."""


# PostgREST's and PostgreSQL's codes for a function or table that is not there.
_NOT_THERE = frozenset({"PGRST202", "PGRST205", "42P01", "42883"})
INTERNAL_ERROR = 70
_CHECK_URL = "Check ASSAY_SUPABASE_URL, and whether the project is running."


def explain(error: WorkerError, env: Mapping[str, str]) -> str:
    """Return one line about *error*; *env* holds the settings that it may be due to, no secret."""
    match error:
        case AccessRefused(code=code, hint=hint) if code.startswith("PT"):
            parts = str(error), hint
        case AccessRefused():
            parts = _about_access(error, env.get("ASSAY_SUPABASE_KEY", ""))
        case StoreUnavailable(status=0):
            where = env.get("ASSAY_SUPABASE_URL", "its address")
            parts = f"Supabase cannot be reached at {where}: {_cause(error)}", _CHECK_URL
        case StoreUnavailable(code=""):
            parts = str(error), _CHECK_URL
        case StoreUnavailable():
            parts = f"Supabase is not available: {error}", "Try again in a moment."
        case StoreRejected(code=code) if code in _NOT_THERE:
            advice = "Push the migrations to it: supabase db push."
            parts = f"Assay is not installed in this project, or another version ({error})", advice
        case StoreRejected(hint=hint):
            parts = str(error), hint
        case _:
            parts = str(error), ""
    told = *_sentences(*parts), *getattr(error, "__notes__", ())
    return " ".join("; ".join(part.splitlines()) for part in told)


def exit_code(error: WorkerError) -> int:
    """Return the exit code of a command that ends by *error*."""
    match error:
        case StoreUnavailable() | AccessRefused() | BucketError():
            return 3
        case DamagedArchive():
            return 1
        case ConfigError():
            return 2
        case StoreRejected(status=status) if 400 <= status < 500:  # noqa: PLR2004
            return 2  # who called can mend it
        case _:
            return INTERNAL_ERROR


def _sentences(told: str, advice: str) -> Iterator[str]:
    yield told if not advice or told.endswith(".") else f"{told}."
    if advice:
        yield advice


def _about_access(error: AccessRefused, key: str) -> tuple[str, str]:
    if error.code.islower():  # a code of the sign-in service, such as invalid_credentials
        advice = "Check ASSAY_EMAIL and ASSAY_PASSWORD."
        return f"the account in ASSAY_EMAIL is not let in ({error})", advice
    if error.code == "42501":
        advice = (
            "It takes the project's secret key; or its publishable key, with an account in "
            "ASSAY_EMAIL and ASSAY_PASSWORD, which for a worker is a runner's."
        )
        return f"ASSAY_SUPABASE_KEY may not do this ({error})", advice
    advice = "Take the secret key from the API settings of the project in ASSAY_SUPABASE_URL."
    if expired_at := _expired_at(key):
        return f"ASSAY_SUPABASE_KEY expired at {expired_at:%Y-%m-%d %H:%M} UTC", advice
    return f"Supabase does not accept ASSAY_SUPABASE_KEY ({error})", advice


def _expired_at(key: str) -> datetime | None:
    """Return when *key* expired; None if it has not, or is of the newer kind, which does not."""
    try:
        claims = key.split(".")[1]
        document = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        moment = datetime.fromtimestamp(document["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return moment if moment < datetime.now(UTC) else None


def _cause(error: BaseException) -> str:
    """Say in plain words what *error* comes from, down its chain of causes."""
    last: BaseException | None = error
    while last is not None:
        match last:
            case ConnectionRefusedError():
                return "connection refused"
            case socket.gaierror():
                return "its name has no address"
            case ssl.SSLError():
                reason = getattr(last, "verify_message", "") or getattr(last, "reason", "")
                return f"no trusted connection ({reason})"
            case httpx.TimeoutException() | TimeoutError():
                return "no answer in time"
            case ConnectionError() | httpx.RemoteProtocolError():
                return "the connection broke off"
        last = last.__cause__ or last.__context__
    return type(error.__cause__ or error).__name__
