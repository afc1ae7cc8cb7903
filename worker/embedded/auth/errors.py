"""Refusals in the two shapes GoTrue gives them."""

import dataclasses
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

_VERSION_HEADER = "x-supabase-api-version"
_VERSION = "2024-01-01"


@dataclasses.dataclass
class AuthError(Exception):
    """A request that is refused: HTTP *status*, stable *code*, readable *message*."""

    status: int
    code: str
    message: str
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


def bad_request(message: str, code: str = "validation_failed") -> AuthError:
    """Return the refusal of a request that is wrong in itself."""
    return AuthError(400, code, message)


async def render(request: Request, error: Exception) -> JSONResponse:
    """Return the answer for *error*, an ``AuthError``.

    Clients that name their version find ``code`` as the slug, but only if the answer repeats the
    version; for the others ``code`` is the HTTP status.
    """
    assert isinstance(error, AuthError)  # noqa: S101 - registered for this class only
    if request.headers.get(_VERSION_HEADER, "") >= _VERSION:
        body = {"code": error.code, "message": error.message, **error.extra}
        headers = {_VERSION_HEADER: _VERSION}
    else:
        body = {
            "code": error.status,
            "error_code": error.code,
            "msg": error.message,
            **error.extra,
        }
        headers = {"x-sb-error-code": error.code}
    return JSONResponse(body, status_code=error.status, headers=headers)
