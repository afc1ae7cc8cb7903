"""What PostgreSQL did for a request: its plans, those inside of functions too, in a few words."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg

from worker.embedded.stack import Connection

_SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan")


class Watcher:
    """Runs what a request runs, as the same person, and listens to auto_explain."""

    def __init__(self, admin: psycopg.Connection[Any], person: str) -> None:
        """Explain through *admin*, a superuser's connection."""
        self._admin = admin
        self._person = person
        self._plans: list[dict[str, Any]] = []
        admin.add_notice_handler(self._hear)

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        _, _, text = (notice.message_primary or "").partition("plan:\n")
        if text:
            self._plans.append(json.loads(text)["Plan"])

    def explain(self, path: str, body: dict[str, object] | None) -> str:
        """Return how many pages were read and which tables were looked through how."""
        self._plans.clear()
        with self._admin.transaction(force_rollback=True):
            self._admin.execute(
                "select set_config('request.jwt.claims', %s, true), "
                "set_config('role', 'authenticated', true)",
                [json.dumps({"sub": self._person, "role": "authenticated"})],
            )
            if body is None:
                self._admin.execute(to_sql(path).encode())
            else:
                named = ", ".join(f'"{name}" => %s' for name in body)
                self._admin.execute(
                    f"select public.{path.removeprefix('rpc/')}({named})".encode(),
                    list(body.values()),
                )
        pages = sum(top_pages(plan) for plan in self._plans[-1:])
        scans: dict[str, int] = {}
        for plan in self._plans:
            for node in nodes(plan):
                if node["Node Type"] in _SCANS:
                    seen = round(node.get("Actual Rows", 0) * node.get("Actual Loops", 1))
                    how = node.get("Index Name") or f"all of {node.get('Relation Name')}"
                    if node["Node Type"] == "Bitmap Heap Scan":
                        how = f"bitmap of {node.get('Relation Name')}"
                    scans[how] = scans.get(how, 0) + seen
        most = sorted(scans.items(), key=lambda scan: -scan[1])[:3]
        told = ", ".join(f"{how} {count:,}" for how, count in most)
        return f"{pages:,} pages; rows: {told}"


def top_pages(plan: dict[str, Any]) -> int:
    """Return the pages that a plan read, from the cache or not."""
    return int(plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all nodes of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def to_sql(path: str) -> str:
    """Return the query that PostgREST makes of the few kinds of paths that we ask."""
    table, _, query = path.partition("?")
    columns, order, limit, conditions = "*", "", "", []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == "select":
            # what is embedded costs little beside the table itself
            columns = ", ".join(one for one in value.split(",") if "(" not in one)
        elif name == "order":
            order = "order by " + value.replace(".desc", " desc")
        elif name == "limit":
            limit = f"limit {value}"
        else:
            conditions.append(_condition(name, value))
    where = " and ".join(conditions) or "true"
    return f"select {columns} from public.{table} where {where} {order} {limit}"


def _condition(column: str, value: str) -> str:
    operator, _, operand = value.partition(".")
    if operator == "in":
        quoted = ", ".join(f"'{one}'" for one in operand.strip("()").split(","))
        return f"{column} in ({quoted})"
    symbol = {"eq": "=", "gt": ">", "ilike": "ilike"}[operator]
    operand = operand.replace("*", "%")
    return f"{column} {symbol} '{operand}'"


@contextlib.contextmanager
def watching(connection: Connection, person: str) -> Iterator[Watcher]:
    """Yield a watcher of what *person* asks."""
    with psycopg.connect(connection.admin_db_url, autocommit=True) as admin:
        admin.execute("load 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_buffers": "on",
            "auto_explain.log_timing": "off",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_format": "json",
            "auto_explain.log_level": "notice",
            "client_min_messages": "notice",
        }.items():
            admin.execute("select set_config(%s, %s, false)", [name, value])
        yield Watcher(admin, person)
