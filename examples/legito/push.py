"""Push connections (webhooks): kept and listed; nothing is delivered yet."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from examples.legito.call import one_of, success, text, typed
from examples.legito.errors import invalid
from examples.legito.state import found

if TYPE_CHECKING:
    from examples.legito.call import Call, Row

_EVENT_TYPES = """
    ApprovalActionApprove ApprovalActionCanceled ApprovalActionDisapprove ApprovalApproved
    ApprovalDisapproved ApprovalProcessStarted ApprovalRestart ConfidentialDesignated
    ConfidentialRemoved DateDelivery DateExpiration DatePayment DateSigning DocumentDownload
    DocumentOwnerChanged DocumentRecordCreated DocumentRecordCreatedMass DocumentRecordDeleted
    DocumentRecordLocked DocumentRecordRestored DocumentRecordUnlocked DocumentRecordUpdated
    DocumentSentByEmail DocumentShared DocumentSharingRemoved DocumentVersionView
    ExpirationDateRevised ExternalSharingActivated ExternalSharingDeactivated FileDeleted
    FileDownload FileUpload LinkAdded NewDocumentVersion SignCanceled SignCompleted SignStarted
    WorkflowStatusChanged
"""
EVENT_TYPES = frozenset(_EVENT_TYPES.split())
FILE_TYPES = ("docx", "pdf", "pdfa", "html", "rtf", "xml", "odt", "txt")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OPTIONAL = {
    "enabled": bool,
    "headers": list,
    "eventTypes": list,
    "templateSuiteAll": bool,
    "templateSuites": list,
    "documentRecordTypeAll": bool,
    "documentRecordTypes": list,
    "attachFilesUploaded": bool,
    "attachFilesGenerated": bool,
    "fileTypes": list,
}


def list_connections(call: Call) -> list[Row]:
    """List the push connections."""
    return list(call.state.push_connections.values())


def create(call: Call) -> Row:
    """Create a push connection; it starts disabled unless the body enables it."""
    body = call.json_object()
    given = typed(body, _OPTIONAL)
    name, url = text(body, "name"), text(body, "url")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise invalid(("url", "must be https"))
    for event_type in given.get("eventTypes", []):
        one_of("eventTypes", event_type, EVENT_TYPES)
    for file_type in given.get("fileTypes", []):
        one_of("fileTypes", file_type, FILE_TYPES)
    connection = {
        "id": call.state.next_id(),
        "systemName": str(uuid.uuid4()),
        "name": name,
        "url": url,
        "enabled": False,
        "headers": [],
        "eventTypes": [],
        "templateSuiteAll": True,
        "templateSuites": [],
        "documentRecordTypeAll": True,
        "documentRecordTypes": [],
        "attachFilesUploaded": False,
        "attachFilesGenerated": False,
        "fileTypes": [],
        **given,
    }
    call.state.push_connections[connection["id"]] = connection
    return connection


def delete(call: Call, connection_id: int) -> Row:
    """Delete a push connection."""
    found(call.state.push_connections, connection_id, "push connection")
    del call.state.push_connections[connection_id]
    return success()
