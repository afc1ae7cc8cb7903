"""``/auth/v1`` with the unmodified Python client library, and the shapes it relies on."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Literal

import httpx
import jwt
import psycopg
import pytest
import supabase
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError
from support_wait import HANG_S

from worker.embedded.stack import Connection

PASSWORD = "correct horse"


@pytest.fixture
def email() -> str:
    """Return an address nobody has."""
    return f"{uuid.uuid4().hex}@example.org"


@pytest.fixture
def client(stack: Connection, client_for: Callable[[str], supabase.Client]) -> supabase.Client:
    """Return a client with the publishable key, nobody signed in."""
    return client_for(stack.publishable_key)


@pytest.fixture
def admin(stack: Connection, client_for: Callable[[str], supabase.Client]) -> supabase.Client:
    """Return a client with the secret key."""
    return client_for(stack.secret_key)


@pytest.fixture
def owner_of_all(stack: Connection) -> Iterator[psycopg.Connection]:
    """Yield a superuser's connection to the stack's database."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        yield connection


def post(stack: Connection, path: str, body: object, **headers: str) -> httpx.Response:
    """POST to the auth service without a client library."""
    headers = {"apikey": stack.anon_key, "Content-Type": "application/json", **headers}
    url = f"{stack.url}/auth/v1{path}"
    # not httpx's own JSON, which cannot write half a surrogate pair
    return httpx.post(url, content=json.dumps(body), headers=headers, timeout=HANG_S)


def test_sign_up_signs_in(client: supabase.Client, stack: Connection, email: str) -> None:
    """A new user gets a session whose token PostgREST and policies understand."""
    answer = client.auth.sign_up(
        {"email": email.upper(), "password": PASSWORD, "options": {"data": {"name": "Ann"}}}
    )

    assert answer.user is not None
    assert answer.session is not None
    claims = jwt.decode(
        answer.session.access_token, stack.jwt_secret, ["HS256"], audience="authenticated"
    )
    assert answer.user.email == email
    assert answer.user.user_metadata["name"] == "Ann"
    assert answer.user.identities is not None
    assert answer.user.identities[0].identity_data["email"] == email
    assert (
        claims.items()
        >= {
            "iss": f"{stack.url}/auth/v1",
            "sub": answer.user.id,
            "role": "authenticated",
            "email": email,
            "aal": "aal1",
            "is_anonymous": False,
        }.items()
    )


def test_sign_in_and_read_user(client: supabase.Client, email: str) -> None:
    """The password opens a session; the session knows its user."""
    client.auth.sign_up({"email": email, "password": PASSWORD})
    client.auth.sign_out()

    client.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    answer = client.auth.get_user()
    assert answer is not None
    assert answer.user.email == email
    assert answer.user.last_sign_in_at is not None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "nobody@example.org", "password": PASSWORD}, 400, "invalid_credentials"),
        ({}, 400, "invalid_credentials"),
    ],
)
def test_sign_in_refusals(stack: Connection, body: dict[str, str], status: int, code: str) -> None:
    """An unknown address is refused like a wrong password."""
    answer = post(stack, "/token?grant_type=password", body)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_wrong_password_is_refused(client: supabase.Client, email: str) -> None:
    """The client library gets the code it documents."""
    client.auth.sign_up({"email": email, "password": PASSWORD})

    with pytest.raises(AuthApiError, match="Invalid login credentials") as caught:
        client.auth.sign_in_with_password({"email": email, "password": "wrong"})

    assert caught.value.code == "invalid_credentials"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "nonsense", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a@example.org"}, 400, "validation_failed"),
        ({"email": "a@example.org", "password": "x" * 73}, 400, "validation_failed"),
        ({"email": "a@example.org", "password": "short"}, 422, "weak_password"),
        ({}, 422, "anonymous_provider_disabled"),
    ],
)
def test_sign_up_refusals(stack: Connection, body: dict[str, str], status: int, code: str) -> None:
    """What cannot become a user is refused with its own code, in the shape of the version."""
    version = {"X-Supabase-Api-Version": "2024-01-01"}
    new = post(stack, "/signup", body, **version)
    old = post(stack, "/signup", body)

    assert (new.status_code, new.json()["code"]) == (status, code)
    assert new.headers["x-supabase-api-version"] == "2024-01-01"
    assert (old.json()["code"], old.json()["error_code"]) == (status, code)


