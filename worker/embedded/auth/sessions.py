"""Sessions and their refresh tokens in the database; every statement on them is here."""

import uuid

from worker.embedded.auth.accounts import Connection
from worker.embedded.auth.errors import AuthError
from worker.embedded.auth.shapes import Row
from worker.embedded.auth.tokens import new_refresh_token

REUSE_INTERVAL_S = 10


async def open_session(
    connection: Connection, user_id: uuid.UUID, *, user_agent: str, address: str | None
) -> tuple[Row, str]:
    """Sign the user in; return the session's row and its first refresh token."""
    cursor = await connection.execute(
        "insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip) "
        "values (%s, %s, now(), now(), 'aal1', %s, %s) returning *",
        (uuid.uuid4(), user_id, user_agent, address),
    )
    session = await cursor.fetchone()
    assert session is not None  # noqa: S101 - an insert that returns returns
    await connection.execute(
        "update auth.users set last_sign_in_at = now() where id = %s", (user_id,)
    )
    return session, await _issue(connection, session, parent=None)


async def by_id(connection: Connection, session_id: str) -> Row:
    """Return the session's row; refuse when it has ended."""
    cursor = await connection.execute(
        "select * from auth.sessions where id::text = %s "
        "and (not_after is null or not_after > now())",
        (session_id,),
    )
    session = await cursor.fetchone()
    if session is None:
        raise AuthError(
            403,
            "session_not_found",
            "Session from session_id claim in JWT does not exist",
        )
    return session


async def rotate(connection: Connection, token: str) -> tuple[Row, str] | None:
    """Exchange a refresh token; return its session and the token that is valid from now on.

    A token is good once. Used again it is honoured if it is the parent of the active one or was
    used moments ago (an answer may have been lost), and gives the active token. Otherwise
    somebody else has it: all tokens of the session are revoked and None comes back, for the
    caller to refuse after committing that.
    """
    cursor = await connection.execute(
        "select *, updated_at > now() - make_interval(secs => %s) as is_recent "
        "from auth.refresh_tokens where token = %s for update",
        (REUSE_INTERVAL_S, token),
    )
    row = await cursor.fetchone()
    if row is None or row["session_id"] is None:
        raise AuthError(
            400,
            "refresh_token_not_found",
            "Invalid Refresh Token: Refresh Token Not Found",
        )
    session = await by_id(connection, str(row["session_id"]))
    if not row["revoked"]:
        await connection.execute(
            "update auth.refresh_tokens set revoked = true, updated_at = now() where id = %s",
            (row["id"],),
        )
        await connection.execute(
            "update auth.sessions set refreshed_at = now() at time zone 'utc', "
            "updated_at = now() where id = %s",
            (session["id"],),
        )
        return session, await _issue(connection, session, parent=token)
    cursor = await connection.execute(
        "select token, parent from auth.refresh_tokens "
        "where session_id = %s and not revoked order by id desc limit 1",
        (session["id"],),
    )
    active = await cursor.fetchone()
    if active and (active["parent"] == token or row["is_recent"]):
        return session, active["token"]
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() "
        "where session_id = %s and not revoked",
        (session["id"],),
    )
    return None


async def end(connection: Connection, session: Row, scope: str) -> None:
    """End sessions of the user: ``local`` this one, ``others`` all but this, ``global`` all."""
    await connection.execute(
        "delete from auth.sessions where user_id = %(user)s and case %(scope)s::text "
        "when 'local' then id = %(id)s when 'others' then id <> %(id)s else true end",
        {"user": session["user_id"], "id": session["id"], "scope": scope},
    )


async def _issue(connection: Connection, session: Row, *, parent: str | None) -> str:
    token = new_refresh_token()
    await connection.execute(
        "insert into auth.refresh_tokens "
        "(instance_id, token, user_id, revoked, parent, session_id, created_at, updated_at) "
        "values (%s, %s, %s, false, %s, %s, now(), now())",
        (uuid.UUID(int=0), token, str(session["user_id"]), parent, session["id"]),
    )
    return token
