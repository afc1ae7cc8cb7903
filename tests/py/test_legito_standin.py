import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from support_legito import COUNTERPARTY, KEYS, SUITE, connect, new_document, ok, value_of
from support_wait import HANG_S

from examples.legito.app import create_app
from examples.legito.auth import Credentials, sign
from examples.legito.routing import ROUTES

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
async def api() -> AsyncIterator[httpx.AsyncClient]:
    async with connect(create_app(KEYS.api_key, KEYS.private_key)) as client:
        yield client


# Flows, numbered as in our notes on the API.


async def test_f1_a_document_lives_from_template_to_deletion(api: httpx.AsyncClient) -> None:
    """F1: each answer feeds the next request; old versions keep their values."""
    suites = await ok(api, "GET", "/template-suite", 200)
    path = f"/document-version/data/{suites[0]['id']}"
    first = await ok(api, "POST", path, 201, [{"name": "SupplierName", "value": "Elm Yard"}])
    code = first["documentRecordCode"]
    assert await value_of(api, first, "SupplierName") == "Elm Yard"

    change = [{"name": "SupplierName", "value": "Fir Quay"}]
    second = await ok(api, "PUT", f"/document-version/data/{code}", 200, change)
    assert second["parentId"] == first["id"]
    assert second["documentRecordId"] == first["documentRecordId"]
    assert await value_of(api, second, "SupplierName") == "Fir Quay"
    assert await value_of(api, first, "SupplierName") == "Elm Yard"

    files = await ok(api, "GET", f"/document-version/download/{second['code']}/pdf", 200)
    content = base64.b64decode(files[0]["data"])
    assert content.startswith(b"%PDF")
    assert b"Fir Quay" in content
    assert files[0]["size"] == len(content)
    assert files[0]["fileName"].endswith(".pdf")

    renamed = {"name": "Renamed", "ownerId": 102}
    record = await ok(api, "PUT", f"/document-record/{code}", 200, renamed)
    assert record | renamed == record
    listed = await ok(api, "GET", f"/document-record?code={code}", 200)
    assert [v["code"] for v in listed[0]["documentVersions"]] == [first["code"], second["code"]]

    await ok(api, "DELETE", f"/document-record/{code}", 200)
    for deleted, codes in (("true", [code]), ("false", [])):
        rows = await ok(api, "GET", f"/document-record?code={code}&deleted={deleted}", 200)
        assert [row["code"] for row in rows] == codes
    await ok(api, "GET", f"/document-version/data/{second['code']}", 404)


async def test_f2_users_join_and_leave_groups(api: httpx.AsyncClient) -> None:
    """F2: a user made from an array body is added to a group and taken out again."""
    users = await ok(api, "POST", "/user", 201, [{"email": "new@standin.example", "name": "New"}])
    user = users[0]["id"]
    group = (await ok(api, "POST", "/user-group", 201, {"name": "Testers"}))["id"]
    member = {"id": user, "permission": "READ"}
    added = await ok(api, "POST", f"/user-group/user/{group}", 200, [member])
    assert added == {"code": 200, "status": "OK"}

    groups = {g["id"]: g["users"] for g in await ok(api, "GET", "/user-group", 200)}
    assert groups[group] == [{**member, "email": "new@standin.example"}]
    duplicate = await ok(api, "POST", "/user-group", 403, {"name": "Testers"})
    assert duplicate["code"] == 403

    await ok(api, "DELETE", f"/user-group/user/{group}/{user}", 200)
    await ok(api, "DELETE", f"/user-group/user/{group}/{user}", 404)
    await ok(api, "DELETE", f"/user-group/{group}", 200)
    await ok(api, "DELETE", "/user/new@standin.example", 200)
    assert await ok(api, "GET", f"/user?id={user}", 200) == []


async def test_f3_a_changed_permission_is_read_back(api: httpx.AsyncClient) -> None:
    """F3: rights and notification settings change one at a time, by id or by e-mail address."""
    changed = await ok(api, "PUT", "/user/permission/102", 200, {"admin": True})
    await ok(api, "GET", "/user/permission/999", 404)
    setting = {"share": {"web": "My"}}
    path = "/notification-setting/vera@standin.example"
    settings = await ok(api, "PUT", path, 201, setting)

    events = await ok(api, "GET", "/event?userId=102", 200)
    assert [event["type"] for event in events] == ["UserWorkspacePermissionEdited"]
    assert await ok(api, "GET", "/user/permission/102", 200) == changed
    assert changed["admin"]
    assert changed["download"]
    assert await ok(api, "GET", path, 200) == settings
    assert settings["share"] == {"web": "My", "email": "Newer"}


