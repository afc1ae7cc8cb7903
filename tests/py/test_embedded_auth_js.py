"""``/auth/v1`` with the unmodified JavaScript client library."""

import json
from typing import Any

import psycopg
import pytest
from support_node import run_module

from worker.embedded.stack import Connection

PRELUDE = """
import { createClient } from "@supabase/supabase-js";

const { URL, PUBLISHABLE_KEY, SECRET_KEY } = process.env;
// Each is a browser of its own; nothing is kept outside, no timer is left running.
const auth = { persistSession: false, autoRefreshToken: false };
const visitor = () => createClient(URL, PUBLISHABLE_KEY, { auth });
const admin = createClient(URL, SECRET_KEY, { auth }).auth.admin;
const email = `${crypto.randomUUID()}@example.org`;
const password = "correct horse";
const signedIn = async () => {
  const client = visitor();
  const { error } = await client.auth.signInWithPassword({ email, password });
  if (error) throw error;
  return client;
};
const told = ({ error }) => error && [error.name, error.status, error.code];
const say = (value) => console.log(JSON.stringify(value));
"""


@pytest.fixture
def run(stack: Connection) -> Any:
    """Return what runs a script with clients at hand; it returns what the script said."""

    def run_script(script: str, **environment: str) -> list[Any]:
        done = run_module(
            PRELUDE + script,
            URL=stack.url,
            PUBLISHABLE_KEY=stack.publishable_key,
            SECRET_KEY=stack.secret_key,
            **environment,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run_script


def test_sign_up_in_and_read_oneself(run: Any) -> None:
    """A session opens at sign-up and at sign-in, and names its user to the server."""
    signed_up, user, claims = run(
        """
        const client = visitor();
        const { data } = await client.auth.signUp({
          email, password, options: { data: { name: "Ann" } },
        });
        say([data.session !== null, data.user.email === email, data.user.user_metadata.name]);
        const again = await signedIn();
        const { data: { user } } = await again.auth.getUser();
        say([user.email === email, user.identities.length, user.last_sign_in_at !== null]);
        const { data: { claims } } = await again.auth.getClaims();
        say([claims.sub === user.id, claims.role, claims.aal]);
        """
    )

    assert signed_up == [True, True, "Ann"]
    assert user == [True, 1, True]
    assert claims == [True, "authenticated", "aal1"]


def test_refresh_rotates(run: Any, stack: Connection) -> None:
    """A refresh token is good once, forgiven for seconds, and refused when it comes back later."""
    old, forgiven = run(
        """
        const client = visitor();
        const first = (await client.auth.signUp({ email, password })).data.session;
        const second = (await client.auth.refreshSession()).data.session;
        const again = await visitor().auth.refreshSession({ refresh_token: first.refresh_token });
        await client.auth.refreshSession();
        say(first.refresh_token);
        say([
          second.refresh_token !== first.refresh_token,
          again.data.session.refresh_token === second.refresh_token,
        ]);
        """
    )
    with psycopg.connect(stack.admin_db_url) as connection:
        connection.execute(
            "update auth.refresh_tokens set updated_at = updated_at - interval '1 minute' "
            "where token = %s",
            (old,),
        )
    late, unknown = run(
        """
        say(told(await visitor().auth.refreshSession({ refresh_token: process.env.OLD })));
        say(told(await visitor().auth.refreshSession({ refresh_token: "unknown" })));
        """,
        OLD=old,
    )

    assert forgiven == [True, True]
    assert late == ["AuthApiError", 400, "refresh_token_already_used"]
    assert unknown == ["AuthApiError", 400, "refresh_token_not_found"]


def test_new_password_ends_the_other_sessions(run: Any) -> None:
    """Metadata is merged; changing the password keeps this session and no other."""
    merged, this, other, old_password = run(
        """
        await visitor().auth.signUp({ email, password, options: { data: { a: 1, b: 2 } } });
        const [client, other] = [await signedIn(), await signedIn()];
        const changed = await client.auth.updateUser({ data: { a: null }, password: "new horse" });
        say(Object.keys(changed.data.user.user_metadata).sort());
        say(told(await client.auth.getUser()));
        say(told(await other.auth.getUser()));
        say(told(await visitor().auth.signInWithPassword({ email, password })));
        """
    )

    assert merged == ["b", "email_verified"]
    assert this is None
    # the library's own class for a session that is gone
    assert other == ["AuthSessionMissingError", 400, None]
    assert old_password == ["AuthApiError", 400, "invalid_credentials"]


@pytest.mark.parametrize(
    ("scope", "ended"), [("local", [0]), ("others", [1, 2]), ("global", [0, 1, 2])]
)
def test_sign_out(run: Any, scope: str, ended: list[int]) -> None:
    """Each scope ends the sessions that it names and leaves the rest."""
    (gone,) = run(
        """
        await visitor().auth.signUp({ email, password });
        const clients = [await signedIn(), await signedIn(), await signedIn()];
        const tokens = await Promise.all(
          clients.map(async (one) => (await one.auth.getSession()).data.session.access_token));
        const { error } = await clients[0].auth.signOut({ scope: process.env.SCOPE });
        if (error) throw error;
        const answers = await Promise.all(tokens.map((token) => visitor().auth.getUser(token)));
        say(answers.flatMap(({ error }, index) => (error ? [index] : [])));
        """,
        SCOPE=scope,
    )

    assert gone == ended


def test_admin_manages_users(run: Any) -> None:
    """The secret key creates, lists, reads, changes and deletes users."""
    created, listed, read, changed, deleted = run(
        """
        const { data: { user } } = await admin.createUser({
          email, password, email_confirm: true, app_metadata: { plan: "free" },
        });
        say([user.email === email, user.app_metadata.plan]);
        const { data: page } = await admin.listUsers({ page: 1, perPage: 1 });
        say([page.users[0].id === user.id, page.aud, page.total >= 1]);
        say((await admin.getUserById(user.id)).data.user.id === user.id);
        const { data } = await admin.updateUserById(user.id, { user_metadata: { name: "Ann" } });
        say(data.user.user_metadata.name);
        await admin.deleteUser(user.id);
        say(told(await admin.getUserById(user.id)));
        """
    )

    assert created == [True, "free"]
    assert listed == [True, "authenticated", True]
    assert read is True
    assert changed == "Ann"
    assert deleted == ["AuthApiError", 404, "user_not_found"]


def test_refusals(run: Any) -> None:
    """Each refusal has the status and the code that the library's documentation names."""
    said = run(
        """
        const { data: { user } } = await admin.createUser({ email, password, email_confirm: true });
        const unconfirmed = { email: `u${email}`, password };
        await admin.createUser(unconfirmed);
        const client = await signedIn();
        const weak = await visitor().auth.signUp({ email: `w${email}`, password: "short" });
        say([...told(weak), weak.error.reasons]);
        say(told(await visitor().auth.signUp({ email, password })));
        say(told(await visitor().auth.signUp({ email: "nonsense", password })));
        say(told(await visitor().auth.signInAnonymously()));
        say(told(await visitor().auth.signInWithPassword({ email, password: "wrong" })));
        say(told(await visitor().auth.signInWithPassword(unconfirmed)));
        say(told(await client.auth.updateUser({ password })));
        say(told(await client.auth.updateUser({ email: unconfirmed.email })));
        say(told(await admin.createUser({ email, password })));
        say(told(await visitor().auth.admin.listUsers()));
        say(told(await visitor().auth.getUser(PUBLISHABLE_KEY)));
        say(told(await visitor().auth.signInWithOtp({ email })));
        await admin.updateUserById(user.id, { ban_duration: "1h" });
        say(told(await visitor().auth.signInWithPassword({ email, password })));
        say(told(await client.auth.getUser()));
        """
    )

    assert said == [
        ["AuthWeakPasswordError", 422, "weak_password", ["length"]],
        ["AuthApiError", 422, "user_already_exists"],
        ["AuthApiError", 400, "validation_failed"],
        ["AuthApiError", 422, "anonymous_provider_disabled"],
        ["AuthApiError", 400, "invalid_credentials"],
        ["AuthApiError", 400, "email_not_confirmed"],
        ["AuthApiError", 422, "same_password"],
        ["AuthApiError", 422, "email_exists"],
        ["AuthApiError", 422, "email_exists"],
        ["AuthApiError", 403, "not_admin"],
        ["AuthApiError", 403, "bad_jwt"],
        ["AuthApiError", 404, "not_found"],
        ["AuthApiError", 400, "user_banned"],
        ["AuthApiError", 403, "user_banned"],
    ]
