"""User groups and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.legito.call import one_of, success, text
from examples.legito.errors import forbidden, not_found
from examples.legito.state import found

if TYPE_CHECKING:
    from examples.legito.call import Call, Row
    from examples.legito.state import State

PERMISSIONS = ("LIST", "READ", "EDIT", "MANAGE")


def list_groups(call: Call) -> list[Row]:
    """List the groups with their members."""
    return list(call.state.groups.values())


def create(call: Call) -> Row:
    """Create an empty group; a name that exists is refused with 403, as documented."""
    name = _free_name(call, None)
    group = {"id": call.state.next_id(), "name": name, "users": []}
    call.state.groups[group["id"]] = group
    return group


def rename(call: Call, group_id: int) -> Row:
    """Rename a group."""
    group = found(call.state.groups, group_id, "user group")
    group["name"] = _free_name(call, group)
    return group


def delete(call: Call, group_id: int) -> Row:
    """Delete a group; its members stay users."""
    found(call.state.groups, group_id, "user group")
    del call.state.groups[group_id]
    for share in call.state.shares.values():
        share["userGroups"] = [g for g in share["userGroups"] if g["id"] != group_id]
    return success()


def add_members(call: Call, group_id: int) -> Row:
    """Add the users of an array, all or none; who is a member already gets the new permission."""
    group = found(call.state.groups, group_id, "user group")
    group["users"] = merged(group["users"], members(call.state, call.json_array()))
    return success()


def remove_member(call: Call, group_id: int, id_or_email: str) -> Row:
    """Take one user out of a group."""
    group = found(call.state.groups, group_id, "user group")
    group["users"] = without(call.state, group["users"], id_or_email)
    return success()


def members(state: State, items: list[Row]) -> list[Row]:
    """Return the ``{id, email, permission}`` rows that a body's items stand for."""
    rows = []
    for item in items:
        user = state.listed_user(item)
        permission = one_of("permission", item.get("permission", "LIST"), PERMISSIONS)
        rows.append({"id": user["id"], "email": user["email"], "permission": permission})
    return rows


def merged(old: list[Row], new: list[Row]) -> list[Row]:
    """Return *old* with *new* added; rows with the same id are replaced."""
    return list(({row["id"]: row for row in old} | {row["id"]: row for row in new}).values())


def without(state: State, rows: list[Row], id_or_email: str) -> list[Row]:
    """Return *rows* without the user the path addresses, who must be among them."""
    user = state.user(id_or_email)
    kept = [row for row in rows if row["id"] != user["id"]]
    if len(kept) == len(rows):
        raise not_found("member", id_or_email)
    return kept


def _free_name(call: Call, owner: Row | None) -> str:
    name = text(call.json_object(), "name")
    if any(group["name"] == name and group is not owner for group in call.state.groups.values()):
        raise forbidden(f"A user group named {name} exists already")
    return name
