"""Passwords: the rules for them, and bcrypt as GoTrue stores it."""

import dataclasses
from typing import Any

import psycopg

from worker.embedded.auth.errors import AuthError, bad_request

_SHORTEST_CHARACTERS = 6
_LONGEST_BYTES = 72  # bcrypt reads no further


@dataclasses.dataclass(frozen=True)
class Passwords:
    """Hashes and compares by pgcrypto behind *dsn*.

    Not in the transaction of the request: its role may not use the schema ``extensions``, and
    must not, or triggers on auth.users would have rights here that they lack on the platform.
    """

    dsn: str

    async def hash(self, password: str) -> str:
        """Return the bcrypt hash of *password*, cost 10."""
        return str(
            await self._value("extensions.crypt(%s, extensions.gen_salt('bf', 10))", password)
        )

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether *password_hash* was made from *password*; no when there is none."""
        if not password_hash:
            return False
        computed = await self._value("extensions.crypt(%s, %s)", password, password_hash)
        return bool(computed == password_hash)

    async def _value(self, expression: str, *parameters: str) -> Any:  # noqa: ANN401 - a database value
        async with await psycopg.AsyncConnection.connect(self.dsn) as connection:
            cursor = await connection.execute(f"select {expression}", parameters)
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a select without a table has a row
        return row[0]


def checked(password: object) -> str:
    """Return *password* if a person may choose it, else refuse it."""
    if not isinstance(password, str) or not password:
        raise bad_request("A valid password is required")
    if len(password.encode()) > _LONGEST_BYTES:
        raise bad_request("Password cannot be longer than 72 characters")
    if len(password) < _SHORTEST_CHARACTERS:
        raise AuthError(
            422,
            "weak_password",
            f"Password should be at least {_SHORTEST_CHARACTERS} characters.",
            {"weak_password": {"reasons": ["length"]}},
        )
    return password