def test_sign_up_twice_is_refused(client: supabase.Client, email: str) -> None:
    """An address is one user's, and weak passwords raise the library's own error."""
    client.auth.sign_up({"email": email, "password": PASSWORD})

    with pytest.raises(AuthApiError) as taken:
        client.auth.sign_up({"email": email, "password": PASSWORD})
    with pytest.raises(AuthWeakPasswordError):
        client.auth.sign_up({"email": f"b{email}", "password": "short"})

    assert taken.value.code == "user_already_exists"


def test_refresh_tokens_rotate(
    stack: Connection, client: supabase.Client, owner_of_all: psycopg.Connection, email: str
) -> None:
    """Each token is good once; an answer lost moments ago is forgiven, an old token is not."""
    session = client.auth.sign_up({"email": email, "password": PASSWORD}).session
    assert session is not None

    def refresh(token: str) -> httpx.Response:
        return post(stack, "/token?grant_type=refresh_token", {"refresh_token": token})

    second = refresh(session.refresh_token).json()["refresh_token"]
    forgiven = refresh(session.refresh_token).json()["refresh_token"]
    third = refresh(second).json()["refresh_token"]
    owner_of_all.execute(
        "update auth.refresh_tokens set updated_at = updated_at - interval '1 minute' "
        "where token in (%s, %s)",
        (session.refresh_token, second),
    )
    parent = refresh(second)
    stolen = refresh(session.refresh_token)
    afterwards = refresh(third)

    assert second == forgiven != session.refresh_token
    assert parent.json()["refresh_token"] == third
    assert (stolen.status_code, stolen.json()["error_code"]) == (400, "refresh_token_already_used")
    assert afterwards.status_code == 400
    assert refresh("unknown").json()["error_code"] == "refresh_token_not_found"


def test_client_library_refreshes(client: supabase.Client, email: str) -> None:
    """A refreshed session has new tokens; a session can be taken over by its tokens."""
    first = client.auth.sign_up({"email": email, "password": PASSWORD}).session
    second = client.auth.refresh_session().session
    assert first is not None
    assert second is not None

    taken_over = client.auth.set_session(second.access_token, second.refresh_token)
    claims = client.auth.get_claims()

    assert first.refresh_token != second.refresh_token
    assert taken_over.user is not None
    assert taken_over.user.email == email
    assert claims is not None
    assert claims["claims"]["sub"] == taken_over.user.id
    with pytest.raises(AuthApiError) as unknown:
        client.auth.refresh_session("unknown")
    assert unknown.value.code == "refresh_token_not_found"


@pytest.mark.parametrize(
    ("scope", "ended"),
    [("local", [True, False]), ("others", [False, True]), ("global", [True, True])],
)
def test_sign_out_scopes(
    stack: Connection,
    client_for: Callable[[str], supabase.Client],
    email: str,
    scope: Literal["local", "others", "global"],
    ended: list[bool],
) -> None:
    """Each scope ends the sessions that it names and leaves the rest."""
    this, other = client_for(stack.publishable_key), client_for(stack.publishable_key)
    sessions = [
        this.auth.sign_up({"email": email, "password": PASSWORD}).session,
        other.auth.sign_in_with_password({"email": email, "password": PASSWORD}).session,
    ]

    this.auth.sign_out({"scope": scope})

    assert [not is_alive(stack, session.access_token) for session in sessions if session] == ended


def is_alive(stack: Connection, access_token: str) -> bool:
    """Whether the token's session has not ended."""
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {access_token}"}
    return (
        httpx.get(f"{stack.url}/auth/v1/user", headers=headers, timeout=HANG_S).status_code == 200
    )


