"""Document records: list, create without a template, change, delete, anonymize."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito import elements, properties
from examples.legito.call import one_of, success, text, typed
from examples.legito.errors import invalid
from examples.legito.state import new_code, timestamp

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.state import State

_WRITABLE = {
    "name": str,
    "ownerId": int,
    "documentRecordTypeId": (int, type(None)),
    "workflowStage": dict,
    "properties": list,
    "persons": list,
}


def list_records(call: Call) -> list[Row]:
    """List records, deleted ones too unless ``deleted`` says otherwise."""
    records, codes = call.state.records, call.pipe("code")
    ids, suites, deleted = (
        call.pipe_integers("id"),
        call.pipe_integers("templateSuiteId"),
        call.flag("deleted"),
    )
    candidates = [records[c] for c in codes if c in records] if codes else records.values()
    return call.page(
        record
        for record in candidates
        if (not ids or record["id"] in ids)
        and (not suites or record["templateSuiteId"] in suites)
        and (deleted is None or record["deleted"] == deleted)
    )


def create_external(call: Call) -> Row:
    """Create a record without a template, what the product calls an external document."""
    body = call.json_object()
    record = new_record(call.state, text(body, "name"), owner_id=None, suite_id=None)
    _apply(call.state, record, body)
    store(call.state, record)
    return record


def update(call: Call, code: str) -> Row:
    """Change the writable fields of a record; read-only and unknown ones are ignored."""
    state, record = call.state, call.state.record(code)
    stage, owner = record["workflowStage"], record["ownerId"]
    _apply(state, record, call.json_object())
    record["lastModified"] = record["active"] = timestamp()
    state.log("DocumentRecordUpdated", record)
    if record["workflowStage"] != stage:
        state.log("WorkflowStatusChanged", record, workflowStageId=record["workflowStage"]["id"])
    if record["ownerId"] != owner:
        state.log("DocumentOwnerChanged", record, ownerId=record["ownerId"])
    return record


def delete(call: Call, code: str) -> Row:
    """Delete softly: the record stays in the list, marked, and nothing else finds it."""
    record = call.state.record(code)
    record["deleted"] = True
    record["lastModified"] = timestamp()
    for version in record["documentVersions"]:
        version["deleted"] = True
    call.state.log("DocumentRecordDeleted", record)
    return record


def anonymize(call: Call, code: str) -> Row:
    """Blank content of all versions of a record; a GET that writes, as documented."""
    record = call.state.record(code)
    fields = call.pipe("fields") or list(elements.ANONYMIZED)
    for name in fields:
        one_of("fields", name, elements.ANONYMIZED)
    for version in record["documentVersions"]:
        values = call.state.version_values[version["code"]]
        call.state.version_values[version["code"]] = elements.anonymize(
            call.state.elements[version["templateSuiteId"]], values, fields
        )
    record["anonymized"] = True
    return success()


def new_record(
    state: State,
    name: str,
    *,
    owner_id: int | None,
    suite_id: int | None,
    author_id: int | None = None,
) -> Row:
    """Return a record that is not stored yet; without *suite_id* it is an external document."""
    now, code = timestamp(), new_code()
    return {
        "id": state.next_id(),
        "code": code,
        "deleted": False,
        "created": now,
        "lastModified": now,
        "active": now,
        "externalDocument": suite_id is None,
        "templateSuiteId": suite_id,
        "documentRecordTypeId": None,
        "name": name,
        "authorId": author_id or state.api_user_id,
        "ownerId": owner_id or state.api_user_id,
        "workflowStage": next((s for s in state.stages.values() if s["start"]), None),
        "locked": False,
        "priorityId": 1,
        "properties": properties.blank(state.properties, named=True),
        "persons": [],
        "anonymized": False,
        "documentVersions": [],
        "detailLink": f"/document-record/{code}",
        "events": [],
    }


def store(state: State, record: Row) -> None:
    """Make a new record known and log its creation."""
    state.records[record["code"]] = record
    state.log("DocumentRecordCreated", record, record["authorId"])


def _apply(state: State, record: Row, body: Row) -> None:
    """Change *record* as *body* says, or raise and change nothing."""
    changes = typed(body, _WRITABLE)
    if "name" in changes:
        text(changes, "name")
    if "ownerId" in changes:
        state.user_id(changes["ownerId"], "ownerId")
    kind = changes.get("documentRecordTypeId")
    if kind is not None and not record["externalDocument"]:
        raise invalid(("documentRecordTypeId", "can be set on external documents only"))
    if kind is not None and kind not in state.record_types:
        raise invalid(("documentRecordTypeId", "names no document record type"))
    if "workflowStage" in changes:
        stage_id = changes["workflowStage"].get("id")
        changes["workflowStage"] = next(
            (stage for stage in state.stages.values() if stage["id"] == stage_id), None
        )
        if changes["workflowStage"] is None:
            raise invalid(("workflowStage.id", "names no stage"))
    # Last of the checks, because it writes as soon as it is content.
    properties.assign(state, record["properties"], changes.pop("properties", []))
    record.update(changes)
