"""The audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from examples.legito.call import Call, Row


def list_events(call: Call) -> list[Row]:
    """List events oldest first, filtered by record, user, author and time."""
    records = call.pipe_integers("documentRecordId")
    codes = call.pipe("documentRecordCode")
    # A code that is unknown has to filter everything away, not nothing.
    records |= {call.state.records[c]["id"] if c in call.state.records else 0 for c in codes}
    users, authors = call.pipe_integers("userId"), call.pipe_integers("authorId")
    since, until = call.integer("timestampFrom"), call.integer("timestampTo")
    return call.page(
        event
        for event in call.state.events
        if (not records or event.get("documentRecordId") in records)
        and (not users or event.get("userId") in users)
        and (not authors or event["authorId"] in authors)
        and (since is None or _seconds(event) >= since)
        and (until is None or _seconds(event) <= until)
    )


def _seconds(event: Row) -> float:
    return datetime.fromisoformat(event["created"]).timestamp()
