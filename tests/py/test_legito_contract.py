"""Every operation once, in one story, against what Legito's description says of it.

The status codes and fields below are written down from the description, not from the stand-in.
"""

import httpx
from support_legito import KEYS, connect

from examples.legito.app import create_app
from examples.legito.routing import ROUTES

SUCCESS = {"code", "status"}
NAMED = {"id", "name"}
PROPERTY = {
    *{"id", "name", "propertyGroupId", "priority", "type", "hidden", "system", "systemType"},
    *{"systemName", "description", "typeDefinition", "templateTagId", "templateSuiteAll"},
    *{"templateSuites", "documentRecordTypeAll", "documentRecordTypes", "showInList"},
    *{"showInFilter", "overwriteExtracted", "overwriteManual", "exportCsv", "editPermission"},
}
SUITE = {"id", "title", "perex", "lawId", "workflowId", "templates", "favoriteSettings"}
SUITE |= {"categories"}
WORKFLOW = {"id", "name", "type", "workflowRevisions"}
REVISION = {"id", "workflowId", "created", "public", "elements", "links"}
RECORD = {
    *{"id", "code", "deleted", "created", "lastModified", "active", "externalDocument"},
    *{"templateSuiteId", "documentRecordTypeId", "name", "authorId", "ownerId", "workflowStage"},
    *{"locked", "priorityId", "properties", "persons", "anonymized", "documentVersions"},
    *{"detailLink", "events"},
}
VERSION = {
    *{"id", "code", "parentId", "deleted", "templateSuiteId", "created", "authorId"},
    *{"languageId", "documentRecordId", "documentRecordCode", "templates"},
}
INFO = VERSION - {"languageId"} | {"localizationId"}
ELEMENT = {"name", "uuid", "isRepeated", "repeatIdentifier", "type", "parentId"}
DOCUMENT_FILE = {"fileName", "documentRecordId", "documentRecordCode", "templateId", "size", "data"}
RECORD_TYPE = {"id", "name", "priority"}
FILE = {
    *{"id", "fileName", "documentRecordId", "documentRecordCode", "uploadedDate", "size"},
    *{"attachment", "signBiosigned", "signDocusigned", "signAdobesigned", "signFlowsigned"},
    "signLegitosigned",
}
LINK = {"id", "link", "url", "active", "type", "useMax", "useActual", "permission"}
LINK |= {"workflowStageId", "ownerId"}
USER = {"id", "email", "name", "customIdentifier", "created", "position", "timezone"}
USER |= {"sessionExpiration", "sessionDestroy", "customData"}
PERMISSION = {"admin", "autoShare", "download", "downloadPdf", "templateSuitesAll", "userList"}
NOTIFICATION = {
    *{"changeOwner", "share", "fileUpload", "externalLink", "newDocumentVersion"},
    *{"deleteDocumentRecord", "changeWorkflowStage", "finishBatchGenerate"},
    *{"updateExpirationDate", "reminderExpirationDate", "reminderDueDate"},
    *{"reminderDeliveryDate", "reminderSigningDate", "chatComment", "signCompleted"},
}
GROUP = {"id", "name", "users"}
OBJECT = {"id", "name", "recordOwnerAndSharing", "showWorkflow", "workflows"}
OBJECT_RECORD = {
    *{"id", "objectId", "systemName", "name", "deleted", "created", "lastModified", "active"},
    *{"authorId", "properties", "detailLink", "events"},
}
EVENT = {"id", "created", "type", "authorId", "ip"}
PUSH = {
    *{"id", "systemName", "name", "url", "enabled", "headers", "eventTypes", "templateSuiteAll"},
    *{"templateSuites", "documentRecordTypeAll", "documentRecordTypes", "attachFilesUploaded"},
    *{"attachFilesGenerated", "fileTypes"},
}
# These have more fields, which depend on the kind of row, or which we do not know.
OPEN = (ELEMENT, EVENT, PERMISSION)

HOOK = {"name": "Hook", "url": "https://standin.example/hook"}
COMPANY = {"properties": [{"systemName": "company", "value": "Elm Yard"}]}
DATA = {"fileName": "a.txt", "data": "aGVsbG8="}
INTEGRATION = "templateSuiteId={suite}&jsonIntegrationId=801"

