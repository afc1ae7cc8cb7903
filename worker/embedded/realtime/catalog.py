"""What the catalog says about the tables of a batch: keys, types, privileges, row security.

It is asked anew for every batch, so that a grant or an ``alter table`` counts from then on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncConnection

_TABLES: Final = """
select
    class.oid::bigint,
    class.oid::regclass::text,
    class.relrowsecurity,
    attribute.attname::text,
    attribute.atttypid::bigint,
    type.typname::text,
    format_type(attribute.atttypid, null),
    coalesce(attribute.attnum = any(key.indkey::smallint[]), false),
    array(
        select role.rolname::text
        from pg_roles as role
        where role.rolname = any(%(roles)s)
            and has_column_privilege(role.oid, class.oid, attribute.attnum, 'select')
    )
from pg_class as class
join pg_attribute as attribute on attribute.attrelid = class.oid
join pg_type as type on type.oid = attribute.atttypid
left join pg_index as key on key.indrelid = class.oid and key.indisprimary
where class.oid = any(%(tables)s::oid[]) and attribute.attnum > 0 and not attribute.attisdropped
order by class.oid, attribute.attnum
"""

_PUBLISHED: Final = """
select
    format('%%I.%%I', schemaname, tablename)::regclass::oid::bigint
from pg_publication_tables
where pubname = 'supabase_realtime'
    and (%(schema)s = '*' or schemaname = %(schema)s)
    and (%(table)s = '*' or tablename = %(table)s)
"""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column; *readers* are those of the asked roles that may select it."""

    name: str
    type_oid: int
    type_name: str
    cast_name: str
    is_key: bool
    readers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """One table, columns in their order; *sql_name* is quoted where it has to be."""

    sql_name: str
    has_row_security: bool
    columns: dict[str, TableColumn]

    @property
    def key(self) -> tuple[TableColumn, ...]:
        """Return the columns of the primary key; empty without one."""
        return tuple(column for column in self.columns.values() if column.is_key)

    def refusal(self, role: str) -> str | None:
        """Return why *role* cannot be shown rows of this table at all."""
        if not self.key:
            return "Error 400: Bad Request, no primary key"
        if not all(role in column.readers for column in self.key):
            return "Error 401: Unauthorized"
        return None


async def describe(
    connection: AsyncConnection, tables: Collection[int], roles: Collection[str]
) -> dict[int, Table]:
    """Return the tables that (still) exist, by oid."""
    cursor = await connection.execute(_TABLES, {"tables": list(tables), "roles": list(roles)})
    found: dict[int, Table] = {}
    for oid, sql_name, has_row_security, *column in await cursor.fetchall():
        name, type_oid, type_name, cast_name, is_key, readers = column
        table = found.setdefault(oid, Table(sql_name, has_row_security, {}))
        table.columns[name] = TableColumn(
            name, type_oid, type_name, cast_name, is_key, frozenset(readers)
        )
    return found


async def published(connection: AsyncConnection, schema: str, table: str) -> list[int]:
    """Return the published tables a subscription means; ``*`` means any."""
    cursor = await connection.execute(_PUBLISHED, {"schema": schema, "table": table})
    return [oid for (oid,) in await cursor.fetchall()]
