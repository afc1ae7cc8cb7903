"""The workspace a fresh stand-in starts with. Every name and number here is invented."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

from examples.legito import properties
from examples.legito.elements import Element, money
from examples.legito.state import State

Row = dict[str, Any]

CREATED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC).isoformat()
SUITE, FORM, DOCUMENT = 501, 511, 512
COUNTERPARTY = 601
WORKFLOW, REVISION = 701, 711
JSON_INTEGRATION = 801

_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
_NAMESPACE = uuid.UUID("0c8f6b1e-6a3b-4b7d-9d59-6f0a8f5a7e42")


def build(*, lenient_codes: bool = False) -> State:
    """Return a fresh workspace; nothing is shared between two of them."""
    state = State(
        api_user_id=101,
        users={u["id"]: u for u in _users()},
        groups={g["id"]: g for g in _groups()},
        suites={SUITE: _suite()},
        elements={SUITE: _elements()},
        json_integrations={JSON_INTEGRATION: SUITE},
        workflows=[_workflow()],
        revisions={REVISION: _revision()},
        stages={stage["id"]: stage for stage in _stages()},
        objects={COUNTERPARTY: _object()},
        object_properties={COUNTERPARTY: _object_properties()},
        properties=_record_properties(),
        property_groups=[],
        reference=_reference(),
        labels={i: {"id": i, "name": n} for i, n in ((301, "Urgent"), (302, "Archive"))},
        record_types={
            i: {"id": i, "name": n, "priority": i - 310}
            for i, n in ((311, "Contract"), (312, "Letter"))
        },
        template_tags={321: {"id": 321, "name": "Parties", "system": True}},
        lenient_codes=lenient_codes,
    )
    state.property_groups.append({"id": 401, "name": "Contract", "properties": state.properties})
    for number, (name, registration, rating) in enumerate(
        (("Alder Foundry", "AF-1", 4), ("Birch Works", "BW-2", 5), ("Cedar Mill", "CM-3", 3)),
        start=1,
    ):
        _add_counterparty(state, 610 + number, (name, registration, rating))
    return state


def _users() -> list[Row]:
    people = (
        (101, "api@standin.example", "Api User", None),
        (102, "vera@standin.example", "Vera Lindt", "Counsel"),
        (103, "omar@standin.example", "Omar Reyes", "Buyer"),
    )
    return [
        {
            "id": user_id,
            "email": email,
            "name": name,
            "customIdentifier": None,
            "created": CREATED,
            "position": position,
            "timezone": "Europe/Prague",
            "sessionExpiration": 7200,
            "sessionDestroy": 0,
            "customData": None,
        }
        for user_id, email, name, position in people
    ]


def _groups() -> list[Row]:
    member = {"id": 102, "email": "vera@standin.example", "permission": "MANAGE"}
    return [
        {"id": 201, "name": "Legal", "users": [member]},
        {"id": 202, "name": "Purchasing", "users": []},
    ]


def _suite() -> Row:
    form = {
        "name": "Order form",
        "type": "form",
        "noExport": True,
        "internal": False,
        "priority": 1,
    }
    document = {
        "name": "Supply agreement",
        "type": "document",
        "noExport": False,
        "internal": False,
        "priority": 2,
    }
    return {
        "id": SUITE,
        "title": "Supply agreement",
        "perex": "An order form and the agreement it fills in",
        "lawId": 1,
        "workflowId": WORKFLOW,
        "templates": [{"id": FORM, **form}, {"id": DOCUMENT, **document}],
        "favoriteSettings": [{"id": 521, "name": "Standard terms"}],
        "categories": [{"id": 531, "name": "Purchasing"}],
    }


def _elements() -> tuple[Element, ...]:
    delivery = {"items": {"option0": "Courier", "option1": "Collection"}}
    payment = {"items": {"option0": "Invoice", "option1": "Advance"}}
    counterparty = {"objectId": COUNTERPARTY, "propertyId": 621}
    penalty = {"text": "Late delivery costs 1 % a day."}
    return (
        Element("Contents", "TableOfContents"),
        Element("Parties", "Section"),
        Element("Heading", "Title", "Parties", extra={"text": "Supply agreement"}),
        Element("Preamble", "Text", "Parties", extra={"text": "The parties agree as follows."}),
        Element("SupplierName", "Textinput", "Parties", "Alder Foundry"),
        Element("Supplier", "ObjectRecordsSelectbox", "Parties", 611, counterparty),
        Element("Terms", "OwnClause"),
        Element("SignedOn", "Date", "Terms", {"date": "2025-01-06", "monthByWord": False}),
        Element("Delivery", "Selectbox", "Terms", "option0", delivery),
        Element("Payment", "Question", "Terms", "option0", payment),
        Element("Price", "Money", "Terms", money("1000", _currency(4, "EUR", "€"))),
        Element("Quantity", "Counter", "Terms", "1"),
        Element("Total", "Calculation", "Terms", extra={"factor": 1000, "of": "Quantity"}),
        Element("Insured", "Switcher", "Terms", default=False),
        Element("Notes", "RichText", "Terms", "<p>None</p>"),
        Element("Penalty", "Clause", "Terms", default=True, extra=penalty),
        Element("Logo", "Image", None, _image()),
        Element("Website", "Link", extra={"target": "https://standin.example", "caption": "Site"}),
        Element("Prices", "Table"),
        Element("PricesCell", "TableCell", "Prices"),
        Element("Items", "RepeatContainer"),
        Element("ItemInsured", "Switcher", "Items", default=False, repeated=True),
    )


def _image() -> Row:
    return {"image": _PIXEL, "width": 1, "height": 1, "areaWidth": 1, "areaHeight": 1}


def _workflow() -> Row:
    return {
        "id": WORKFLOW,
        "name": "Contract approval",
        "type": "documentRecord",
        "workflowRevisions": [
            {"id": REVISION, "workflowId": WORKFLOW, "created": CREATED, "public": True}
        ],
    }


def _revision() -> Row:
    stages = _stages()
    return {
        "id": REVISION,
        "workflowId": WORKFLOW,
        "created": CREATED,
        "public": True,
        "elements": [
            {
                "id": stage["workflowElementId"],
                "type": "WorkflowStatus",
                "positionX": 200 * number,
                "positionY": 0,
                "typeAttributes": {"stage": stage, "approval": None},
            }
            for number, stage in enumerate(stages)
        ],
        "links": [
            {
                "fromId": before["workflowElementId"],
                "toId": after["workflowElementId"],
                "fromPort": "right",
                "toPort": "left",
                "manual": True,
                "triggers": [],
            }
            for before, after in itertools.pairwise(stages)
        ],
    }


def _stages() -> list[Row]:
    flags = (
        "notify",
        "locked",
        "sign",
        "share",
        "shareExternal",
        "download",
        "email",
        "trackChanges",
    )
    return [
        {
            "id": 720 + number,
            "workflowRevisionId": REVISION,
            "workflowElementId": 730 + number,
            "workflowElementPersistId": 740 + number,
            "name": name,
            "position": number,
            "start": number == 1,
            "color": color,
            **dict.fromkeys(flags, False),
        }
        for number, (name, color) in enumerate(
            (("Draft", "#9aa0a6"), ("Review", "#f9ab00"), ("Approved", "#1e8e3e")), start=1
        )
    ]


def _object() -> Row:
    return {
        "id": COUNTERPARTY,
        "name": "Counterparty",
        "recordOwnerAndSharing": False,
        "showWorkflow": False,
        "workflows": [],
    }


def _object_properties() -> list[Row]:
    return [
        _property(621, "Company", "text", "company"),
        _property(622, "Registration number", "text", "registration-number"),
        _property(623, "Rating", "number", "rating"),
    ]


def _record_properties() -> list[Row]:
    related = "related_document_records"
    return [
        _property(411, "Reference", "text", "reference"),
        _property(412, "Value", "currency", "contract-value"),
        _property(413, "Signed", "date", "signed", "signing_date"),
        _property(414, "Approved", "checkbox", "approved"),
        _property(415, "Reviewer", "user", "reviewer"),
        _property(416, "Labels", "system", "labels", "labels"),
        _property(417, "Confidential", "system", "confidential", "confidential"),
        _property(418, "Related documents", "system", "related", related),
    ]


def _property(
    property_id: int, name: str, kind: str, system_name: str, system_type: str | None = None
) -> Row:
    return {
        "id": property_id,
        "name": name,
        "propertyGroupId": 401,
        "priority": property_id % 10,
        "type": kind,
        "hidden": False,
        "system": system_type is not None,
        "systemType": system_type,
        "systemName": system_name,
        "description": None,
        "typeDefinition": None,
        "templateTagId": None,
        "templateSuiteAll": True,
        "templateSuites": [],
        "documentRecordTypeAll": True,
        "documentRecordTypes": [],
        "showInList": True,
        "showInFilter": True,
        "overwriteExtracted": False,
        "overwriteManual": False,
        "exportCsv": True,
        "editPermission": "edit",
    }


def _add_counterparty(state: State, record_id: int, values: tuple[str, str, int]) -> None:
    record = properties.new_object_record(state, COUNTERPARTY, record_id)
    # Not a random name: tests of a fresh workspace may then be repeated word for word.
    record["systemName"] = str(uuid.uuid5(_NAMESPACE, str(record_id)))
    for item, value in zip(record["properties"], values, strict=True):
        item["value"] = value
    record["name"] = values[0]
    state.object_records[record["systemName"]] = record


def _reference() -> dict[str, list[Row]]:
    currencies = ((1, "CZK", "Kč"), (2, "GBP", "£"), (3, "USD", "$"), (4, "EUR", "€"))
    countries = (
        (1, "Czech Republic", "CZ", "cs_CZ"),
        (2, "United Kingdom", "GB", "en_GB"),
        (3, "Germany", "DE", "de_DE"),
    )
    languages = ((1, "en_GB", "English"), (2, "cs_CZ", "Čeština"), (3, "de_DE", "Deutsch"))
    zones = (("Europe/Prague", "CET", 1, 2), ("Europe/London", "GMT", 0, 1), ("UTC", "UTC", 0, 0))
    return {
        "advanced-style": [
            {"id": 541, "name": "Plain", "visible": True},
            {"id": 542, "name": "Letterhead", "visible": False},
        ],
        "category": [{"id": 531, "name": "Purchasing"}, {"id": 532, "name": "Employment"}],
        "country": [
            {"id": i, "name": name, "code": code, "defaultLang": lang}
            for i, name, code, lang in countries
        ],
        "currency": [_currency(*currency) for currency in currencies],
        "language": [{"id": i, "locale": locale, "name": n} for i, locale, n in languages],
        "timezone": [
            {"timezone": zone, "code": code, "gmtOffset": gmt, "dstOffset": dst, "rawOffset": gmt}
            for zone, code, gmt, dst in zones
        ],
    }


def _currency(currency_id: int, code: str, symbol: str) -> Row:
    return {"id": currency_id, "currency": code, "symbol": symbol}
