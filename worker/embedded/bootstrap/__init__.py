"""The platform before the first migration, as SQL files applied in the order of their names."""

from pathlib import Path

import psycopg

_FOLDER = Path(__file__).parent


def apply(dsn: str) -> None:
    """Turn the empty database of *dsn* into one as the platform hands it out.

    One transaction: either everything is there afterwards or nothing. Roles belong to the
    cluster and may exist already, so several databases of one cluster can be prepared.

    Args:
        dsn: a superuser's connection, on PostgreSQL 15 or later. Not one whose superuser is
            called ``postgres``: on the platform that role is an ordinary one.

    Raises:
        psycopg.Error: a file failed; the note names it.
    """
    with psycopg.connect(dsn) as connection:
        for path in sorted(_FOLDER.glob("*.sql")):
            try:
                connection.execute(path.read_bytes())
            except psycopg.Error as error:
                error.add_note(f"in bootstrap/{path.name}")
                raise
