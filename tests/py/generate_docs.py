"""Writes what is made from the database: docs/api.md, types for clients. ``make docs`` runs it."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from conftest import ROOT, push_migrations
from psycopg.rows import dict_row

from worker.embedded import stack as embedded
from worker.embedded.stack import Connection

Row = dict[str, Any]

INTRODUCTION = """\
# API reference

Everything in the schema `public`: what [clients](clients.md) and workers may call, read and write.
Made from the comments in the database by `make docs`; to change this page, change a migration.

Functions are called as `client.rpc("name", {parameters})` in both client libraries. What is refused
is told as [docs/errors.md](errors.md) says.

**Who may.** `anon` is the publishable key with nobody signed in, and may do nothing here.
`authenticated` is a person who is signed in; row level security narrows them to the rows that the
words in brackets name: *member*, anybody in the organization of the row; *editor*, its editors,
admins and owners; *manager*, its admins and owners; *colleague*, people who share an organization;
*self*, the person themselves. `service_role` is the secret key: all rows.
"""

FUNCTIONS = """
    select
        procedures.proname as name,
        array(
            select concat_ws(
                ' ',
                procedures.proargnames[position],
                format_type(procedures.proargtypes[position - 1], null),
                'default ' || pg_get_function_arg_default(procedures.oid, position)
            )
            from generate_series(1, procedures.pronargs) as position
            order by position
        ) as arguments,
        pg_get_function_result(procedures.oid) as result,
        procedures.provolatile <> 'v' as is_reading,
        obj_description(procedures.oid, 'pg_proc') as comment,
        array(
            select grants.grantee::regrole::text
            from aclexplode(procedures.proacl) as grants
            where grants.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
            order by 1
        ) as callers
    from pg_proc as procedures
    where procedures.pronamespace = 'public'::regnamespace
    order by procedures.proname
"""

TABLES = """
    select
        classes.oid,
        classes.relname as name,
        classes.relkind = 'v' as is_view,
        obj_description(classes.oid, 'pg_class') as comment,
        exists (
            select from pg_publication_tables as published
            where published.pubname = 'supabase_realtime' and published.schemaname = 'public'
                and published.tablename = classes.relname
        ) as is_published
    from pg_class as classes
    where classes.relnamespace = 'public'::regnamespace and classes.relkind in ('r', 'p', 'v')
        and not classes.relispartition
    order by classes.relname
"""

COLUMNS = """
    select
        columns.attname as name,
        format_type(columns.atttypid, columns.atttypmod) as type,
        not columns.attnotnull as is_nullable,
        case
            when columns.attidentity <> '' then 'identity'
            when columns.attgenerated <> '' then 'generated'
            else pg_get_expr(defaults.adbin, defaults.adrelid)
        end as default,
        col_description(columns.attrelid, columns.attnum) as comment
    from pg_attribute as columns
    left join pg_attrdef as defaults
        on defaults.adrelid = columns.attrelid and defaults.adnum = columns.attnum
    where columns.attrelid = %s and columns.attnum > 0 and not columns.attisdropped
    order by columns.attnum
"""

CONSTRAINTS = """
    select
        constraints.conname as name,
        pg_get_constraintdef(constraints.oid, true) as definition,
        obj_description(constraints.oid, 'pg_constraint') as comment
    from pg_constraint as constraints
    where constraints.conrelid = %s and constraints.contype in ('p', 'u', 'f', 'c')
    order by strpos('pufc', constraints.contype), constraints.conname
"""

RIGHTS = """
    with grants as (
        select grants.grantee, grants.privilege_type, null::smallint as column_number
        from pg_class as classes
        cross join lateral aclexplode(classes.relacl) as grants
        where classes.oid = %(table)s
        union all
        select grants.grantee, grants.privilege_type, columns.attnum
        from pg_attribute as columns
        cross join lateral aclexplode(columns.attacl) as grants
        where columns.attrelid = %(table)s
    )

    select
        grants.grantee::regrole::text as role,
        lower(grants.privilege_type) as verb,
        array_remove(array_agg(columns.attname::text order by columns.attnum), null) as columns,
        (
            select policies.polname
            from pg_policy as policies
            where policies.polrelid = %(table)s and grants.grantee = any(policies.polroles)
                and policies.polcmd = case grants.privilege_type
                    when 'SELECT' then 'r' when 'INSERT' then 'a'
                    when 'UPDATE' then 'w' when 'DELETE' then 'd'
                end
        ) as policy
    from grants
    left join pg_attribute as columns
        on columns.attrelid = %(table)s and columns.attnum = grants.column_number
    where grants.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
        and grants.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    group by grants.grantee, grants.privilege_type
    order by
        role, array_position(array['SELECT', 'INSERT', 'UPDATE', 'DELETE'], grants.privilege_type)
