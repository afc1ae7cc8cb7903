"""Connections to PostgreSQL that come back by themselves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from psycopg import AsyncConnection, Error
from psycopg.rows import TupleRow

# Values are compared and shown as text, so the text must not depend on the server's settings.
TEXT_SETTINGS: Final = (
    "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres';"
    " set bytea_output = 'hex'; set extra_float_digits = 1;"
)


class Session:
    """One connection for one caller at a time, opened when first used and after it broke."""

    def __init__(self, dsn: str, name: str) -> None:
        """Prepare a session that the server's statistics show as *name*."""
        self._dsn = dsn
        self._name = name
        self._lock = asyncio.Lock()
        self._connection: AsyncConnection[TupleRow] | None = None

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Lend the connection, in autocommit mode; whoever begins a transaction ends it."""
        async with self._lock:
            if self._connection is not None:
                # Notices a server that has gone away since: the first look may find only its
                # last words, the second the end.
                with contextlib.suppress(Error):
                    self._connection.pgconn.consume_input()
                    self._connection.pgconn.consume_input()
            if self._connection is None or self._connection.closed:
                self._connection = await AsyncConnection.connect(
                    self._dsn, autocommit=True, application_name=self._name
                )
                # a policy that never returns must not stop everybody's events
                await self._connection.execute(TEXT_SETTINGS + "set statement_timeout = '10s'")
            yield self._connection

    async def close(self) -> None:
        """Close the connection; the next use opens another."""
        async with self._lock:
            if self._connection is not None:
                await self._connection.close()
            self._connection = None
