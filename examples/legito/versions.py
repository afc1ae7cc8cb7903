"""Document versions: fill in a template, read it back, change it, download it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from examples.legito import elements, rendering
from examples.legito.call import one_of
from examples.legito.errors import invalid, not_found
from examples.legito.records import new_record, store
from examples.legito.state import found, new_code, timestamp

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.elements import Values
    from examples.legito.state import State

_FLAGS = ("disableConditions", "comments", "helps", "forHandwriting", "lowResolutionImages")


def read_data(call: Call, code: str) -> list[Row]:
    """Return the elements of a version, flat or as a tree."""
    version = call.state.version(code)
    shape = call.choice("listType", ("list", "tree"), "list")
    return elements.read(
        call.state.elements[version["templateSuiteId"]],
        call.state.version_values[version["code"]],
        tree=shape == "tree",
    )


def create(call: Call, suite_id: int) -> Row:
    """Create a record with its first version from the values given; the rest are defaults."""
    state = call.state
    suite = found(state.suites, suite_id, "template suite")
    author = state.user_id(call.integer("authorId"), "authorId")
    owner = state.user_id(call.integer("ownerId"), "ownerId")
    language = _language(call, state.reference["language"][0]["id"])
    favorite = call.integer("favoriteSettingId")
    if favorite not in (None, *(setting["id"] for setting in suite["favoriteSettings"])):
        raise invalid(("favoriteSettingId", "names no favourite setting of the suite"))
    defaults = elements.defaults(state.elements[suite_id])
    values = elements.write(state, state.elements[suite_id], defaults, call.json_array())
    record = new_record(state, suite["title"], owner_id=owner, suite_id=suite_id, author_id=author)
    store(state, record)
    return _add(state, record, None, values, (author, language))


def change(call: Call, record_code: str) -> Row:
    """Add a version to a record: its parent's values, changed by those given."""
    state = call.state
    record = state.record(record_code)
    if not record["documentVersions"]:
        raise invalid(("documentRecordCode", "names an external document, which has no versions"))
    parent = _parent(call, record)
    author = state.user_id(call.integer("authorId"), "authorId")
    language = _language(call, parent["languageId"])
    values = elements.write(
        state,
        state.elements[record["templateSuiteId"]],
        state.version_values[parent["code"]],
        call.json_array(),
    )
    return _add(state, record, parent["id"], values, (author, language))


def download(call: Call, code: str, file_format: str) -> list[Row]:
    """Return the version rendered once per template that may be exported."""
    state = call.state
    version = state.version(code)
    one_of("format", file_format, rendering.FORMATS)
    for name in _FLAGS:
        call.flag(name)
    style = call.integer("advancedStyleId")
    if style not in (None, *(row["id"] for row in state.reference["advanced-style"])):
        raise invalid(("advancedStyleId", "names no advanced style"))
    wanted = call.integer("templateId")
    files = [f for f in render(state, version, file_format) if wanted in (None, f["templateId"])]
    if wanted is not None and not files:
        raise not_found("template", wanted)
    record = state.records[version["documentRecordCode"]]
    state.log("DocumentDownload", record, documentVersionId=version["id"])
    return files


def render(state: State, version: Row, file_format: str) -> list[Row]:
    """Return one file for each template of *version* that may be exported."""
    elements_of_suite = state.elements[version["templateSuiteId"]]
    lines = elements.lines(elements_of_suite, state.version_values[version["code"]])
    return [
        _file(version, template, file_format, lines)
        for template in version["templates"]
        if not template["noExport"]
    ]


def from_json(call: Call) -> Row:
    """Create a record through a JSON integration: keys of the body are element names."""
    state = call.state
    body = call.json_object()
    suite_id, integration_id = call.integer("templateSuiteId"), call.integer("jsonIntegrationId")
    if suite_id not in state.suites:
        raise not_found("template suite", suite_id)
    if state.json_integrations.get(integration_id) != suite_id:
        raise not_found("JSON integration", integration_id)
    items = [{"name": name, "value": value} for name, value in body.items()]
    template = state.elements[suite_id]
    values = elements.write(state, template, elements.defaults(template), items)
    suite = state.suites[suite_id]
    record = new_record(state, suite["title"], owner_id=None, suite_id=suite_id)
    store(state, record)
    language = state.reference["language"][0]["id"]
    document = dict(_add(state, record, None, values, (state.api_user_id, language)))
    document["localizationId"] = document.pop("languageId")
    document["templates"] = [{"id": t["id"], "name": t["name"]} for t in suite["templates"]]
    return document


def _parent(call: Call, record: Row) -> Row:
    wanted = call.query.get("parentDocumentVersionCode")
    if wanted is None:
        return record["documentVersions"][-1]
    # Described as an integer although it is a code: a version's id is taken as well.
    for version in record["documentVersions"]:
        if wanted in (version["code"], str(version["id"])):
            return version
    raise invalid(("parentDocumentVersionCode", "names no version of this record"))


def _language(call: Call, default: int) -> int:
    language = call.integer("languageId")
    if language is None:
        return default
    if language not in (row["id"] for row in call.state.reference["language"]):
        raise invalid(("languageId", "names no language"))
    return language


def _add(
    state: State, record: Row, parent_id: int | None, values: Values, made: tuple[int, int]
) -> Row:
    """Store a version of *record*; *made* is (author, language). Return it."""
    author_id, language_id = made
    version = {
        "id": state.next_id(),
        "code": new_code(),
        "parentId": parent_id,
        "deleted": False,
        "templateSuiteId": record["templateSuiteId"],
        "created": timestamp(),
        "authorId": author_id,
        "languageId": language_id,
        "documentRecordId": record["id"],
        "documentRecordCode": record["code"],
        "templates": state.suites[record["templateSuiteId"]]["templates"],
    }
    record["documentVersions"].append(version)
    record["lastModified"] = record["active"] = version["created"]
    state.versions[version["code"]] = version
    state.version_values[version["code"]] = values
    state.log("NewDocumentVersion", record, author_id, documentVersionId=version["id"])
    return version


def _file(version: Row, template: Row, file_format: str, lines: list[str]) -> Row:
    content = rendering.render(file_format, template["name"], lines)
    return {
        "fileName": f"{template['name']}.{rendering.FORMATS[file_format]}",
        "documentRecordId": version["documentRecordId"],
        "documentRecordCode": version["documentRecordCode"],
        "templateId": template["id"],
        "size": len(content),
        "data": base64.b64encode(content).decode(),
    }
