"""The same hostile week on sign-in: forged tokens, and accounts that are somebody else's."""

import base64
import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import psycopg
import pytest
from support_attack import World

from worker.embedded.stack import Connection


@pytest.fixture(scope="module")
def world(stack: Connection) -> Iterator[World]:
    """Yield the victim and the attackers."""
    with (
        psycopg.connect(stack.db_url, autocommit=True) as database,
        contextlib.closing(World(stack, database)) as world,
    ):
        yield world


def claims_of(token: str, **changes: Any) -> dict[str, Any]:
    """Return the claims of *token* with *changes*."""
    return jwt.decode(token, options={"verify_signature": False}) | changes


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    """Return a token that says it needs no signature."""
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    ]
    return ".".join((*encoded, ""))


def forged_tokens(world: World) -> Iterator[tuple[str, str]]:
    """Yield tokens that nobody has signed, or somebody else, or that are over."""
    mine = world.stranger.people["owner"].token
    victim = world.victim.people["owner"]
    as_victim = claims_of(mine, sub=victim.id, email=victim.email)
    as_service = claims_of(mine, role="service_role")
    for what, claims in (("victim", as_victim), ("service_role", as_service)):
        for algorithm in ("none", "None", "HS256", ""):
            yield f"{what}, unsigned {algorithm}", unsigned(claims, algorithm)
        for key in (world.stack.publishable_key, world.stack.anon_key, "x" * 32, ""):
            with contextlib.suppress(jwt.InvalidKeyError):
                yield f"{what}, signed with {key[:8]}", jwt.encode(claims, key, "HS256")
        head, _, signature = mine.split(".")
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        yield f"{what}, signature of another", f"{head}.{body}.{signature}"
    past = claims_of(mine, sub=victim.id, exp=int(time.time()) - 3600)
    yield "over", jwt.encode(past, world.stack.jwt_secret, "HS256")


def test_forged_tokens_are_refused(world: World) -> None:
    """REST and sign-in take none of them, and answer with nothing of the victim's."""
    watch = world.watch("stranger")
    for what, token in forged_tokens(world):
        headers = {"Authorization": f"Bearer {token}"}
        for path in ("/rest/v1/projects", "/rest/v1/workers", "/auth/v1/user"):
            answer = watch.client.get(path, headers=headers)
            assert answer.status_code in {401, 403}, (what, path, answer.text)
        answer = watch.client.get("/auth/v1/admin/users", headers=headers)
        assert answer.status_code in {401, 403}, (what, answer.text)
    assert world.leaks == []


def test_claims_give_no_rights(world: World) -> None:
    """What a signed token says beside the account, such as another's metadata, changes nothing."""
    watch = world.watch("stranger")
    mine, owner = world.stranger.people["owner"].token, world.victim.people["owner"]
    for changes in (
        {"app_metadata": {"role": "owner", "organization_id": world.victim.ids["organization"]}},
        {"user_metadata": {"role": "service_role", "sub": owner.id}},
        {"email": owner.email},
        {"organization_id": world.victim.ids["organization"], "org_role": "owner"},
        {"role": "authenticated", "user_role": "service_role"},
    ):
        token = jwt.encode(claims_of(mine, **changes), world.stack.jwt_secret, "HS256")
        headers = {"Authorization": f"Bearer {token}"}
        for table in ("projects", "users", "test_runs", "organization_members"):
            assert watch.send("GET", table, headers=headers).is_success
    for sub in (str(uuid.uuid4()), "not-a-uuid", "", None):
        token = jwt.encode(claims_of(mine, sub=sub), world.stack.jwt_secret, "HS256")
        answer = watch.send("GET", "projects", headers={"Authorization": f"Bearer {token}"})
        assert answer.is_error or answer.json() == [], sub
    for role in ("postgres", "supabase_admin", "authenticator", "supabase_auth_admin", "nobody"):
        token = jwt.encode(claims_of(mine, role=role), world.stack.jwt_secret, "HS256")
        answer = watch.send("GET", "projects", headers={"Authorization": f"Bearer {token}"})
        assert answer.is_error, (role, answer.text)
    assert world.leaks == []


def test_accounts_of_others_stay_theirs(world: World) -> None:
    """No password, account or session of another is changed, listed or taken over."""
    watch = world.watch("stranger")
    victim = world.victim.people["owner"]
    for method, path, body in (
        ("GET", "/admin/users", None),
        ("GET", f"/admin/users/{victim.id}", None),
        ("PUT", f"/admin/users/{victim.id}", {"password": "stolen password"}),
        ("DELETE", f"/admin/users/{victim.id}", {}),
        ("POST", "/admin/users", {"email": "new@example.org", "password": "stolen password"}),
        ("POST", "/signup", {"email": victim.email, "password": "stolen password"}),
        ("POST", "/token?grant_type=password", {"email": victim.email, "password": "guess"}),
        ("POST", "/token?grant_type=refresh_token", {"refresh_token": "0" * 12}),
        ("PUT", "/user", {"email": victim.email}),
    ):
        answer = watch.client.request(method, f"/auth/v1{path}", json=body)
        assert answer.is_client_error, (method, path, answer.text)
    changed = watch.client.put(
        "/auth/v1/user", json={"id": victim.id, "data": {"sub": victim.id}, "role": "service_role"}
    )
    assert changed.json()["role"] == "authenticated"
    unknown = f"{uuid.uuid4()}@example.org"
    told = {
        watch.client.post(
            "/auth/v1/token?grant_type=password", json={"email": email, "password": "guess"}
        ).text
        for email in (victim.email, unknown)
    }

    assert len(told) == 1
    assert world.leaks == []
    assert world.filler.sign_in(victim.email).id == victim.id
