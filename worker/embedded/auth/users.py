"""Endpoints for people: sign up, sign in, refresh, read and change oneself, sign out."""

import re
from typing import Any

from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worker.embedded.auth import accounts, passwords, sessions
from worker.embedded.auth.accounts import Connection
from worker.embedded.auth.errors import AuthError, bad_request
from worker.embedded.auth.service import AuthService, body_of, refuse_banned, user_shape
from worker.embedded.auth.shapes import Row

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class UserEndpoints:
    """What a person does with their own account."""

    def __init__(self, service: AuthService) -> None:
        """Serve over *service*."""
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the routes, without the prefix ``/auth/v1``."""
        return [
            Route("/signup", self.sign_up, methods=["POST"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/user", self.read_user, methods=["GET"]),
            Route("/user", self.change_user, methods=["PUT"]),
            Route("/logout", self.sign_out, methods=["POST"]),
        ]

    async def sign_up(self, request: Request) -> JSONResponse:
        """Create a user with e-mail and password; confirmed at once, so signed in."""
        body = await body_of(request)
        if not body.get("email"):
            raise _not_by_email(body)
        email = checked_email(body["email"])
        if not body.get("password"):
            raise bad_request("Signup requires a valid password")
        password_hash = await self._service.passwords.hash(passwords.checked(body["password"]))
        async with self._service.transaction("Database error saving new user") as connection:
            if await accounts.by_email(connection, email):
                raise AuthError(422, "user_already_exists", "User already registered")
            user = await accounts.create(
                connection,
                email=email,
                password_hash=password_hash,
                user_metadata=body.get("data") or {},
                app_metadata={},
                is_confirmed=True,
            )
            return await self._service.sign_in(connection, user, request)

    async def token(self, request: Request) -> JSONResponse:
        """Sign in with a password, or continue a session with its refresh token."""
        grant = request.query_params.get("grant_type")
        body = await body_of(request)
        if grant == "password":
            return await self._password_grant(request, body)
        if grant == "refresh_token":
            return await self._refresh_grant(body)
        raise bad_request("unsupported_grant_type", "invalid_credentials")

    async def _password_grant(self, request: Request, body: dict[str, Any]) -> JSONResponse:
        async with self._service.transaction("Database error granting user") as connection:
            user = await accounts.by_email(connection, str(body.get("email", "")))
            if user is None or not await self._service.passwords.matches(
                str(body.get("password", "")), user["encrypted_password"]
            ):
                raise bad_request("Invalid login credentials", "invalid_credentials")
            refuse_banned(user, status=400)
            if user["confirmed_at"] is None:
                raise bad_request("Email not confirmed", "email_not_confirmed")
            return await self._service.sign_in(connection, user, request)

    async def _refresh_grant(self, body: dict[str, Any]) -> JSONResponse:
        token = body.get("refresh_token")
        if not token:
            return JSONResponse(
                {"error": "invalid_request", "error_description": "refresh_token required"},
                status_code=400,
            )
        async with self._service.transaction("Database error granting user") as connection:
            rotated = await sessions.rotate(connection, token)
            if rotated:
                session, new_token = rotated
                refuse_banned(await accounts.by_id(connection, session["user_id"]), status=400)
                return await self._service.session_answer(connection, session, new_token)
        # Only now: inside the transaction the refusal would undo the revoking.
        raise bad_request("Invalid Refresh Token: Already Used", "refresh_token_already_used")

    async def read_user(self, request: Request) -> JSONResponse:
        """Return the user the token names."""
        async with self._service.transaction("Database error loading user") as connection:
            user, _ = await self._service.caller(connection, request)
            return JSONResponse(await user_shape(connection, user))

    async def change_user(self, request: Request) -> JSONResponse:
        """Change one's e-mail, password or metadata."""
        body = await body_of(request)
        async with self._service.transaction("Error updating user") as connection:
            user, session = await self._service.caller(connection, request)
            changes: dict[str, Any] = {}
            if body.get("email"):
                changes["email"] = await free_email(connection, body["email"], user)
            if body.get("password"):
                password = passwords.checked(body["password"])
                if await self._service.passwords.matches(password, user["encrypted_password"]):
                    message = "New password should be different from the old password."
                    raise AuthError(422, "same_password", message)
                changes["encrypted_password"] = await self._service.passwords.hash(password)
                await sessions.end(connection, session, "others")
            if body.get("data"):
                changes["raw_user_meta_data"] = Jsonb(body["data"])
            user = await accounts.update(connection, user["id"], changes)
            return JSONResponse(await user_shape(connection, user))

    async def sign_out(self, request: Request) -> Response:
        """End this session, the others, or all."""
        scope = request.query_params.get("scope", "global")
        if scope not in ("global", "local", "others"):
            raise bad_request(f'Unsupported logout scope "{scope}"')
        async with self._service.transaction("Error logging out user") as connection:
            _, session = await self._service.caller(connection, request)
            await sessions.end(connection, session, scope)
        return Response(status_code=204)


def checked_email(email: object) -> str:
    """Return the address in lower case, or refuse what is none."""
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        raise bad_request("Unable to validate email address: invalid format")
    return email.lower()


async def free_email(connection: Connection, email: object, user: Row | None) -> str:
    """Return the address in lower case, or refuse one that somebody but *user* has."""
    address = checked_email(email)
    taken_by = await accounts.by_email(connection, address)
    if taken_by and (user is None or taken_by["id"] != user["id"]):
        raise AuthError(
            422,
            "email_exists",
            "A user with this email address has already been registered",
        )
    return address


def _not_by_email(body: dict[str, Any]) -> AuthError:
    if body.get("phone"):
        return AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
    return AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
