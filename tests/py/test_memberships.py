"""Memberships over the REST interface and sign-in, with unmodified clients."""

import uuid
from collections.abc import Callable
from typing import Any

import postgrest
import pytest
import supabase

from worker.embedded.stack import Connection

ClientFor = Callable[[str], supabase.Client]


def sign_up(client_for: ClientFor, stack: Connection) -> tuple[supabase.Client, str]:
    """Return a client of somebody new, and who that is."""
    client = client_for(stack.publishable_key)
    account = {"email": f"{uuid.uuid4()}@example.test", "password": "correct horse"}
    user = client.auth.sign_up(account).user  # type: ignore[arg-type]
    assert user
    return client, user.id


def call(client: supabase.Client, function: str, **arguments: Any) -> Any:
    """Call a function of the interface."""
    return client.rpc(function, arguments).execute().data


def test_the_account_of_the_last_owner_can_be_deleted(
    stack: Connection, client_for: ClientFor
) -> None:
    """By the sign-in service; the members go on, and the operator appoints an owner."""
    operator = client_for(stack.secret_key)
    (owner, owner_id), (member, member_id) = (sign_up(client_for, stack) for _ in range(2))
    organization = {"organization_id": call(owner, "create_organization", name="Left")["id"]}
    token = call(owner, "invite_member", **organization, role="admin")["token"]
    call(member, "accept_invitation", token=token)
    with pytest.raises(postgrest.APIError) as refused:
        call(owner, "leave_organization", **organization)

    operator.auth.admin.delete_user(owner_id)
    appointed = call(operator, "set_member_role", **organization, user_id=member_id, role="owner")

    assert (refused.value.code, refused.value.details) == ("PT409", "last_owner")
    assert appointed["role"] == "owner"
    assert member.table("organizations").select("name").execute().data == [{"name": "Left"}]
