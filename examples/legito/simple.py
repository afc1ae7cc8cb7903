"""Lists whose rows are little more than a name: labels, document record types, template tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito.call import success, text
from examples.legito.state import found

if TYPE_CHECKING:
    from examples.legito.call import Call, Row


def list_labels(call: Call) -> list[Row]:
    """List the labels."""
    return list(call.state.labels.values())


def create_label(call: Call) -> Row:
    """Create a label."""
    return _create(call, call.state.labels)


def delete_label(call: Call, label_id: int) -> Row:
    """Delete a label."""
    found(call.state.labels, label_id, "label")
    del call.state.labels[label_id]
    return success()


def list_record_types(call: Call) -> list[Row]:
    """List the document record types."""
    return list(call.state.record_types.values())


def create_record_type(call: Call) -> Row:
    """Create a document record type with the lowest priority."""
    kinds = call.state.record_types
    lowest = max((kind["priority"] for kind in kinds.values()), default=0)
    return _create(call, kinds, priority=lowest + 1)


def rename_record_type(call: Call, record_type_id: int) -> Row:
    """Rename a document record type."""
    kind = found(call.state.record_types, record_type_id, "document record type")
    kind["name"] = text(call.json_object(), "name")
    return kind


def delete_record_type(call: Call, record_type_id: int) -> Row:
    """Delete a document record type."""
    found(call.state.record_types, record_type_id, "document record type")
    del call.state.record_types[record_type_id]
    return success()


def list_template_tags(call: Call) -> list[Row]:
    """List the template tags."""
    return list(call.state.template_tags.values())


def create_template_tag(call: Call) -> Row:
    """Create a template tag; the API has no way to delete it."""
    return _create(call, call.state.template_tags, system=False)


def _create(call: Call, rows: dict[int, Row], **more: object) -> Row:
    name = text(call.json_object(), "name")
    row_id = call.state.next_id()
    rows[row_id] = {"id": row_id, "name": name, **more}
    return rows[row_id]
