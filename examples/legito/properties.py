"""Typed properties of document records and object records, and how a body sets them."""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Any

from examples.legito.call import matches
from examples.legito.errors import invalid
from examples.legito.state import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from examples.legito.state import State

Row = dict[str, Any]

_SHOWN = ("id", "propertyGroupId", "priority", "type", "system", "systemType", "systemName")


def blank(definitions: Iterable[Row], *, named: bool) -> list[Row]:
    """Return the property items of a new record; only document records show the ``name``."""
    keys = ("name", *_SHOWN) if named else _SHOWN
    return [{key: row[key] for key in keys} | {"value": None} for row in definitions]


def assign(state: State, items: list[Row], changes: object) -> None:
    """Set the values that *changes*, a list of ``{systemName, value}``, gives; all or nothing."""
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        raise invalid(("properties", "must be a list of {systemName, value}"))
    by_name = {item["systemName"]: item for item in items}
    faults = []
    for change in changes:
        item = by_name.get(str(change.get("systemName")))
        if item is None:
            faults.append((f"properties.{change.get('systemName')}", "is unknown"))
        elif change.get("value") is not None and not _fits(state, item, change["value"]):
            faults.append((f"properties.{item['systemName']}", "has the wrong kind of value"))
    if faults:
        raise invalid(*faults)
    for change in changes:
        by_name[change["systemName"]]["value"] = change.get("value")


def new_object_record(state: State, object_id: int, record_id: int) -> Row:
    """Return an object record with empty properties; it is not stored yet."""
    now = timestamp()
    system_name = str(uuid.uuid4())
    return {
        "id": record_id,
        "objectId": object_id,
        "systemName": system_name,
        "name": "",
        "deleted": False,
        "created": now,
        "lastModified": now,
        "active": now,
        "authorId": state.api_user_id,
        "properties": blank(state.object_properties[object_id], named=False),
        "detailLink": f"/object-record/{system_name}",
        "events": [],
    }


def _fits(state: State, item: Row, value: object) -> bool:
    check = _CHECKS.get(item["systemType"] or item["type"]) or _CHECKS.get(item["type"])
    return check is None or check(state, value)


def _is_date(_state: State, value: object) -> bool:
    try:
        date.fromisoformat(str(value)[:10])
    except ValueError:
        return False
    return isinstance(value, str)


def _is_currency(state: State, value: object) -> bool:
    return (
        isinstance(value, dict)
        and matches(value.get("value"), (int, float))
        and value.get("currencyId") in [row["id"] for row in state.reference["currency"]]
    )


def _is_related(state: State, value: object) -> bool:
    if not isinstance(value, dict):
        return False
    parent = value.get("parentDocumentRecordId")
    return parent is None or any(row["id"] == parent for row in state.records.values())


_CHECKS: dict[str, Callable[[State, Any], bool]] = {
    "text": lambda _, value: isinstance(value, str),
    "number": lambda _, value: matches(value, (int, float)),
    "checkbox": lambda _, value: isinstance(value, bool),
    "confidential": lambda _, value: isinstance(value, bool),
    "date": _is_date,
    "signing_date": _is_date,
    "currency": _is_currency,
    "user": lambda state, value: matches(value, int) and value in state.users,
    "labels": lambda state, value: (
        isinstance(value, list) and all(matches(i, int) and i in state.labels for i in value)
    ),
    "related_document_records": _is_related,
}
