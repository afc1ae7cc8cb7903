"""Endpoints for the service role: create, list, read, change and delete any user."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from worker.embedded.auth import accounts
from worker.embedded.auth.accounts import Connection
from worker.embedded.auth.errors import AuthError, bad_request
from worker.embedded.auth.service import AuthService, body_of, user_shape
from worker.embedded.auth.shapes import Row
from worker.embedded.auth.users import free_email

_PER_PAGE = 50
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")
_UNITS = {"h": "hours", "m": "minutes", "s": "seconds"}


class AdminEndpoints:
    """User administration; each call refuses everybody but the service role."""

    def __init__(self, service: AuthService) -> None:
        """Serve over *service*."""
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the routes, without the prefix ``/auth/v1``."""
        return [
            Route("/admin/users", self.create, methods=["POST"]),
            Route("/admin/users", self.list_users, methods=["GET"]),
            Route("/admin/users/{user_id}", self.read, methods=["GET"]),
            Route("/admin/users/{user_id}", self.change, methods=["PUT"]),
            Route("/admin/users/{user_id}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> JSONResponse:
        """Create a user; the password's strength is not checked here."""
        self._service.require_admin(request)
        body = await body_of(request)
        if not body.get("email") and not body.get("phone"):
            raise bad_request("Cannot create a user without either an email or phone")
        async with self._service.transaction("Database error creating new user") as connection:
            email = await free_email(connection, body["email"], None) if body.get("email") else ""
            user = await accounts.create(
                connection,
                user_id=_parsed_id(body["id"], status=400) if body.get("id") else None,
                email=email,
                phone=await _free_phone(connection, body.get("phone"), None),
                password_hash=await self._password_hash(body),
                user_metadata=body.get("user_metadata") or {},
                app_metadata=body.get("app_metadata") or {},
                role=body.get("role") or "authenticated",
                is_confirmed=bool(email and body.get("email_confirm")),
            )
            user = await accounts.update(connection, user["id"], _common_changes(body))
            return JSONResponse(await user_shape(connection, user))

    async def list_users(self, request: Request) -> JSONResponse:
        """Return one page of users, newest first."""
        self._service.require_admin(request)
        try:
            page = max(int(request.query_params.get("page") or 1), 1)
            per_page = max(int(request.query_params.get("per_page") or _PER_PAGE), 1)
        except ValueError as error:
            raise bad_request(f"Bad Pagination Parameters: {error}") from error
        async with self._service.transaction("Database error finding users") as connection:
            rows, total = await accounts.page(
                connection, offset=(page - 1) * per_page, limit=per_page
            )
            users = [await user_shape(connection, row) for row in rows]
        return JSONResponse(
            {"users": users, "aud": "authenticated"},
            headers={"x-total-count": str(total), "link": _links(page, per_page, total)},
        )

    async def read(self, request: Request) -> JSONResponse:
        """Return one user."""
        self._service.require_admin(request)
        async with self._service.transaction("Database error loading user") as connection:
            user = await _named_user(connection, request)
            return JSONResponse(await user_shape(connection, user))

    async def change(self, request: Request) -> JSONResponse:
        """Change one user."""
        self._service.require_admin(request)
        body = await body_of(request)
        async with self._service.transaction("Error updating user") as connection:
            user = await _named_user(connection, request)
            changes = _common_changes(body)
            if body.get("email"):
                changes["email"] = await free_email(connection, body["email"], user)
            if password_hash := await self._password_hash(body):
                changes["encrypted_password"] = password_hash
            if body.get("phone"):
                changes["phone"] = await _free_phone(connection, body["phone"], user)
            if body.get("role"):
                changes["role"] = body["role"]
            if "user_metadata" in body:
                changes["raw_user_meta_data"] = Jsonb(body["user_metadata"] or {})
            if "app_metadata" in body:
                changes["raw_app_meta_data"] = Jsonb(body["app_metadata"] or {})
            await accounts.update(connection, user["id"], changes)
            if body.get("email_confirm"):
                await accounts.confirm_email(connection, user["id"])
            user = await accounts.by_id(connection, user["id"])
            return JSONResponse(await user_shape(connection, user))

    async def delete(self, request: Request) -> JSONResponse:
        """Delete one user; with ``should_soft_delete`` the emptied row stays."""
        self._service.require_admin(request)
        body = await body_of(request)
        async with self._service.transaction("Database error deleting user") as connection:
            user = await _named_user(connection, request)
            await accounts.delete(
                connection, user["id"], is_soft=bool(body.get("should_soft_delete"))
            )
        return JSONResponse({})

    async def _password_hash(self, body: dict[str, Any]) -> str | None:
        if body.get("password_hash"):
            return str(body["password_hash"])
        if body.get("password"):
            return await self._service.passwords.hash(str(body["password"]))
        return None


async def _named_user(connection: Connection, request: Request) -> Row:
    user_id = _parsed_id(request.path_params["user_id"], status=404)
    return await accounts.by_id(connection, user_id)


def _parsed_id(text: object, status: int) -> uuid.UUID:
    """Return a user's id, or refuse with *status* what is none."""
    try:
        return uuid.UUID(str(text))
    except ValueError as error:
        raise AuthError(status, "validation_failed", "user_id must be an UUID") from error


async def _free_phone(connection: Connection, phone: str | None, user: Row | None) -> str | None:
    """Return the number, or refuse one that somebody but *user* has."""
    taken_by = await accounts.by_phone(connection, phone) if phone else None
    if taken_by and (user is None or taken_by["id"] != user["id"]):
        message = "A user with this phone number has already been registered"
        raise AuthError(422, "phone_exists", message)
    return phone


def _common_changes(body: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that creating and changing set alike."""
    changes: dict[str, Any] = {}
    if body.get("phone_confirm"):
        changes["phone_confirmed_at"] = datetime.now(UTC)
    duration = body.get("ban_duration")
    if duration == "none":
        changes["banned_until"] = None
    elif duration:
        changes["banned_until"] = datetime.now(UTC) + _parsed_duration(duration)
    return changes


def _parsed_duration(text: str) -> timedelta:
    """Return a duration written as in Go, such as ``2h45m``."""
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise bad_request(f"invalid format for ban duration: {text}")
    return sum((timedelta(**{_UNITS[u]: float(n)}) for n, u in parts), timedelta())


def _links(page: int, per_page: int, total: int) -> str:
    last = max(-(-total // per_page), 1)
    pages = {"next": page + 1, "last": last} if page < last else {"last": last}
    return ", ".join(
        f'</admin/users?page={number}&per_page={per_page}>; rel="{name}"'
        for name, number in pages.items()
    )
