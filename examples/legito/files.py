"""Files attached to a document record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito.call import success, text
from examples.legito.elements import decoded
from examples.legito.errors import invalid
from examples.legito.state import found, timestamp

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.state import State

_SIGNED = (
    "signBiosigned",
    "signDocusigned",
    "signAdobesigned",
    "signFlowsigned",
    "signLegitosigned",
)


def list_files(call: Call, record_code: str) -> list[Row]:
    """List the files of a record, without their data."""
    call.state.record(record_code)
    return [f for f in call.state.files.values() if f["documentRecordCode"] == record_code]


def upload(call: Call, record_code: str) -> Row:
    """Attach a file; ``data`` is base64, plain or as a data URL, and comes back as it was sent."""
    state, body = call.state, call.json_object()
    record = state.record(record_code)
    name, data, attachment = (
        text(body, "fileName"),
        text(body, "data"),
        body.get("attachment", False),
    )
    if not isinstance(attachment, bool):
        raise invalid(("attachment", "must be true or false"))
    try:
        size = len(decoded(data))
    except ValueError as exc:
        raise invalid(("data", "must be base64, plain or as a data URL")) from exc
    file = {
        "id": state.next_id(),
        "fileName": name,
        "documentRecordId": record["id"],
        "documentRecordCode": record_code,
        "uploadedDate": timestamp(),
        "size": size,
        "attachment": attachment,
        **dict.fromkeys(_SIGNED, False),
    }
    state.files[file["id"]] = file
    state.file_data[file["id"]] = data
    state.log("FileUpload", record, fileId=file["id"])
    return file


def download(call: Call, file_id: int) -> Row:
    """Return a file with its data."""
    file, record = _live(call.state, file_id)
    call.state.log("FileDownload", record, fileId=file_id)
    return file | {"data": call.state.file_data[file_id]}


def delete(call: Call, file_id: int) -> Row:
    """Remove a file for good."""
    _, record = _live(call.state, file_id)
    del call.state.files[file_id], call.state.file_data[file_id]
    call.state.log("FileDeleted", record, fileId=file_id)
    return success()


def _live(state: State, file_id: int) -> tuple[Row, Row]:
    """Return a file and its record; the files of a deleted record are not found."""
    file = found(state.files, file_id, "file")
    return file, state.record(file["documentRecordCode"])
