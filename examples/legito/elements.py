"""Template elements: how a version's values are read as items and written from items.

Values are stored per element uuid as a list, one entry per repetition; an element that is not
inside a repeated block has exactly one.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any

from examples.legito.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from examples.legito.state import State

Row = dict[str, Any]
Values = dict[str, list[Any]]

# Ours: one fixed namespace, so that a fixture's uuid is the same in every process.
_NAMESPACE = uuid.UUID("5f1c7a52-94a0-4d0e-8b9b-2b3f6f4f0c11")

CONTAINERS = {"Section", "OwnClause", "Table", "TableCell", "RepeatContainer", "TableOfContents"}
ANONYMIZED = {
    "money": {"Money"},
    "clauses": {"Clause"},
    "date": {"Date"},
    "textfield": {"Textinput"},
    "paragraphs": {"Text", "RichText"},
}


@dataclass(frozen=True)
class Element:
    """One element of a template; *extra* holds the read-only fields of its type."""

    name: str
    type: str
    parent: str | None = None
    default: Any = None
    extra: Row = field(default_factory=dict)
    repeated: bool = False

    @cached_property
    def uuid(self) -> str:
        """The element's lasting identity."""
        return str(uuid.uuid5(_NAMESPACE, self.name))


def defaults(elements: Iterable[Element]) -> Values:
    """Return the values of a document nobody has filled in."""
    return {e.uuid: [e.default] for e in elements if e.type in _CHECKS}


def read(elements: Iterable[Element], values: Values, *, tree: bool) -> list[Row]:
    """Return the items of a version: flat in template order, or nested under ``children``."""
    by_name = {element.name: element for element in elements}
    items = [item for element in by_name.values() for item in _items(element, by_name, values)]
    if not tree:
        return items
    parents = {item["uuid"]: item for item in items if item["type"] in CONTAINERS}
    for item in parents.values():
        item["children"] = []
    for item in items:
        if item["parentId"]:
            parents[item["parentId"]]["children"].append(item)
    return [item for item in items if not item["parentId"]]


def write(state: State, elements: Iterable[Element], values: Values, items: list[Row]) -> Values:
    """Return a copy of *values* changed by the *items* of a body.

    Items are matched by ``uuid``, else by ``name``; unknown ones are ignored. All faults of a body
    are reported together.
    """
    elements = tuple(elements)
    known = {e.name: e for e in elements} | {e.uuid: e for e in elements}
    written: Values = {}
    faults: list[tuple[str, str]] = []
    for item in items:
        element = known.get(str(item.get("uuid") or item.get("name")))
        if element is None:
            continue
        try:
            value = _checked(state, element, item)
        except ValueError as exc:
            faults.append((element.name, str(exc)))
            continue
        # A name sent twice fills the next repetition, or overrides where there is only one.
        earlier = written.get(element.uuid, []) if element.repeated else []
        written[element.uuid] = [*earlier, value]
    if faults:
        raise invalid(*faults)
    return {key: list(value) for key, value in values.items()} | written


def anonymize(elements: Iterable[Element], values: Values, fields: Iterable[str]) -> Values:
    """Return a copy of *values* with the kinds of content named by *fields* blanked."""
    blanked = {kind for name in fields for kind in ANONYMIZED[name]}
    hidden = {e.uuid for e in elements if e.type in blanked}
    return {key: [None] * len(old) if key in hidden else old for key, old in values.items()}


def lines(elements: Iterable[Element], values: Values) -> list[str]:
    """Return the version as plain text, for the download."""
    text = []
    for item in read(elements, values, tree=False):
        shown = item.get("value", item.get("text"))
        if shown is not None and item.get("visible", True):
            text.append(f"{item['name']}: {shown}" if "value" in item else str(shown))
    return text