async def test_f4_sharing_lists_users_and_groups(api: httpx.AsyncClient) -> None:
    """F4: a record is shared with a user and a group, and with nobody in the end."""
    code = (await new_document(api))["documentRecordCode"]
    await ok(api, "POST", f"/share/user/{code}", 201, [{"id": 102, "permission": "EDIT"}])
    await ok(api, "POST", f"/share/user-group/{code}", 201, [{"id": 201, "name": "Legal"}])

    share = await ok(api, "GET", f"/share/{code}", 200)
    await ok(api, "DELETE", f"/share/user/{code}/vera@standin.example", 200)
    await ok(api, "DELETE", f"/share/user-group/{code}/201", 200)

    assert share["users"] == [{"id": 102, "email": "vera@standin.example", "permission": "EDIT"}]
    assert share["userGroups"] == [{"id": 201, "name": "Legal"}]
    assert await ok(api, "GET", f"/share/{code}", 200) == {"users": [], "userGroups": []}


async def test_f5_an_external_link_is_switched_off_and_deleted(api: httpx.AsyncClient) -> None:
    """F5: links come and go by their own id, not the record's code."""
    code = (await new_document(api))["documentRecordCode"]
    links = await ok(api, "POST", f"/share/external-link/{code}", 201, [{"permission": "READ"}])
    path = f"/share/external-link/{links[0]['id']}"

    changed = await ok(api, "PUT", path, 201, {"active": False})

    assert changed == links[0] | {"active": False}
    await ok(api, "DELETE", path, 200)
    await ok(api, "DELETE", path, 404)


@pytest.mark.parametrize("prefix", ["", "data:text/plain;base64,"])
async def test_f6_a_file_comes_back_as_it_was_sent(api: httpx.AsyncClient, prefix: str) -> None:
    """F6: data shows on download only, plain base64 and data URL alike."""
    code = (await new_document(api))["documentRecordCode"]
    data = prefix + base64.b64encode(b"hello").decode()
    upload = {"fileName": "a.txt", "data": data}
    file = await ok(api, "POST", f"/file/{code}", 201, upload)
    assert file["size"] == 5
    assert "data" not in file

    assert await ok(api, "GET", f"/file/{code}", 200) == [file]
    assert await ok(api, "GET", f"/file/download/{file['id']}", 200) == file | {"data": data}
    await ok(api, "DELETE", f"/file/{file['id']}", 200)
    assert await ok(api, "GET", f"/file/{code}", 200) == []
    await ok(api, "GET", f"/file/download/{file['id']}", 404)


async def test_f7_an_object_record_is_addressed_two_ways(api: httpx.AsyncClient) -> None:
    """F7: changed by system name, chosen in a document by id."""
    path = f"/object-record/{COUNTERPARTY}"
    assert len(await ok(api, "GET", path, 200)) == 3
    properties = [{"systemName": "company", "value": "Elm Yard"}]
    record = await ok(api, "POST", path, 201, {"properties": properties})
    await new_document(api, {"name": "Supplier", "value": record["id"]})

    rated = {"properties": [{"systemName": "rating", "value": 5}]}
    changed = await ok(api, "PUT", f"/object-record/{record['systemName']}", 200, rated)
    await ok(api, "DELETE", f"/object-record/{record['systemName']}", 200)

    assert changed["name"] == "Elm Yard"
    assert [item["value"] for item in changed["properties"]] == ["Elm Yard", None, 5]
    assert len(await ok(api, "GET", path, 200)) == 3


async def test_f8_f9_a_record_takes_a_parent_and_a_stage(api: httpx.AsyncClient) -> None:
    """F8, F9: related documents and workflow stages are written through the record."""
    parent, child = await new_document(api), await new_document(api)
    workflows = await ok(api, "GET", "/workflow", 200)
    revision = workflows[0]["workflowRevisions"][0]["id"]
    detail = await ok(api, "GET", f"/workflow/revision/{revision}", 200)
    stages = [e["typeAttributes"]["stage"] for e in detail[0]["elements"]]
    link = {
        "systemName": "related",
        "value": {"parentDocumentRecordId": parent["documentRecordId"]},
    }

    body = {"properties": [link], "workflowStage": {"id": stages[1]["id"]}}
    record = await ok(api, "PUT", f"/document-record/{child['documentRecordCode']}", 200, body)

    assert len(stages) == 3
    assert record["workflowStage"] == stages[1]
    assert link["value"] in [item["value"] for item in record["properties"]]