# Operation; the path parameters from what was kept before, or a query after "?"; body; status;
# fields, in a list where the answer is an array; what to keep of the (first) answer.
STORY = (
    ("GET /info", "", None, 200, {"version"}, {}),
    ("GET /advanced-style", "", None, 200, [{"id", "name", "visible"}], {}),
    ("GET /category", "", None, 200, [NAMED], {}),
    ("GET /country", "", None, 200, [{"id", "name", "code", "defaultLang"}], {}),
    ("GET /currency", "", None, 200, [{"id", "currency", "symbol"}], {}),
    ("GET /language", "", None, 200, [{"id", "locale", "name"}], {}),
    (
        "GET /timezone",
        "",
        None,
        200,
        [{"timezone", "code", "gmtOffset", "dstOffset", "rawOffset"}],
        {},
    ),
    ("GET /property", "", None, 200, [PROPERTY], {}),
    ("GET /property-group", "", None, 200, [{"id", "name", "properties"}], {}),
    ("GET /template-suite", "", None, 200, [SUITE], {"suite": "id"}),
    ("GET /workflow", "", None, 200, [WORKFLOW], {}),
    ("GET /workflow/revision/{}", "711", None, 200, [REVISION], {}),
    ("POST /document-version/data/{}", "{suite}", [], 201, VERSION, {"version": "code"}),
    ("GET /document-version/data/{}", "{version}", None, 200, [ELEMENT], {}),
    ("GET /document-version/download/{}/{}", "{version}/pdf", None, 200, [DOCUMENT_FILE], {}),
    ("GET /document-record", "?limit=1", None, 200, [RECORD], {"record": "code"}),
    ("PUT /document-version/data/{}", "{record}", [], 200, VERSION, {}),
    ("PUT /document-record/{}", "{record}", {"name": "n"}, 200, RECORD, {}),
    ("GET /event", "?limit=1", None, 200, [EVENT], {}),
    ("GET /user", "", None, 200, [USER], {}),
    ("POST /user", "", [{"email": "a@b.example"}], 201, [USER], {"user": "id"}),
    ("PUT /user/{}", "{user}", {"name": "A"}, 201, SUCCESS, {}),
    ("GET /user/permission/{}", "{user}", None, 200, PERMISSION, {}),
    ("PUT /user/permission/{}", "a@b.example", {"admin": True}, 200, PERMISSION, {}),
    ("GET /notification-setting/{}", "a@b.example", None, 200, NOTIFICATION, {}),
    ("PUT /notification-setting/{}", "{user}", {}, 201, NOTIFICATION, {}),
    ("GET /user-group", "", None, 200, [GROUP], {}),
    ("POST /user-group", "", {"name": "Testers"}, 201, GROUP, {"group": "id"}),
    ("PUT /user-group/{}", "{group}", {"name": "Checkers"}, 200, GROUP, {}),
    ("POST /user-group/user/{}", "{group}", [{"id": 102}], 200, SUCCESS, {}),
    ("DELETE /user-group/user/{}/{}", "{group}/102", None, 200, SUCCESS, {}),
    ("POST /share/user/{}", "{record}", [{"id": 102}], 201, SUCCESS, {}),
    ("POST /share/user-group/{}", "{record}", [{"id": 201}], 201, SUCCESS, {}),
    ("GET /share/{}", "{record}", None, 200, {"users", "userGroups"}, {}),
    ("DELETE /share/user/{}/{}", "{record}/102", None, 200, SUCCESS, {}),
    ("DELETE /share/user-group/{}/{}", "{record}/201", None, 200, SUCCESS, {}),
    ("POST /share/external-link/{}", "{record}", [{}], 201, [LINK], {"link": "id"}),
    ("PUT /share/external-link/{}", "{link}", {"active": False}, 201, LINK, {}),
    ("DELETE /share/external-link/{}", "{link}", None, 200, SUCCESS, {}),
    ("POST /file/{}", "{record}", DATA, 201, FILE, {"file": "id"}),
    ("GET /file/{}", "{record}", None, 200, [FILE], {}),
    ("GET /file/download/{}", "{file}", None, 200, FILE | {"data"}, {}),
    ("DELETE /file/{}", "{file}", None, 200, SUCCESS, {}),
    ("GET /document-record/anonymize/{}", "{record}?fields=date", None, 200, SUCCESS, {}),
    ("DELETE /document-record/{}", "{record}", None, 200, RECORD, {}),
    ("POST /document-record", "", {"name": "Scan"}, 201, RECORD, {}),
    ("POST /document-version/json-integration", f"?{INTEGRATION}", {}, 200, INFO, {}),
    ("DELETE /user-group/{}", "{group}", None, 200, SUCCESS, {}),
    ("DELETE /user/{}", "{user}", None, 200, SUCCESS, {}),
    ("GET /document-record-type", "", None, 200, [RECORD_TYPE], {}),
    ("POST /document-record-type", "", {"name": "n"}, 200, RECORD_TYPE, {"type": "id"}),
    ("PUT /document-record-type/{}", "{type}", {"name": "m"}, 200, RECORD_TYPE, {}),
    ("DELETE /document-record-type/{}", "{type}", None, 200, SUCCESS, {}),
    ("GET /label", "", None, 200, [NAMED], {}),
    ("POST /label", "", {"name": "n"}, 200, NAMED, {"label": "id"}),
    ("DELETE /label/{}", "{label}", None, 200, SUCCESS, {}),
    ("GET /template-tag", "", None, 200, [{"id", "name", "system"}], {}),
    ("POST /template-tag", "", {"name": "n"}, 200, {"id", "name", "system"}, {}),
    ("GET /object", "", None, 200, [OBJECT], {"object": "id"}),
    ("GET /object-record/{}", "{object}", None, 200, [OBJECT_RECORD], {}),
    ("POST /object-record/{}", "{object}", COMPANY, 201, OBJECT_RECORD, {"item": "systemName"}),
    ("PUT /object-record/{}", "{item}", COMPANY, 200, OBJECT_RECORD, {}),
    ("DELETE /object-record/{}", "{item}", None, 200, OBJECT_RECORD, {}),
    ("POST /push-connection", "", HOOK, 200, PUSH, {"push": "id"}),
    ("GET /push-connection", "", None, 200, [PUSH], {}),
    ("DELETE /push-connection/{}", "{push}", None, 200, SUCCESS, {}),
)


