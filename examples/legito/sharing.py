"""Who else sees a document record: users, groups, and holders of an external link."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from examples.legito.call import one_of, success, typed
from examples.legito.errors import invalid, not_found
from examples.legito.groups import members, merged, without
from examples.legito.state import found

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.state import State

_LINK = {
    "active": bool,
    "type": str,
    "useMax": int,
    "permission": str,
    "workflowStageId": (int, type(None)),
    "ownerId": (int, type(None)),
}


def read(call: Call, code: str) -> Row:
    """Return the users and groups a record is shared with; external links are not listed."""
    return _share(call.state, code)


def add_users(call: Call, code: str) -> Row:
    """Share a record with the users of an array, all or none."""
    share = _share(call.state, code)
    new = members(call.state, call.json_array())
    share["users"] = merged(share["users"], new)
    for row in new:
        call.state.log(
            "DocumentShared",
            call.state.record(code),
            shareUserId=row["id"],
            sharePermission=row["permission"],
        )
    return success()


def remove_user(call: Call, code: str, id_or_email: str) -> Row:
    """Stop sharing a record with one user."""
    share = _share(call.state, code)
    share["users"] = without(call.state, share["users"], id_or_email)
    call.state.log("DocumentSharingRemoved", call.state.record(code))
    return success()


def add_groups(call: Call, code: str) -> Row:
    """Share a record with the groups of an array, all or none; rights are their members'."""
    state, share, new = call.state, _share(call.state, code), []
    for item in call.json_array():
        group = next((g for g in state.groups.values() if g["id"] == item.get("id")), None)
        if group is None:
            raise invalid(("id", "names no user group"))
        new.append({"id": group["id"], "name": group["name"]})
    share["userGroups"] = merged(share["userGroups"], new)
    for row in new:
        state.log("DocumentShared", state.record(code), shareUserGroupId=row["id"])
    return success()


def remove_group(call: Call, code: str, group_id: int) -> Row:
    """Stop sharing a record with one group."""
    share = _share(call.state, code)
    kept = [group for group in share["userGroups"] if group["id"] != group_id]
    if len(kept) == len(share["userGroups"]):
        raise not_found("shared user group", group_id)
    share["userGroups"] = kept
    call.state.log("DocumentSharingRemoved", call.state.record(code))
    return success()


def add_links(call: Call, code: str) -> list[Row]:
    """Create the external links of an array, all or none."""
    state, record = call.state, call.state.record(code)
    links = [_new_link(state, _link_fields(item)) for item in call.json_array()]
    for link in links:
        state.external_links[link["id"]] = link
        state.link_records[link["id"]] = code
        state.log("ExternalSharingActivated", record, externalLink=link["link"])
    return links


def update_link(call: Call, link_id: int) -> Row:
    """Change an external link; read-only and unknown fields are ignored."""
    link, record = _live_link(call.state, link_id)
    was_active = link["active"]
    link.update(_link_fields(call.json_object()))
    if link["active"] != was_active:
        kind = "ExternalSharingActivated" if link["active"] else "ExternalSharingDeactivated"
        call.state.log(kind, record, externalLink=link["link"])
    return link


def delete_link(call: Call, link_id: int) -> Row:
    """Delete an external link."""
    link, record = _live_link(call.state, link_id)
    del call.state.external_links[link_id], call.state.link_records[link_id]
    if link["active"]:
        call.state.log("ExternalSharingDeactivated", record, externalLink=link["link"])
    return success()


def _share(state: State, code: str) -> Row:
    state.record(code)
    return state.shares.setdefault(code, {"users": [], "userGroups": []})


def _live_link(state: State, link_id: int) -> tuple[Row, Row]:
    """Return a link and its record; the links of a deleted record are not found."""
    link = found(state.external_links, link_id, "external link")
    return link, state.record(state.link_records[link_id])


def _link_fields(item: Row) -> Row:
    fields = typed(item, _LINK)
    if "type" in fields:
        one_of("type", fields["type"], ("document", "revision", "template"))
    if "permission" in fields:
        one_of("permission", fields["permission"], ("MANAGE", "EDIT", "READ"))
    if fields.get("useMax", 0) not in (0, 1):
        raise invalid(("useMax", "must be 0 or 1"))
    return fields


def _new_link(state: State, fields: Row) -> Row:
    slug = secrets.token_urlsafe(6)
    return {
        "id": state.next_id(),
        "link": slug,
        "url": f"https://standin.example/link/{slug}",
        "active": True,
        "type": "document",
        "useMax": 0,
        "useActual": 0,
        "permission": "READ",
        "workflowStageId": None,
        "ownerId": None,
        **fields,
    }