@pytest.mark.parametrize("resource", ["label", "document-record-type"])
async def test_f11_simple_rows_are_created_listed_and_deleted(
    api: httpx.AsyncClient, resource: str
) -> None:
    """F11: create answers 200 here, unlike most of the API."""
    row = await ok(api, "POST", f"/{resource}", 200, {"name": "Fresh"})
    assert row in await ok(api, "GET", f"/{resource}", 200)

    await ok(api, "DELETE", f"/{resource}/{row['id']}", 200)

    assert row not in await ok(api, "GET", f"/{resource}", 200)
    await ok(api, "DELETE", f"/{resource}/{row['id']}", 404)


async def test_f11_a_record_type_can_be_renamed_and_a_tag_only_created(
    api: httpx.AsyncClient,
) -> None:
    """F11: the odd ones out."""
    renamed = await ok(api, "PUT", "/document-record-type/311", 200, {"name": "Deed"})
    tag = await ok(api, "POST", "/template-tag", 200, {"name": "Fresh"})

    assert renamed == {"id": 311, "name": "Deed", "priority": 1}
    assert tag in await ok(api, "GET", "/template-tag", 200)
    await ok(api, "DELETE", f"/template-tag/{tag['id']}", 404)


async def test_f12_a_record_leaves_a_trail(api: httpx.AsyncClient) -> None:
    """F12: events of one record are found by its code."""
    document = await new_document(api)
    await new_document(api)

    events = await ok(
        api, "GET", f"/event?documentRecordCode={document['documentRecordCode']}", 200
    )

    assert [e["type"] for e in events] == ["DocumentRecordCreated", "NewDocumentVersion"]
    assert await ok(api, "GET", "/event?documentRecordCode=unknown", 200) == []


@pytest.mark.parametrize(
    "path",
    [path for method, path, _, _ in ROUTES if method == "GET" and "{" not in path],
)
async def test_lists_are_bare_arrays(api: httpx.AsyncClient, path: str) -> None:
    """No envelope anywhere; /info is the one single object."""
    answer = await ok(api, "GET", path, 200)

    assert isinstance(answer, dict if path == "/info" else list)


def test_the_table_has_every_operation_once() -> None:
    """66 operations on 49 paths: 30 GET, 15 POST, 9 PUT, 12 DELETE."""
    keys = [(method, path) for method, path, _, _ in ROUTES]
    counts = {m: sum(method == m for method, _ in keys) for m in ("GET", "POST", "PUT", "DELETE")}

    assert len(set(keys)) == len(keys)
    assert counts == {"GET": 30, "POST": 15, "PUT": 9, "DELETE": 12}


# Tokens.


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    return {"iss": KEYS.api_key, "iat": now, "exp": now + 60} | changed


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (jwt.encode(claims(), "another-private-key-of-32-bytes-or-so", "HS256"), "not valid"),
        (jwt.encode(claims(), KEYS.private_key.ljust(64, "x"), "HS512"), "not valid"),
        (jwt.encode(claims(), None, "none"), "not valid"),
        (jwt.encode({"iss": KEYS.api_key}, KEYS.private_key, "HS256"), "not valid"),
        (jwt.encode(claims(exp="soon"), KEYS.private_key, "HS256"), "not valid"),
        (jwt.encode(claims(iss="someone"), KEYS.private_key, "HS256"), "unknown API key"),
        (jwt.encode(claims(exp=1), KEYS.private_key, "HS256"), "expired"),
        (jwt.encode(claims(iat=2**33, exp=2**33 + 9), KEYS.private_key, "HS256"), "future"),
        (sign(KEYS, time.time(), lifetime=86_400), "lives longer"),
        ("not-a-token", "not valid"),
    ],
)
async def test_a_bad_token_is_refused(token: str, reason: str) -> None:
    """401 in the common error shape, whatever is wrong."""
    async with connect(create_app(KEYS.api_key, KEYS.private_key), token) as api:
        error = await ok(api, "GET", "/info", 401)

    assert error["code"] == 401
    assert reason in error["message"]


