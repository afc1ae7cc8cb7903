"""Objects and their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito import properties
from examples.legito.errors import not_found
from examples.legito.state import found, timestamp

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.state import State

DEFAULT_PAGE = 20


def list_objects(call: Call) -> list[Row]:
    """List the objects."""
    return _page(call, list(call.state.objects.values()))


def list_records(call: Call, object_id: int) -> list[Row]:
    """List the records of an object; deleted ones are gone."""
    found(call.state.objects, object_id, "object")
    rows = call.state.object_records.values()
    return _page(call, [r for r in rows if r["objectId"] == object_id and not r["deleted"]])


def create_record(call: Call, object_id: int) -> Row:
    """Create a record from ``{properties: [{systemName, value}]}``."""
    found(call.state.objects, object_id, "object")
    body = call.json_object()
    record = properties.new_object_record(call.state, object_id, call.state.next_id())
    _assign(call.state, record, body)
    call.state.object_records[record["systemName"]] = record
    return record


def update_record(call: Call, system_name: str) -> Row:
    """Change the properties given; the others stay."""
    record = _live(call.state, system_name)
    _assign(call.state, record, call.json_object())
    record["lastModified"] = record["active"] = timestamp()
    return record


def delete_record(call: Call, system_name: str) -> Row:
    """Delete a record and return it."""
    record = _live(call.state, system_name)
    record["deleted"] = True
    return record


def _page(call: Call, rows: list[Row]) -> list[Row]:
    ids = call.pipe_integers("id")
    return call.page((row for row in rows if not ids or row["id"] in ids), DEFAULT_PAGE)


def _live(state: State, system_name: str) -> Row:
    record = state.object_records.get(system_name)
    if record is None or record["deleted"]:
        raise not_found("object record", system_name)
    return record


def _assign(state: State, record: Row, body: Row) -> None:
    """Set properties; the name is derived: the value of the first text property."""
    properties.assign(state, record["properties"], body.get("properties", []))
    texts = (item["value"] for item in record["properties"] if item["type"] == "text")
    record["name"] = next(texts, None) or ""
