"""Users and their identities in the database; every statement on them is here."""

import uuid
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from worker.embedded.auth.errors import AuthError
from worker.embedded.auth.shapes import Row

Connection = psycopg.AsyncConnection[Row]

_NO_INSTANCE = uuid.UUID(int=0)


async def create(
    connection: Connection,
    *,
    email: str,
    password_hash: str | None,
    user_metadata: dict[str, Any],
    app_metadata: dict[str, Any],
    user_id: uuid.UUID | None = None,
    phone: str | None = None,
    role: str = "authenticated",
    is_confirmed: bool,
) -> Row:
    """Add a user and return the row.

    In GoTrue's order, which triggers on auth.users see: the user first, with neither role nor
    confirmation; then the role, the identity, the confirmation.
    """
    user_id = user_id or uuid.uuid4()
    await connection.execute(
        "insert into auth.users (instance_id, id, aud, role, email, phone, encrypted_password, "
        "raw_app_meta_data, raw_user_meta_data, confirmation_token, recovery_token, "
        "email_change_token_new, email_change, created_at, updated_at) "
        "values (%s, %s, 'authenticated', '', %s, %s, %s, %s, %s, '', '', '', '', now(), now())",
        (
            _NO_INSTANCE,
            user_id,
            email or None,
            phone or None,
            password_hash or "",
            Jsonb({"provider": "email", "providers": ["email"], **app_metadata}),
            Jsonb(user_metadata),
        ),
    )
    await connection.execute(
        "update auth.users set role = %s where id = %s",
        (role, user_id),
    )
    if email:
        data = {
            "sub": str(user_id),
            "email": email,
            "email_verified": False,
            "phone_verified": False,
        }
        await connection.execute(
            "insert into auth.identities (provider_id, user_id, identity_data, provider, "
            "last_sign_in_at, created_at, updated_at) "
            "values (%s, %s, %s, 'email', now(), now(), now())",
            (str(user_id), user_id, Jsonb(data)),
        )
    if is_confirmed:
        await confirm_email(connection, user_id)
    return await by_id(connection, user_id)


async def confirm_email(connection: Connection, user_id: uuid.UUID) -> None:
    """Mark the user's address as confirmed."""
    await connection.execute(
        "update auth.users set email_confirmed_at = coalesce(email_confirmed_at, now()), "
        "raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || '{\"email_verified\": true}' "
        "where id = %s",
        (user_id,),
    )


async def by_id(connection: Connection, user_id: uuid.UUID, status: int = 404) -> Row:
    """Return the user's row; refuse with *status* when there is none."""
    cursor = await connection.execute("select * from auth.users where id = %s", (user_id,))
    row = await cursor.fetchone()
    if row is None:
        message = "User not found" if status == 404 else "User from sub claim in JWT does not exist"  # noqa: PLR2004
        raise AuthError(status, "user_not_found", message)
    return row


async def by_email(connection: Connection, email: str) -> Row | None:
    """Return the row of the user with this address, however it is capitalised."""
    cursor = await connection.execute(
        "select * from auth.users where email = %s and not is_sso_user", (email.lower(),)
    )
    return await cursor.fetchone()


async def by_phone(connection: Connection, phone: str) -> Row | None:
    """Return the row of the user with this number."""
    cursor = await connection.execute("select * from auth.users where phone = %s", (phone,))
    return await cursor.fetchone()


async def identities(connection: Connection, user_id: uuid.UUID) -> list[Row]:
    """Return the user's identities, oldest first."""
    cursor = await connection.execute(
        "select * from auth.identities where user_id = %s order by created_at", (user_id,)
    )
    return await cursor.fetchall()


async def page(connection: Connection, *, offset: int, limit: int) -> tuple[list[Row], int]:
    """Return one page of users, newest first, and how many there are in all."""
    cursor = await connection.execute(
        "select * from auth.users order by created_at desc, id limit %s offset %s",
        (limit, offset),
    )
    rows = await cursor.fetchall()
    count = await connection.execute("select count(*) as total from auth.users")
    return rows, int((await _one(count))["total"])


async def update(connection: Connection, user_id: uuid.UUID, changes: dict[str, Any]) -> Row:
    """Set columns of auth.users and return the row; metadata is merged, null removes a key.

    Args:
        connection: in a transaction.
        user_id: whose row; it exists.
        changes: new values by column name.
    """
    for column, value in changes.items():
        name = sql.Identifier(column)
        target = (
            sql.SQL(
                "coalesce((select jsonb_object_agg(pair.key, pair.value) "
                "from jsonb_each(coalesce({}, '{{}}') || %s) as pair "
                "where pair.value <> 'null'), '{{}}')"
            ).format(name)
            if isinstance(value, Jsonb)
            else sql.SQL("%s")
        )
        await connection.execute(
            sql.SQL("update auth.users set {} = {}, updated_at = now() where id = %s").format(
                name, target
            ),
            (value, user_id),
        )
    if "email" in changes:
        await connection.execute(
            "update auth.identities set updated_at = now(), "
            "identity_data = identity_data || jsonb_build_object('email', %s::text) "
            "where user_id = %s and provider = 'email'",
            (changes["email"], user_id),
        )
    return await by_id(connection, user_id)


async def delete(connection: Connection, user_id: uuid.UUID, *, is_soft: bool) -> None:
    """Delete the user; softly means the row stays, emptied, and its sessions end."""
    if not is_soft:
        await connection.execute("delete from auth.users where id = %s", (user_id,))
        return
    await connection.execute("delete from auth.identities where user_id = %s", (user_id,))
    await connection.execute("delete from auth.sessions where user_id = %s", (user_id,))
    await connection.execute(
        "update auth.users set email = encode(sha256(convert_to(coalesce(email, ''), 'utf8')), "
        "'hex'), phone = null, encrypted_password = '', raw_user_meta_data = '{}', "
        "raw_app_meta_data = '{}', deleted_at = now(), updated_at = now() where id = %s",
        (user_id,),
    )


async def _one(cursor: psycopg.AsyncCursor[Row]) -> Row:
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a select without a table has a row
    return row
