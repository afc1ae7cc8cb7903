"""Users of the workspace, what they may do, and what they are told about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito.call import one_of, success, text, typed
from examples.legito.errors import forbidden, invalid
from examples.legito.state import timestamp

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.state import State

_WRITABLE = {
    "email": str,
    "name": str,
    "customIdentifier": (str, type(None)),
    "position": (str, type(None)),
    "timezone": str,
    "sessionExpiration": int,
    "sessionDestroy": int,
    "customData": (str, dict, list, type(None)),
}

_FORMATS = ("Docx", "Pdf", "Pdfa", "Htm", "Html", "Rtf", "Xml", "Odt", "Txt")
_PERMISSION = {
    "admin": False,
    "viewConfidential": False,
    "autoShare": "NONE",
    "download": True,
    **{f"download{name}": True for name in _FORMATS},
    "downloadWithView": True,
    "createDocumentRecord": True,
    "createLabel": True,
    "createTemplateSuite": True,
    "uploadFiles": False,
    "viewAnalytics": False,
    "templateSuitesAll": "manage",
    "templateSuitesList": [],
    "templateSuitesCategories": "manage",
    "templateSuitesCategoriesList": [],
    "templateSuitesCountries": "manage",
    "templateSuitesCountriesList": [],
    "objectsAll": "access",
    "objectsList": [],
    "userList": "corporate",
    "shareLinkTemplate": True,
    "shareLinkDocument": True,
    "emailDocument": True,
    "timelineView": True,
    "trackChangesDisplay": True,
}
_PERMISSION_VALUES = {
    "autoShare": ("MANAGE", "EDIT", "READ", "LIST", "NONE"),
    "templateSuitesAll": ("none", "view", "manage"),
    "templateSuitesCategories": ("none", "view", "manage"),
    "templateSuitesCountries": ("none", "view", "manage"),
    "objectsAll": ("selected", "access", "view", "edit", "manage"),
    "userList": ("corporate", "assigned", "department", "departmentAssigned"),
}

_NOTIFICATIONS = (
    "changeOwner",
    "share",
    "fileUpload",
    "externalLink",
    "newDocumentVersion",
    "deleteDocumentRecord",
    "changeWorkflowStage",
    "finishBatchGenerate",
    "updateExpirationDate",
    "reminderExpirationDate",
    "reminderDueDate",
    "reminderDeliveryDate",
    "reminderSigningDate",
    "chatComment",
    "signCompleted",
)
_NOTIFY = ("Newer", "My", "Shared")


def list_users(call: Call) -> list[Row]:
    """List users, filtered by ids and e-mail addresses."""
    ids, emails = call.pipe_integers("id"), {email.lower() for email in call.pipe("email")}
    return call.page(
        user
        for user in call.state.users.values()
        if (not ids or user["id"] in ids) and (not emails or user["email"].lower() in emails)
    )


def create(call: Call) -> list[Row]:
    """Create the users of an array, all or none."""
    state, users, taken = call.state, [], set()
    for item in call.json_array():
        email = _email(state, item, None)
        if email.lower() in taken:
            raise invalid(("email", "is given twice"))
        taken.add(email.lower())
        users.append(_new(state, email, typed(item, _WRITABLE)))
    for user in users:
        state.users[user["id"]] = user
        state.log_user("UserWorkspaceAdded", user)
    return users


def update(call: Call, id_or_email: str) -> Row:
    """Change a user; read-only and unknown fields are ignored."""
    user, body = call.state.user(id_or_email), call.json_object()
    changes = typed(body, _WRITABLE)
    if "email" in changes:
        _email(call.state, changes, user)
    user.update(changes)
    for group in call.state.groups.values():
        for member in group["users"]:
            if member["id"] == user["id"]:
                member["email"] = user["email"]
    call.state.log_user("UserWorkspaceEdited", user)
    return success()


def delete(call: Call, id_or_email: str) -> Row:
    """Remove a user, from groups and shares too; the default API user has to stay."""
    state, user = call.state, call.state.user(id_or_email)
    if user["id"] == state.api_user_id:
        raise forbidden("The default API user cannot be deleted")
    for holder in (*state.groups.values(), *state.shares.values()):
        holder["users"] = [member for member in holder["users"] if member["id"] != user["id"]]
    for rows in (state.users, state.permissions, state.notification_settings):
        rows.pop(user["id"], None)
    state.log_user("UserWorkspaceDeleted", user)
    return success()


def read_permission(call: Call, id_or_email: str) -> Row:
    """Return what a user may do."""
    user = call.state.user(id_or_email)
    return _PERMISSION | call.state.permissions.get(user["id"], {})


def write_permission(call: Call, id_or_email: str) -> Row:
    """Change the rights given; the others stay, unknown names are ignored."""
    user = call.state.user(id_or_email)
    changes = typed(call.json_object(), {name: type(value) for name, value in _PERMISSION.items()})
    for name, allowed in _PERMISSION_VALUES.items():
        if name in changes:
            one_of(name, changes[name], allowed)
    call.state.permissions.setdefault(user["id"], {}).update(changes)
    call.state.log_user("UserWorkspacePermissionEdited", user)
    return read_permission(call, id_or_email)


def read_notifications(call: Call, id_or_email: str) -> Row:
    """Return about what, and how, a user is notified."""
    user = call.state.user(id_or_email)
    stored = call.state.notification_settings.get(user["id"], {})
    return {name: stored.get(name, _default(name)) for name in _NOTIFICATIONS}


def write_notifications(call: Call, id_or_email: str) -> Row:
    """Change the settings given; the others stay, unknown names are ignored."""
    settings = read_notifications(call, id_or_email)
    for name, setting in typed(call.json_object(), dict.fromkeys(_NOTIFICATIONS, dict)).items():
        chosen = {way: value for way, value in setting.items() if way in ("web", "email")}
        for way, value in chosen.items():
            one_of(f"{name}.{way}", value, _NOTIFY)
        settings[name] = settings[name] | chosen
    call.state.notification_settings[call.state.user(id_or_email)["id"]] = settings
    return settings


def _default(name: str) -> Row:
    return {"web": "Newer" if name == "changeOwner" else "Shared", "email": "Newer"}


def _email(state: State, item: Row, owner: Row | None) -> str:
    """Return the address in *item*, which nobody but *owner* may have."""
    email = text(item, "email")
    if "@" not in email:
        raise invalid(("email", "must be an e-mail address"))
    if state.find_user(email) not in (None, owner):
        raise invalid(("email", "is taken"))
    return email


def _new(state: State, email: str, given: Row) -> Row:
    fields = {
        "email": email,
        "name": email,
        "customIdentifier": None,
        "created": timestamp(),
        "position": None,
        "timezone": "Europe/Prague",
        "sessionExpiration": 7200,
        "sessionDestroy": 0,
        "customData": None,
    }
    return {"id": state.next_id(), **fields, **given}