def test_update_user(
    stack: Connection,
    client: supabase.Client,
    client_for: Callable[[str], supabase.Client],
    email: str,
) -> None:
    """Metadata is merged, a new password replaces the old one and ends other sessions."""
    other = client_for(stack.publishable_key)
    ended = other.auth.sign_up({"email": email, "password": PASSWORD}).session
    assert ended is not None
    client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    client.auth.update_user({"data": {"a": 1, "b": 2}})

    changed = client.auth.update_user({"data": {"a": None}, "password": "battery staple"})

    assert changed.user.user_metadata.keys() == {"b", "email_verified"}
    assert not is_alive(stack, ended.access_token)
    assert client.auth.get_user() is not None
    client.auth.sign_in_with_password({"email": email, "password": "battery staple"})
    with pytest.raises(AuthApiError) as same:
        client.auth.update_user({"password": "battery staple"})
    assert same.value.code == "same_password"


def test_sign_out_ends_the_session(stack: Connection, client: supabase.Client, email: str) -> None:
    """The token of an ended session no longer names a user."""
    session = client.auth.sign_up({"email": email, "password": PASSWORD}).session
    assert session is not None
    bearer = {"Authorization": f"Bearer {session.access_token}"}

    ended = post(stack, "/logout", {}, **bearer)
    headers = {"apikey": stack.anon_key, **bearer}
    after = httpx.get(f"{stack.url}/auth/v1/user", headers=headers, timeout=HANG_S)

    assert (ended.status_code, ended.content) == (204, b"")
    assert (after.status_code, after.json()["error_code"]) == (403, "session_not_found")


def test_tokens_that_name_nobody(stack: Connection) -> None:
    """A key, a forged and an expired token are refused as bad tokens."""
    expired = jwt.encode({"sub": "x", "exp": int(time.time()) - 9}, stack.jwt_secret)
    forged = jwt.encode({"sub": str(uuid.uuid4())}, "another secret of at least 32 characters")

    codes = [
        (answer.status_code, answer.json()["error_code"])
        for token in (stack.anon_key, expired, forged)
        for answer in [
            httpx.get(
                f"{stack.url}/auth/v1/user",
                headers={"apikey": stack.anon_key, "Authorization": f"Bearer {token}"},
                timeout=HANG_S,
            )
        ]
    ]

    assert codes == [(403, "bad_jwt")] * 3


def test_admin_manages_users(admin: supabase.Client, client: supabase.Client, email: str) -> None:
    """The secret key creates, finds, changes, bans and deletes users."""
    created = admin.auth.admin.create_user(
        {
            "email": email,
            "password": PASSWORD,
            "email_confirm": True,
            "app_metadata": {"plan": "free"},
        }
    ).user
    found = admin.auth.admin.get_user_by_id(created.id).user
    listed = admin.auth.admin.list_users(per_page=1000)
    banned = admin.auth.admin.update_user_by_id(created.id, {"ban_duration": "1h30m"}).user

    with pytest.raises(AuthApiError) as refused:
        client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    admin.auth.admin.delete_user(created.id)
    with pytest.raises(AuthApiError) as gone:
        admin.auth.admin.get_user_by_id(created.id)

    assert found.app_metadata == {"plan": "free", "provider": "email", "providers": ["email"]}
    assert created.id in {user.id for user in listed}
    assert banned.id == created.id
    assert (refused.value.code, gone.value.code) == ("user_banned", "user_not_found")


def test_unconfirmed_user_cannot_sign_in(
    admin: supabase.Client, client: supabase.Client, email: str
) -> None:
    """Without ``email_confirm`` the address stays to be confirmed."""
    admin.auth.admin.create_user({"email": email, "password": PASSWORD})

    with pytest.raises(AuthApiError) as caught:
        client.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    assert caught.value.code == "email_not_confirmed"


