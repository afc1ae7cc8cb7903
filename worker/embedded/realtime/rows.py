"""One row change: its values by name, and its JSON form for a role and a choice of columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from psycopg import AsyncConnection

from worker.embedded.realtime.catalog import Table, TableColumn
from worker.embedded.realtime.pgoutput import Begin, Change, Relation, Toast, Value
from worker.embedded.realtime.values import render

_LARGEST_RECORD_BYTES: Final = 1024 * 1024
_LARGEST_KEPT_BYTES: Final = 64

Key: TypeAlias = tuple[str, ...]
Selected: TypeAlias = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """One change with its values by column name; a column the log lacks is absent."""

    begin: Begin
    relation: Relation
    kind: str
    new: dict[str, Value]
    old: dict[str, Value]

    @classmethod
    def read(cls, begin: Begin, relation: Relation, change: Change) -> Self:
        """Name the values of *change*, filling in what an update did not log twice."""
        columns = relation.columns
        new: dict[str, Value] = {}
        if change.new is not None:
            new = {column.name: value for column, value in zip(columns, change.new, strict=True)}
        if change.old is not None:
            old = {
                column.name: value
                for column, value in zip(columns, change.old, strict=True)
                if column.is_identity or not change.old_is_key
            }
        elif change.kind == "UPDATE":
            old = {column.name: new[column.name] for column in columns if column.is_identity}
        else:
            old = {}
        for name, value in old.items():
            if new.get(name) is Toast.UNCHANGED:
                new[name] = value
        return cls(begin, relation, change.kind, new, old)

    def filterable(self, column: str) -> Value:
        """Return what a filter on *column* is applied to."""
        row = self.old if self.kind == "DELETE" else self.new
        return row.get(column, Toast.UNCHANGED)

    def key(self, table: Table) -> Key:
        """Return the primary key of the new row as text."""
        return tuple(str(self.new.get(column.name)) for column in table.key)

    def size(self) -> int:
        """Return how much the log carried for this change."""
        values = (*self.new.values(), *self.old.values())
        return sum(len(value) for value in values if isinstance(value, str))


class Renderer:
    """JSON of the changes of one table; what two subscribers see alike is made once."""

    def __init__(self, table: Table) -> None:
        """Prepare for changes of *table*."""
        self._table = table
        self._new: dict[int, dict[str, str]] = {}
        self._old: dict[int, dict[str, str]] = {}
        self._made: dict[tuple[int, str, Selected], str] = {}

    async def load(self, connection: AsyncConnection, rows: Sequence[RowChange]) -> None:
        """Render the values of *rows*, column by column."""
        self._new = {id(row): {} for row in rows}
        self._old = {id(row): {} for row in rows}
        for column in self._table.columns.values():
            for side, source in ((self._new, "new"), (self._old, "old")):
                values = [getattr(row, source).get(column.name, Toast.UNCHANGED) for row in rows]
                texts = await render(connection, column.type_oid, column.cast_name, values)
                for row, text in zip(rows, texts, strict=True):
                    if text is not None:
                        side[id(row)][column.name] = text

    def data(self, row: RowChange, role: str, selected: Selected) -> str:
        """Return the ``data`` of a frame as JSON text: what *role* may see of *row*."""
        made = self._made.get((id(row), role, selected))
        if made is None:
            made = self._make(row, role, selected)
            self._made[id(row), role, selected] = made
        return made

    def _make(self, row: RowChange, role: str, selected: Selected) -> str:
        head: dict[str, Any] = {
            "schema": row.relation.schema,
            "table": row.relation.name,
            "type": row.kind,
        }
        refusal = None if row.kind == "DELETE" else self._table.refusal(role)
        if refusal is not None:
            # the platform sends these without a time
            empty: dict[str, Any] = {
                "commit_timestamp": None,
                "columns": [],
                "record": {},
                "errors": [refusal],
            }
            return json.dumps(head | empty)
        columns = [
            column
            for column in self._table.columns.values()
            if role in column.readers
            and (selected is None or column.is_key or column.name in selected)
        ]
        moment = row.begin.committed_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        is_too_large = row.size() > _LARGEST_RECORD_BYTES
        head["commit_timestamp"] = moment
        head["columns"] = [{"name": column.name, "type": column.type_name} for column in columns]
        head["errors"] = ["Error 413: Payload Too Large"] if is_too_large else None
        text = json.dumps(head, ensure_ascii=False)[:-1]
        if row.kind != "DELETE":
            text += f',"record":{_object(self._new[id(row)], columns, is_too_large)}'
        if row.kind != "INSERT":
            if row.kind == "DELETE" and self._table.has_row_security:
                # nobody can be asked about a row that is gone, so only its key is told
                columns = [column for column in columns if column.is_key]
            text += f',"old_record":{_object(self._old[id(row)], columns, is_too_large)}'
        return text + "}"


def _object(
    texts: Mapping[str, str],
    columns: Sequence[TableColumn],
    is_too_large: bool,  # noqa: FBT001
) -> str:
    def members() -> Iterator[str]:
        for column in columns:
            text = texts.get(column.name)
            if text is None or (is_too_large and len(text.encode()) > _LARGEST_KEPT_BYTES):
                continue
            yield f"{json.dumps(column.name, ensure_ascii=False)}:{text}"

    return f"{{{','.join(members())}}}"