@pytest.mark.parametrize(
    "header", [{}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer"}]
)
async def test_a_missing_token_is_refused_before_the_path_is_looked_at(
    header: dict[str, str],
) -> None:
    """Who has no token learns nothing about paths."""
    app = create_app(KEYS.api_key, KEYS.private_key)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://standin") as api:
        response = await api.get("/api/v7/nowhere", headers=header)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_times_may_be_strings() -> None:
    """The official examples write iat and exp as strings."""
    now = int(time.time())
    token = jwt.encode(claims(iat=str(now), exp=str(now + 60)), KEYS.private_key, "HS256")

    async with connect(create_app(KEYS.api_key, KEYS.private_key), token) as api:
        await ok(api, "GET", "/info", 200)


async def test_long_tokens_pass_when_allowed() -> None:
    """The old official client signs for a day."""
    app = create_app(KEYS.api_key, KEYS.private_key, long_tokens=True)

    async with connect(app, sign(KEYS, time.time(), lifetime=86_400)) as api:
        await ok(api, "GET", "/info", 200)


# Refusals.


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/user", {"email": "a@b.example"}),
        ("POST", "/user", [1]),
        ("POST", f"/document-version/data/{SUITE}", {"name": "SupplierName", "value": "x"}),
        ("POST", "/user-group/user/201", {"id": 102}),
        ("POST", "/user-group", [{"name": "x"}]),
        ("POST", "/label", None),
    ],
)
async def test_a_body_of_the_wrong_shape_is_refused(
    api: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    """An object where an array is due, the reverse, and no JSON at all."""
    error = await ok(api, method, path, 400, body)

    assert error.keys() == {"code", "message", "errors"}
    assert error["errors"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/label", {"name": " "}, "name"),
        ("POST", "/label", {"name": 5}, "name"),
        ("POST", "/user", [{"email": "vera@standin.example"}], "email"),
        ("POST", "/user-group/user/201", [{"id": 102, "permission": "OWN"}], "permission"),
        ("POST", "/user-group/user/201", [{"id": 999}], "id"),
        ("GET", "/user?limit=0", None, "limit"),
        ("GET", "/user?id=x", None, "id"),
        ("GET", "/document-record?deleted=perhaps", None, "deleted"),
        ("POST", f"/document-version/data/{SUITE}?ownerId=999", [], "ownerId"),
        ("POST", "/push-connection", {"name": "n", "url": "http://a.example"}, "url"),
        ("POST", f"/object-record/{COUNTERPARTY}", {"properties": {}}, "properties"),
        ("PUT", "/user/permission/102", {"autoShare": "ALL"}, "autoShare"),
        ("PUT", "/user/102", {"name": None}, "name"),
    ],
)
async def test_a_bad_value_is_refused_by_name(
    api: httpx.AsyncClient, method: str, path: str, body: object, field: str
) -> None:
    """Validation names the field."""
    error = await ok(api, method, path, 400, body)

    assert [entry["field"] for entry in error["errors"]] == [field]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/nowhere", None),
        ("GET", "/label/", None),
        ("GET", "/document-version/data/unknown", None),
        ("POST", "/document-version/data/999", []),
        ("POST", "/document-version/data/text", []),
        ("PUT", "/document-version/data/unknown", []),
        ("PUT", "/document-record/unknown", {}),
        ("GET", "/document-version/download/unknown/pdf", None),
        ("GET", "/share/unknown", None),
        ("GET", "/workflow/revision/1", None),
        ("POST", "/document-version/json-integration?templateSuiteId=1", {}),
    ],
)
async def test_what_the_path_names_must_exist(
    api: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    """404 with code and message, no errors."""
    error = await ok(api, method, path, 404, body)

    assert error.keys() == {"code", "message"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/label", "GET, POST"),
        ("POST", "/document-version/download/x/pdf", "GET"),
        ("DELETE", "/document-version/data/x", "GET, POST, PUT"),
    ],
)
async def test_a_wrong_method_is_refused(
    api: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """405 says which methods the path has."""
    response = await api.request(method, path)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed


async def test_an_unknown_download_format_is_refused(api: httpx.AsyncClient) -> None:
    """The format is an enumeration, so 400 rather than 404."""
    code = (await new_document(api))["code"]

    error = await ok(api, "GET", f"/document-version/download/{code}/exe", 400)

    assert error["errors"][0]["field"] == "format"


async def test_an_unknown_style_is_refused(api: httpx.AsyncClient) -> None:
    """As any reference in a query that names nothing."""
    code = (await new_document(api))["code"]
    path = f"/document-version/download/{code}/pdf?advancedStyleId="

    await ok(api, "GET", f"{path}541", 200)
    error = await ok(api, "GET", f"{path}1", 400)

    assert error["errors"][0]["field"] == "advancedStyleId"


async def test_the_links_of_a_deleted_record_are_gone(api: httpx.AsyncClient) -> None:
    """As its files and versions."""
    code = (await new_document(api))["documentRecordCode"]
    link = (await ok(api, "POST", f"/share/external-link/{code}", 201, [{}]))[0]["id"]

    await ok(api, "DELETE", f"/document-record/{code}", 200)

    await ok(api, "PUT", f"/share/external-link/{link}", 404, {"active": False})
    await ok(api, "DELETE", f"/share/external-link/{link}", 404)


async def test_a_refused_array_changes_nothing(api: httpx.AsyncClient) -> None:
    """Array bodies are taken whole or not at all."""
    before = await ok(api, "GET", "/user", 200)

    await ok(api, "POST", "/user", 400, [{"email": "a@b.example"}, {"email": "bad"}])

    assert await ok(api, "GET", "/user", 200) == before


async def test_a_refused_record_change_changes_nothing(api: httpx.AsyncClient) -> None:
    """A bad property next to a good name leaves the name alone."""
    code = (await new_document(api))["documentRecordCode"]
    body = {"name": "New", "properties": [{"systemName": "unknown", "value": 1}]}

    await ok(api, "PUT", f"/document-record/{code}", 400, body)

    record = (await ok(api, "GET", f"/document-record?code={code}", 200))[0]
    assert record["name"] == "Supply agreement"


# Elements.


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("Delivery", "option1", "option1"),
        ("Payment", ["option0", "option1"], ["option0", "option1"]),
        ("Quantity", 3, "3"),
        ("Insured", True, True),
        ("Notes", "<b>x</b>", "<b>x</b>"),
        ("Supplier", 612, 612),
        ("SignedOn", {"date": "2025-02-28"}, {"date": "2025-02-28", "monthByWord": False}),
    ],
)
async def test_an_element_is_read_as_written(
    api: httpx.AsyncClient, name: str, value: object, read: object
) -> None:
    """Each type in its own form."""
    document = await new_document(api, {"name": name, "value": value})

    assert await value_of(api, document, name) == read