def operation(method: str, path: str) -> str:
    """Return ``GET /a/{}``: an operation without the names of its parameters."""
    return f"{method} " + "/".join("{}" if "{" in part else part for part in path.split("/"))


def test_the_story_tells_of_every_operation_once() -> None:
    """Neither the table of the stand-in nor the story has one more."""
    told = [step[0] for step in STORY]

    assert sorted(told) == sorted(operation(method, path) for method, path, _, _ in ROUTES)
    assert len(told) == 66


async def test_every_operation_answers_as_described() -> None:
    """Status, array or object, and all the fields."""
    kept: dict[str, object] = {}
    async with connect(create_app(KEYS.api_key, KEYS.private_key)) as api:
        for name, filling, body, status, shape, keep in STORY:
            method, path = name.split(" ")
            parameters, _, query = filling.format(**kept).partition("?")
            path = path.format(*parameters.split("/"))

            response = await api.request(method, path, params=query or None, json=body)

            assert response.status_code == status, (name, response.text)
            first = check_shape(name, response, shape)
            kept |= {key: first[field] for key, field in keep.items()}


def check_shape(
    name: str, response: httpx.Response, shape: set[str] | list[set[str]]
) -> dict[str, object]:
    """Insist on the fields of an answer; return its object, the first one of an array."""
    document = response.json()
    assert isinstance(document, type([] if isinstance(shape, list) else {})), name
    fields = shape[0] if isinstance(shape, list) else shape
    first = document[0] if isinstance(shape, list) else document
    if any(fields is open_ended for open_ended in OPEN):
        assert fields <= first.keys(), name
    else:
        assert fields == first.keys(), name
    return first
