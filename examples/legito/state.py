"""Everything the stand-in remembers, and nothing it decides.

Rows are kept in the shape the API answers with, so that reading is returning. What no answer shows
(element values, uploaded data) sits beside them. One process, one event loop and handlers that
never wait: no locks.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from examples.legito.errors import invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from examples.legito.elements import Element, Values

Row = dict[str, Any]

EVENT_PARAMETERS = (
    "ownerId",
    "workflowStageId",
    "shareUserId",
    "sharePermission",
    "shareUserGroupId",
    "fileId",
    "externalLink",
    "date",
    "templateId",
    "documentVersionId",
)


@dataclass
class State:
    """The workspace. Dictionaries are keyed by what the API addresses the rows with."""

    api_user_id: int
    users: dict[int, Row]
    groups: dict[int, Row]
    suites: dict[int, Row]
    elements: dict[int, tuple[Element, ...]]
    json_integrations: dict[int, int]
    workflows: list[Row]
    revisions: dict[int, Row]
    stages: dict[int, Row]
    objects: dict[int, Row]
    object_properties: dict[int, list[Row]]
    properties: list[Row]
    property_groups: list[Row]
    reference: dict[str, list[Row]]
    record_types: dict[int, Row] = field(default_factory=dict)
    labels: dict[int, Row] = field(default_factory=dict)
    template_tags: dict[int, Row] = field(default_factory=dict)
    records: dict[str, Row] = field(default_factory=dict)
    versions: dict[str, Row] = field(default_factory=dict)
    version_values: dict[str, Values] = field(default_factory=dict)
    files: dict[int, Row] = field(default_factory=dict)
    file_data: dict[int, str] = field(default_factory=dict)
    shares: dict[str, Row] = field(default_factory=dict)
    external_links: dict[int, Row] = field(default_factory=dict)
    link_records: dict[int, str] = field(default_factory=dict)
    object_records: dict[str, Row] = field(default_factory=dict)
    permissions: dict[int, Row] = field(default_factory=dict)
    notification_settings: dict[int, Row] = field(default_factory=dict)
    push_connections: dict[int, Row] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    lenient_codes: bool = False
    watch: Callable[[Row, Row], None] = lambda _event, _record: None
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(10_001))

    def next_id(self) -> int:
        """Return an id that no row has; fixtures stay below 10,000."""
        return next(self._ids)

    def record(self, code: str) -> Row:
        """Return the document record *code*; one that was deleted is not found."""
        record = self.records.get(code)
        if record is None or record["deleted"]:
            raise not_found("document record", code)
        return record

    def version(self, code: str) -> Row:
        """Return the document version *code*, or with ``lenient_codes`` a record's newest one."""
        version = self.versions.get(code)
        if version is None and self.lenient_codes and code in self.records:
            version = next(reversed(self.records[code]["documentVersions"]), None)
        if version is None or version["deleted"]:
            raise not_found("document version", code)
        return version

    def find_user(self, id_or_email: object) -> Row | None:
        """Return the user with that id (number or digits) or e-mail address, or None."""
        key = str(id_or_email)
        if key.isascii() and key.isdigit():
            return self.users.get(int(key))
        return next((u for u in self.users.values() if u["email"].lower() == key.lower()), None)

    def user(self, id_or_email: str) -> Row:
        """Return the user the path addresses."""
        user = self.find_user(id_or_email)
        if user is None:
            raise not_found("user", id_or_email)
        return user

    def listed_user(self, item: Row) -> Row:
        """Return the user that an item of a body names by ``id`` or ``email``."""
        name = "id" if item.get("id") is not None else "email"
        user = self.find_user(item.get(name))
        if user is None:
            raise invalid((name, "names no user"))
        return user

    def user_id(self, value: object, field_name: str) -> int:
        """Return *value* when it is a user's id; None means the default API user."""
        if value is None:
            return self.api_user_id
        if isinstance(value, bool) or not isinstance(value, int) or value not in self.users:
            raise invalid((field_name, "names no user"))
        return value

    def log(
        self, kind: str, record: Row, author_id: int | None = None, **parameters: object
    ) -> None:
        """Remember that *author_id*, by default the API user, did *kind* to a document record."""
        event = {
            **self._event(kind, author_id),
            "documentRecordId": record["id"],
            "parameters": dict.fromkeys(EVENT_PARAMETERS) | parameters,
        }
        self.events.append(event)
        record["events"].append(event)
        self.watch(event, record)

    def log_user(self, kind: str, user: Row) -> None:
        """Remember that the API user did *kind* to a user."""
        self.events.append({**self._event(kind), "userId": user["id"]})

    def _event(self, kind: str, author_id: int | None = None) -> Row:
        return {
            "id": self.next_id(),
            "created": timestamp(),
            "type": kind,
            "authorId": author_id or self.api_user_id,
            "ip": "127.0.0.1",
        }


def timestamp() -> str:
    """Return now as the API writes it: ISO 8601, whole seconds, numeric offset."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_code() -> str:
    """Return a fresh record or version code: 40 alphanumeric characters."""
    return secrets.token_hex(20)


def found(rows: dict[int, Row], key: int, what: str) -> Row:
    """Return the row the path addresses by a numeric id."""
    if key not in rows:
        raise not_found(what, key)
    return rows[key]