@pytest.mark.parametrize("currency", [3, "USD"])
async def test_money_takes_a_currency_by_id_or_code(
    api: httpx.AsyncClient, currency: object
) -> None:
    """The description says code, its example says id."""
    value = {"number": "12.50", "currency": currency}

    document = await new_document(api, {"name": "Price", "value": value})

    price = await value_of(api, document, "Price")
    assert (price["number"], price["currency"]) == ("12.50", 3)


async def test_a_calculation_follows_its_source(api: httpx.AsyncClient) -> None:
    """Total is computed from Quantity, and cannot be written."""
    document = await new_document(api, {"name": "Quantity", "value": "4"})

    assert await value_of(api, document, "Total") == "4000"
    body = [{"name": "Total", "value": "1"}, {"name": "SignedOn", "value": {"date": "1.2."}}]
    error = await ok(api, "POST", f"/document-version/data/{SUITE}", 400, body)
    assert [entry["field"] for entry in error["errors"]] == ["Total", "SignedOn"]


async def test_elements_are_matched_by_uuid_then_name_and_unknown_ones_ignored(
    api: httpx.AsyncClient,
) -> None:
    """An id is no longer looked at; repeated elements take a name several times."""
    first = await new_document(api)
    items = await ok(api, "GET", f"/document-version/data/{first['code']}", 200)
    notes = next(item["uuid"] for item in items if item["name"] == "Notes")
    twice = [{"name": "ItemInsured", "value": flag} for flag in (True, False)]

    document = await new_document(
        api, {"uuid": notes, "name": "Insured", "value": "x"}, {"name": "Nobody"}, *twice
    )

    items = await ok(api, "GET", f"/document-version/data/{document['code']}", 200)
    assert await value_of(api, document, "Notes") == "x"
    repeated = [(i["repeatIdentifier"], i["value"]) for i in items if i["name"] == "ItemInsured"]
    assert repeated == [("1", True), ("2", False)]


