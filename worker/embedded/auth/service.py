"""What all endpoints below ``/auth/v1`` share: the database, the caller, the body."""

import contextlib
import dataclasses
import json
import logging
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from starlette.requests import Request
from starlette.responses import JSONResponse

from worker.embedded.auth import accounts, sessions, shapes
from worker.embedded.auth.accounts import Connection
from worker.embedded.auth.errors import AuthError, bad_request
from worker.embedded.auth.passwords import Passwords
from worker.embedded.auth.shapes import Row
from worker.embedded.auth.tokens import LIFETIME_S, Tokens

log = logging.getLogger(__name__)

# PostgreSQL has no text with these.
_UNSTORABLE = re.compile(r"\\u0000|[\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class AuthService:
    """The auth tables behind *dsn* (role supabase_auth_admin), the project's tokens, passwords."""

    dsn: str
    tokens: Tokens
    passwords: Passwords

    @contextlib.asynccontextmanager
    async def transaction(self, failure: str) -> AsyncIterator[Connection]:
        """Open a transaction; a refusal by the database becomes an error that says *failure*.

        A connection per request: a pool would save 3 ms beside a password hash of 60.
        """
        try:
            async with await psycopg.AsyncConnection.connect(
                self.dsn, row_factory=dict_row
            ) as connection:
                yield connection
        except psycopg.Error as error:
            # Not the message's detail: it may hold the row.
            log.warning("%s: %s %s", failure, error.sqlstate, error.diag.message_primary or error)
            raise AuthError(500, "unexpected_failure", failure) from error

    async def caller(self, connection: Connection, request: Request) -> tuple[Row, Row]:
        """Return the user and session the request's token names, or refuse."""
        claims = self.tokens.verify(request.headers.get("authorization", ""))
        try:
            user_id = uuid.UUID(claims.get("sub", ""))
        except ValueError as error:
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim") from error
        user = await accounts.by_id(connection, user_id, status=403)
        refuse_banned(user, status=403)
        return user, await sessions.by_id(connection, claims.get("session_id", ""))

    def require_admin(self, request: Request) -> None:
        """Refuse unless the token is the service role's."""
        claims = self.tokens.verify(request.headers.get("authorization", ""))
        if claims.get("role") not in ("service_role", "supabase_admin"):
            raise AuthError(403, "not_admin", "User not allowed")

    async def sign_in(self, connection: Connection, user: Row, request: Request) -> JSONResponse:
        """Open a session for *user* and return it."""
        session, refresh_token = await sessions.open_session(
            connection,
            user["id"],
            user_agent=request.headers.get("user-agent", ""),
            address=request.client.host if request.client else None,
        )
        return await self.session_answer(connection, session, refresh_token)

    async def session_answer(
        self, connection: Connection, session: Row, refresh_token: str
    ) -> JSONResponse:
        """Return *session* as clients expect it, with a fresh access token."""
        user = await accounts.by_id(connection, session["user_id"])
        access_token, expires_at = self.tokens.sign(user, session)
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "bearer",
                "expires_in": LIFETIME_S,
                "expires_at": expires_at,
                "refresh_token": refresh_token,
                "user": await user_shape(connection, user),
            },
        )


def refuse_banned(user: Row, status: int) -> None:
    """Refuse with *status* while the row of auth.users says that the user is banned."""
    if user["banned_until"] and user["banned_until"] > datetime.now(UTC):
        raise AuthError(status, "user_banned", "User is banned")


async def user_shape(connection: Connection, user: Row) -> dict[str, Any]:
    """Return the user object with its identities."""
    return shapes.user(user, await accounts.identities(connection, user["id"]))


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of the request; an empty body is an empty object."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise bad_request(f"Could not parse request body as JSON: {error}", "bad_json") from error
    if not isinstance(body, dict):
        raise bad_request("Could not parse request body as JSON: not an object", "bad_json")
    # without escaped backslashes, so that what looks like an escape is one
    if _UNSTORABLE.search(json.dumps(body, ensure_ascii=False).replace(r"\\", "")):
        message = "Could not parse request body as JSON: a NUL, or half a surrogate pair"
        raise bad_request(message, "bad_json")
    return body