def test_banned_user_cannot_go_on(
    admin: supabase.Client, client: supabase.Client, email: str
) -> None:
    """Who is banned while signed in is refused by the token they still have, and a refresh."""
    user = client.auth.sign_up({"email": email, "password": PASSWORD}).user
    assert user is not None

    admin.auth.admin.update_user_by_id(user.id, {"ban_duration": "1h"})

    with pytest.raises(AuthApiError) as by_token:
        client.auth.get_user()
    with pytest.raises(AuthApiError) as by_refresh:
        client.auth.refresh_session()
    assert (by_token.value.status, by_token.value.code) == (403, "user_banned")
    assert (by_refresh.value.status, by_refresh.value.code) == (400, "user_banned")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"phone": "4201"}, 422, "phone_exists"),
        ({"email": "a@example.org", "id": "nonsense"}, 400, "validation_failed"),
        ({"email": "a@example.org", "ban_duration": "soon"}, 400, "validation_failed"),
        ({"email": "a@example.org", "password": "nul \0 nul"}, 400, "bad_json"),
        ({"email": "a@example.org", "password": "half \ud83d pair"}, 400, "bad_json"),
    ],
)
def test_admin_refusals(
    stack: Connection, admin: supabase.Client, body: dict[str, str], status: int, code: str
) -> None:
    """What cannot become a user is refused for the secret key too, and nothing is written."""
    user = admin.auth.admin.create_user({"phone": "4201"}).user
    try:
        answer = post(stack, "/admin/users", body, apikey=stack.secret_key)
    finally:
        admin.auth.admin.delete_user(user.id)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_text_that_looks_like_an_escape_is_kept(
    admin: supabase.Client, client: supabase.Client, email: str
) -> None:
    """Only a real NUL is refused, not the text that JSON would write it as."""
    admin.auth.admin.create_user({"email": email, "password": r"a \u0000 b", "email_confirm": True})

    assert client.auth.sign_in_with_password({"email": email, "password": r"a \u0000 b"}).session


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/otp"), ("POST", "/recover"), ("PATCH", "/user"), ("GET", "/x")]
)
def test_what_is_not_served_says_so(stack: Connection, method: str, path: str) -> None:
    """A call beyond e-mail and password is refused in a shape that client libraries read."""
    answer = httpx.request(
        method,
        f"{stack.url}/auth/v1{path}",
        headers={"apikey": stack.anon_key, "X-Supabase-Api-Version": "2024-01-01"},
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert f"{method} {path}" in answer.json()["message"]
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"


def test_admin_calls_need_the_service_role(client: supabase.Client) -> None:
    """The publishable key administers nobody."""
    with pytest.raises(AuthApiError) as caught:
        client.auth.admin.list_users()

    assert caught.value.code == "not_admin"


def test_triggers_see_what_they_see_on_the_platform(
    stack: Connection, owner_of_all: psycopg.Connection, email: str
) -> None:
    """At insert the role is empty and nothing confirmed; a failing trigger refuses the user."""
    owner_of_all.execute(
        "create function public.embedded_trigger() returns trigger language plpgsql "
        "security definer set search_path = '' as $$ begin "
        "if new.role <> '' or new.email_confirmed_at is not null "
        "or current_setting('role') <> 'none' or session_user <> 'supabase_auth_admin' then "
        "raise 'not as on the platform'; end if; "
        "if new.raw_user_meta_data ? 'fail' then raise 'told to'; end if; "
        "return new; end $$; "
        "create trigger embedded after insert on auth.users "
        "for each row execute function public.embedded_trigger()"
    )
    try:
        good = post(stack, "/signup", {"email": email, "password": PASSWORD})
        bad = post(
            stack, "/signup", {"email": f"b{email}", "password": PASSWORD, "data": {"fail": 1}}
        )
    finally:
        owner_of_all.execute(
            "drop trigger embedded on auth.users; drop function public.embedded_trigger()"
        )

    assert good.status_code == 200, good.text
    assert (bad.status_code, bad.json()["error_code"], bad.json()["msg"]) == (
        500,
        "unexpected_failure",
        "Database error saving new user",
    )


def test_public_endpoints(stack: Connection) -> None:
    """Settings tell what is on; there are no public keys to publish."""
    headers = {"apikey": stack.anon_key}
    url = f"{stack.url}/auth/v1"
    settings = httpx.get(f"{url}/settings", headers=headers, timeout=HANG_S).json()
    keys = httpx.get(f"{url}/.well-known/jwks.json", timeout=HANG_S)
    health = httpx.get(f"{url}/health", headers=headers, timeout=HANG_S).json()

    assert settings["external"]["email"] is True
    assert settings["mailer_autoconfirm"] is True
    assert keys.json() == {"keys": []}
    assert keys.headers["cache-control"] == "public, max-age=600"
    assert health["name"] == "GoTrue"