"""


def api_page(stack: Connection) -> str:
    """Return docs/api.md for the database of *stack*."""
    with psycopg.connect(stack.admin_db_url, row_factory=dict_row) as connection:
        functions = connection.execute(FUNCTIONS).fetchall()
        tables = connection.execute(TABLES).fetchall()
        return "\n".join(
            (
                INTRODUCTION,
                *index("Functions", functions),
                *index("Tables", tables),
                *(line for one in functions for line in function_section(one)),
                *(line for one in tables for line in table_section(connection, one)),
            )
        )


def index(title: str, objects: list[Row]) -> list[str]:
    """Return a table of names, with links, and summaries."""
    return [
        f"## {title}\n",
        "| name | what |\n|---|---|",
        *(f"| [`{one['name']}`](#{one['name']}) | {cell(summary(one))} |" for one in objects),
        "",
    ]


def summary(described: Row) -> str:
    """Return the first paragraph of the comment."""
    return str(described["comment"]).partition("\n\n")[0]


def cell(text: str) -> str:
    """Return *text* fit for a cell of a Markdown table: on one line, every character as it is."""
    return " ".join(prose(text).split()).replace("|", "\\|")


def prose(text: str) -> str:
    """Return *text* without anything that Markdown would take for markup."""
    for character in "\\`*<":
        text = text.replace(character, f"\\{character}")
    return text


def function_section(function: Row) -> list[str]:
    """Return the description of a function."""
    arguments = ",".join(f"\n    {argument}" for argument in function["arguments"])
    signature = f"{function['name']}({arguments}\n)" if arguments else f"{function['name']}()"
    callers = " and ".join(f"`{role}`" for role in function["callers"]) or "nobody"
    kind = "reads only" if function["is_reading"] else "may write"
    return [
        f"### `{function['name']}`\n",
        f"```sql\n{signature} returns {function['result']}\n```\n",
        f"{prose(function['comment'])}\n",
        f"For {callers}; {kind}.\n",
    ]


def table_section(connection: psycopg.Connection[Row], table: Row) -> list[str]:
    """Return the description of a table or view."""
    columns = connection.execute(COLUMNS, (table["oid"],)).fetchall()
    constraints = connection.execute(CONSTRAINTS, (table["oid"],)).fetchall()
    rights = connection.execute(RIGHTS, {"table": table["oid"]}).fetchall()
    return [
        f"### `{table['name']}`\n",
        f"{prose(table['comment'])}\n",
        *(["Its changes arrive as `postgres_changes`.\n"] if table["is_published"] else []),
        "| column | type | null | default | what |\n|---|---|---|---|---|",
        *map(column_row, columns),
        "",
        *(f"- {role}: {verbs}" for role, verbs in rights_of(rights).items()),
        "",
        *map(constraint_line, constraints),
        "",
    ]


def column_row(column: Row) -> str:
    """Return the line of a column."""
    default = f"`{column['default']}`".replace("|", "\\|") if column["default"] else ""
    null = "yes" if column["is_nullable"] else "no"
    return (
        f"| `{column['name']}` | {column['type']} | {null} | {default} "
        f"| {cell(column['comment'])} |"
    )


def constraint_line(constraint: Row) -> str:
    """Return the line of a constraint."""
    definition = " ".join(constraint["definition"].split())
    told = f" {cell(constraint['comment'])}" if constraint["comment"] else ""
    return f"- `{constraint['name']}`:{told} `{definition}`"


def rights_of(rights: list[Row]) -> dict[str, str]:
    """Return by role what it may do: verbs, their columns if not all, whose rows."""
    told: dict[str, list[str]] = {}
    for right in rights:
        columns = " of " + ", ".join(f"`{name}`" for name in right["columns"])
        whose = f" ({right['policy'].rsplit('_', 1)[1]})" if right["policy"] else ""
        verb = right["verb"] + (columns if right["columns"] else "") + whose
        told.setdefault(f"`{right['role']}`", []).append(verb)
    return {role: "; ".join(verbs) for role, verbs in told.items()}


def client_types(stack: Connection, language: str) -> str:
    """Return what the Supabase CLI makes of the schema in ``typescript`` or ``python``."""
    return subprocess.run(
        [
            *(ROOT / "node_modules/.bin/supabase", "gen", "types"),
            *(f"--remote={stack.db_url}", "--schema", "public", "--lang", language),
        ],
        cwd=ROOT,
        # else it tells, among the types, that there is no TLS
        env={**os.environ, "PGSSLMODE": "disable"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


GENERATED = {
    "docs/api.md": api_page,
    "clients/database.types.ts": lambda stack: client_types(stack, "typescript"),
    "clients/database_types.py": lambda stack: client_types(stack, "python"),
}


def main() -> None:
    """Write every file anew from the migrations as they are."""
    with tempfile.TemporaryDirectory(prefix="assay-docs-") as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o711)  # the server's account may enter, where this one is root
        stack = embedded.up(data_dir / "stack", port=0, is_throwaway=True)
        try:
            push_migrations(stack.db_url)
            for name, make in GENERATED.items():
                (ROOT / name).write_text(make(stack))
        finally:
            embedded.down(data_dir / "stack")


if __name__ == "__main__":
    main()
