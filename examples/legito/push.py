"""Push connections: what is to be told to whom; ``webhooks`` does the telling."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from examples.legito.call import one_of, success, text, typed
from examples.legito.errors import invalid
from examples.legito.state import found
from examples.legito.webhooks import LOOPBACK

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
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
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
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise invalid(("url", "must be https"))
    for header in given.get("headers", []):
        _check_header(header)
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


def _check_header(header: object) -> None:
    """Refuse what is no ``{name, value, useDefaultApiUser}``, or could not be sent."""
    if not isinstance(header, dict):
        raise invalid(("headers", "must be a list of {name, value}"))
    typed(header, {"useDefaultApiUser": bool})
    if not _TOKEN.fullmatch(text(header, "name")):
        raise invalid(("headers.name", "must be the name of a header"))
    if not text(header, "value").isprintable():
        raise invalid(("headers.value", "must be one line of text"))