def _items(element: Element, by_name: dict[str, Element], values: Values) -> Iterable[Row]:
    parent = by_name[element.parent].uuid if element.parent else None
    stored = values.get(element.uuid, [None])
    for number, value in enumerate(stored, start=1):
        item = {
            "name": element.name,
            "uuid": element.uuid,
            "isRepeated": element.repeated,
            "repeatIdentifier": str(number) if element.repeated else None,
            "type": element.type,
            "parentId": parent,
            **element.extra,
        }
        if element.type == "Clause":
            item["visible"] = bool(value)
        elif element.type == "Calculation":
            item["value"] = _product(item.pop("factor"), values[by_name[item.pop("of")].uuid])
        elif element.type in _CHECKS:
            item["value"] = value
        yield item


def _product(factor: int, factors: list[Any]) -> str:
    return str(factor * Decimal(factors[0] or 0))


def _checked(state: State, element: Element, item: Row) -> object:
    key = "visible" if element.type == "Clause" else "value"
    check = _CHECKS.get(element.type)
    if check is None:
        raise ValueError(f"{element.type} takes no value")
    if key not in item:
        raise ValueError(f"{key} is missing")
    return check(state, element, item[key])


def _string(_state: State, _element: Element, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("value must be a text")  # noqa: TRY004 - a fault of the body, not ours
    return value


def _boolean(_state: State, _element: Element, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("value must be true or false")  # noqa: TRY004 - as above
    return value


def _number(_state: State, _element: Element, value: object) -> str:
    return str(_decimal(value))


def _date(_state: State, _element: Element, value: object) -> Row:
    day = value.get("date") if isinstance(value, dict) else None
    try:
        date.fromisoformat(day)
    except (TypeError, ValueError):
        raise ValueError("value must be {date: YYYY-MM-DD}") from None
    return {"date": day, "monthByWord": bool(value.get("monthByWord"))}


def _option(_state: State, element: Element, value: object) -> object:
    chosen = value if isinstance(value, list) else [value]
    if not all(isinstance(key, str) and key in element.extra["items"] for key in chosen):
        raise ValueError(f"value must be one of {', '.join(element.extra['items'])}")
    return value


def _object_record(state: State, element: Element, value: object) -> int:
    for record in state.object_records.values():
        if record["objectId"] == element.extra["objectId"] and record["id"] == value:
            return record["id"]
    raise ValueError("value must be the id of a record of the object")


def _money(state: State, _element: Element, value: object) -> Row:
    if not isinstance(value, dict) or not {"number", "currency"} <= value.keys():
        raise ValueError("value must be {number, currency}")
    for currency in state.reference["currency"]:
        if value["currency"] in (currency["id"], currency["currency"]):
            return money(str(_decimal(value["number"])), currency)
    raise ValueError("value.currency is unknown")


def money(number: str, currency: Row) -> Row:
    """Return a money value as a version shows it."""
    return {
        "number": number,
        "currency": currency["id"],
        "wordsEnable": False,
        "text": "",
        "textCurrency": currency["currency"],
    }


def _image(_state: State, _element: Element, value: object) -> Row:
    data = value.get("image") if isinstance(value, dict) else None
    if not isinstance(data, str) or not data.startswith("data:image/"):
        raise ValueError("value must be {image: data URL}")
    decoded(data)
    return {"image": data, "width": 1, "height": 1, "areaWidth": 1, "areaHeight": 1}


def _decimal(value: object) -> Decimal:
    plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    try:
        number = Decimal(str(value)) if plain else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError("value must be a number")
    return number


def decoded(data: str) -> bytes:
    """Return the bytes of base64 *data*, plain or as a data URL; ValueError when it is neither."""
    encoded = data.partition(";base64,")[2] if data.startswith("data:") else data
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as exc:
        raise ValueError("value must be base64") from exc


_CHECKS: dict[str, Callable[[State, Element, Any], object]] = {
    "Clause": _boolean,
    "Textinput": _string,
    "Date": _date,
    "Selectbox": _option,
    "Question": _option,
    "ObjectRecordsSelectbox": _object_record,
    "ObjectRecordsQuestion": _object_record,
    "Money": _money,
    "Counter": _number,
    "Switcher": _boolean,
    "RichText": _string,
    "Image": _image,
}