async def test_a_tree_nests_what_a_list_has_flat(api: httpx.AsyncClient) -> None:
    """The same elements in both forms."""
    code = (await new_document(api))["code"]
    flat = await ok(api, "GET", f"/document-version/data/{code}", 200)
    tree = await ok(api, "GET", f"/document-version/data/{code}?listType=tree", 200)

    def names(items: list[dict[str, Any]]) -> set[str]:
        return {i["name"] for i in items}.union(*(names(i.get("children", [])) for i in items))

    assert names(tree) == names(flat)
    assert len(tree) < len(flat)


async def test_anonymizing_blanks_what_it_is_asked_to(api: httpx.AsyncClient) -> None:
    """A GET that writes."""
    document = await new_document(api)

    code = document["documentRecordCode"]
    await ok(api, "GET", f"/document-record/anonymize/{code}?fields=money|date", 200)

    assert await value_of(api, document, "Price") is None
    assert await value_of(api, document, "SupplierName") == "Alder Foundry"


async def test_a_json_integration_creates_a_document(api: httpx.AsyncClient) -> None:
    """Keys of the body are element names; the answer has no languageId."""
    path = f"/document-version/json-integration?templateSuiteId={SUITE}&jsonIntegrationId=801"

    document = await ok(api, "POST", path, 200, {"SupplierName": "Elm Yard"})

    assert await value_of(api, document, "SupplierName") == "Elm Yard"
    assert "localizationId" in document


@pytest.mark.parametrize("file_format", ["docx", "pdfa", "htm", "html", "rtf", "xml", "odt", "txt"])
async def test_every_format_downloads(api: httpx.AsyncClient, file_format: str) -> None:
    """One file per template that may be exported, with its true size."""
    code = (await new_document(api))["code"]

    files = await ok(api, "GET", f"/document-version/download/{code}/{file_format}", 200)

    assert len(files) == 1
    assert files[0]["size"] == len(base64.b64decode(files[0]["data"])) > 0


async def test_a_record_code_reads_the_newest_version_when_lenient() -> None:
    """Off by default: the documented code is the version's."""
    async with connect(create_app(KEYS.api_key, KEYS.private_key, lenient_codes=True)) as api:
        document = await new_document(api, {"name": "SupplierName", "value": "Elm Yard"})
        as_version = {"code": document["documentRecordCode"]}

        assert await value_of(api, as_version, "SupplierName") == "Elm Yard"


async def test_an_external_document_has_no_versions_but_a_type(api: httpx.AsyncClient) -> None:
    """POST /document-record makes a record without a template."""
    body = {"name": "Scan", "documentRecordTypeId": 312}
    record = await ok(api, "POST", "/document-record", 201, body)

    assert record["externalDocument"]
    assert record["documentRecordTypeId"] == 312
    await ok(api, "PUT", f"/document-version/data/{record['code']}", 400, [])


async def test_pages_are_cut_by_limit_and_offset(api: httpx.AsyncClient) -> None:
    """Only some lists page; users do."""
    users = await ok(api, "GET", "/user", 200)

    assert await ok(api, "GET", "/user?limit=1&offset=1", 200) == users[1:2]
    assert await ok(api, "GET", "/user?email=omar@standin.example|x@y", 200) == users[2:]


def test_the_command_announces_itself_and_ends_on_sigterm() -> None:
    """One JSON line when ready; exit code 0 when told to stop."""
    command = [sys.executable, "-m", "examples.legito", "--api-key", KEYS.api_key]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        try:
            ready = json.loads(process.stdout.readline())
            token = sign(Credentials(ready["api_key"], ready["private_key"]), time.time())
            headers = {"authorization": f"Bearer {token}"}
            answer = httpx.get(f"{ready['url']}/info", headers=headers, timeout=HANG_S)
            process.send_signal(signal.SIGTERM)
            code = process.wait(HANG_S)
        finally:
            process.kill()  # does nothing to one that has ended

    assert ready["api_key"] == KEYS.api_key
    assert answer.json().keys() == {"version"}
    assert code == 0
