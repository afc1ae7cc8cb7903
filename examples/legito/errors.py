"""The one shape of every answer that is not a success: ``{code, message}``, at times ``errors``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class ApiError(Exception):
    """Ends a call with *status*; raised anywhere below ``app``, turned into a reply only there."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """*errors* is given for validation only: one ``{field, message}`` per fault."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON document of the reply."""
        document: dict[str, Any] = {"code": int(self.status), "message": self.message}
        if self.errors is not None:
            document["errors"] = self.errors
        return document


def unauthorized(message: str) -> ApiError:
    """Return a 401."""
    return ApiError(HTTPStatus.UNAUTHORIZED, message, headers={"www-authenticate": "Bearer"})


def forbidden(message: str) -> ApiError:
    """Return a 403."""
    return ApiError(HTTPStatus.FORBIDDEN, message)


def not_found(what: str, key: object) -> ApiError:
    """Return a 404 that names what was looked for."""
    return ApiError(HTTPStatus.NOT_FOUND, f"No {what} {key}")


def wrong_shape(message: str) -> ApiError:
    """Return a 400 for a body that cannot be read as what the operation takes."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, errors=[])


def invalid(*faults: tuple[str, str]) -> ApiError:
    """Return a 400 for readable input with bad values; *faults* are (field, message) pairs."""
    errors = [{"field": field, "message": message} for field, message in faults]
    return ApiError(HTTPStatus.BAD_REQUEST, "Validation failed", errors=errors)
