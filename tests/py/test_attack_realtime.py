"""The same hostile week on Realtime, and all of it once more with supabase-js."""

import contextlib
import json
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from conftest import ROOT
from realtime import AsyncRealtimeChannel
from supabase import AsyncClient, AsyncClientOptions, acreate_client
from support_attack import Organization, World
from support_attack_catalog import functions, make_arguments, tables
from support_node import node_command
from support_wait import HANG_S, soon

from worker.embedded.stack import Connection

ATTACKERS = ["stranger", "runner", "removed", "anon"]


@pytest.fixture(scope="module")
def world(stack: Connection) -> Iterator[World]:
    """Yield the victim and the attackers."""
    with (
        psycopg.connect(stack.db_url, autocommit=True) as database,
        contextlib.closing(World(stack, database)) as world,
    ):
        yield world


def topics_of(ids: dict[str, Any]) -> list[str]:
    """Return topics that carry something of the organization with these *ids*, or might."""
    run, project = ids["live_run"], ids["project"]
    return [
        *(f"run:{run}", f"run:{ids['run']}", f"project:{project}"),
        *("workers", f"workers:{ids['organization']}", f"organization:{ids['organization']}"),
    ]


def odd_topics(ids: dict[str, Any]) -> list[str]:
    """Return topics that a careless policy would take for a victim's."""
    run = ids["live_run"]
    return [
        *(f"run:{run.upper()}", f"run:{run}:x", f" run:{run}", f"run:{run}\n", f"RUN:{run}"),
        *("run:", "run", "run:not-a-uuid", "project:%", "run:ß", "x" * 3000, "realtime:run"),
        *(f"project:{run}", f"run:{ids['project']}", "'; select 1; --", "run:\u0130\u2028"),
    ]


class Ear:
    """What a client's channels were told."""

    def __init__(self, client: AsyncClient) -> None:
        """Listen as *client*."""
        self.client = client
        self.heard: list[str] = []
        self.states: dict[str, list[str]] = {}
        self.systems: dict[str, list[str]] = {}

    async def join(
        self, topic: str, *changes: dict[str, str], is_private: bool = True
    ) -> AsyncRealtimeChannel:
        """Join *topic*, with row *changes* if there are any; returns once that is decided."""
        states = self.states[topic] = []
        systems = self.systems[topic] = []
        config = {
            "private": is_private,
            "broadcast": {"replication_ready": True},
            "presence": {"key": "hostile", "enabled": True},
        }
        channel = self.client.channel(topic, {"config": config})
        channel.on_broadcast("*", lambda payload: self.heard.append(json.dumps(payload)))
        channel.on_presence_sync(lambda: self.heard.append(json.dumps(channel.presence_state())))
        channel.on_system(lambda payload: systems.append(payload.message))
        for change in changes:
            channel.on_postgres_changes(
                "*", lambda payload: self.heard.append(json.dumps(payload, default=str)), **change
            )
        await channel.subscribe(lambda state, _: states.append(state.value))
        wanted = 2 if changes else 1
        await soon(
            lambda: "CHANNEL_ERROR" in states or len(systems) >= wanted,
            lambda: (topic, states, systems),
        )
        return channel


@contextlib.asynccontextmanager
async def listening(world: World, token: str | None, key: str = "") -> AsyncIterator[Ear]:
    """Yield the ear of whoever has *token*, or the secret *key*."""
    options = AsyncClientOptions(auto_refresh_token=False)
    client = await acreate_client(world.stack.url, key or world.stack.publishable_key, options)
    if token:
        await client.realtime.set_auth(token)
    try:
        yield Ear(client)
    finally:
        await client.realtime.close()


def make_noise(world: World, whose: Organization) -> str:
    """Let every kind of event happen in an organization, and end with a run that is deleted."""
    filler, owner = world.filler, whose.people["owner"]
    environment = whose.ids["environment"]
    run = filler.call("queue_run", owner, environment_id=environment)["id"]
    filler.call("update_test_run_context", owner, run_id=run, values={"noise": whose.mark})
    filler.call("cancel_run", owner, run_id=run)
    # Only what is flushed is replicated.
    world.database.execute("set synchronous_commit = on")
    world.database.execute("delete from public.test_runs where id = %s", (run,))
    return run


@pytest.mark.parametrize("name", ATTACKERS)
async def test_channels_are_silent_about_the_victim(world: World, name: str) -> None:
    """While all kinds of things happen to the victim, who attacks hears nothing of them."""
    attacker, victim = world.attackers[name], world.victim
    watch = world.watch(name)
    async with (
        listening(world, victim.people["owner"].token) as witness,
        listening(world, attacker.token) as ear,
    ):
        published = ("test_runs", "test_results", "test_execution_context")
        project = victim.ids["project"]
        changes = [{"schema": "public", "table": table} for table in published]
        changes += [one | {"filter": f"project_id=eq.{project}"} for one in changes]
        await witness.join(f"project:{project}")
        await witness.join("witness", *changes[:1], is_private=False)
        for topic in (*topics_of(victim.ids), *odd_topics(victim.ids)):
            await ear.join(topic)
            assert ear.states[topic] == ["CHANNEL_ERROR"], topic
        await ear.join("all", *changes, is_private=False)
        await ear.join("any", {"schema": "*"}, is_private=False)
        for table in tables(world.database):
            await ear.join(
                f"table {table.name}",
                {"schema": "public", "table": table.name, "filter": f"id=eq.{uuid.uuid4()}"},
                is_private=False,
            )
        run = make_noise(world, victim)
        # What one's own organization does comes later on the same way.
        own = make_noise(world, world.stranger)
        if name == "stranger":
            await soon(lambda: any(own in one for one in ear.heard), lambda: ear.heard)
        await soon(lambda: any(run in one and "run_finished" in one for one in witness.heard))
        # an answer on the same socket comes after all that was sent before
        await ear.join("the end", is_private=False)

        asked = json.dumps([*topics_of(victim.ids), *odd_topics(victim.ids)])
        world.forbidden.add(run)
        for one in ear.heard:
            watch.check(one, asked, "Realtime")
        assert world.leaks == []
        assert run not in " ".join(ear.heard)


async def test_nobody_speaks_for_the_engine(world: World) -> None:
    """Who listens to the private topics hears no forged event, whoever sends it and however."""
    victim = world.victim
    topics = topics_of(victim.ids)
    async with (
        listening(world, victim.people["owner"].token) as member,
        listening(world, None, world.stack.secret_key) as worker,
    ):
        for topic in topics[:3]:
            await member.join(topic)
        for topic in topics:
            await worker.join(topic)
        for name in (*ATTACKERS, "viewer"):
            async with listening(world, world.attackers[name].token) as ear:
                for topic in topics:
                    loud = await ear.join(topic, is_private=False)
                    await loud.send_broadcast("run_finished", {"forged": True})
                    await loud.track({"forged": True})
                    for is_private in (True, False):
                        answer = world.watch(name).client.post(
                            "/realtime/v1/api/broadcast",
                            json={
                                "messages": [
                                    {
                                        "topic": topic,
                                        "event": "run_finished",
                                        "payload": {"forged": True},
                                        "private": is_private,
                                    }
                                ]
                            },
                        )
                        assert answer.status_code in {202, 401, 403}, answer.text
        run = make_noise(world, victim)
        await soon(lambda: any(run in one and "finished" in one for one in member.heard))
        await soon(lambda: any(run in one for one in worker.heard))

        heard = [*member.heard, *worker.heard]
        assert [one for one in heard if "forged" in one] == []


async def test_who_is_removed_hears_no_more_rows(world: World) -> None:
    """A subscription outlives a membership, but its rows do not; a new token ends the channel."""
    victim = world.victim
    leaver = world.filler.join(victim, "leaver", "viewer")
    topic = f"project:{victim.ids['project']}"
    async with (
        listening(world, victim.people["owner"].token) as witness,
        listening(world, leaver.token) as ear,
    ):
        await witness.join("rows", {"schema": "public", "table": "test_runs"}, is_private=False)
        await ear.join("rows", {"schema": "public", "table": "test_runs"}, is_private=False)
        await ear.join(topic)
        seen = make_noise(world, victim)
        await soon(
            lambda: any(seen in one and "INSERT" in one for one in ear.heard), lambda: ear.heard
        )
        world.database.execute(
            "delete from public.organization_members where user_id = %s", (leaver.id,)
        )
        await ear.client.realtime.set_auth(world.filler.sign_in(leaver.email).token)
        await soon(
            lambda: "CLOSED" in ear.states[topic],
            lambda: (ear.systems, ear.states),
        )
        missed = make_noise(world, victim)
        await soon(lambda: any(missed in one and "INSERT" in one for one in witness.heard))
        await soon(lambda: any(missed in one and "UPDATE" in one for one in witness.heard))
        await ear.join("the end", is_private=False)

    assert missed not in " ".join(ear.heard)


@pytest.mark.parametrize("name", [*ATTACKERS, "viewer"])
def test_supabase_js_gets_nothing_either(world: World, name: str) -> None:
    """Reads, writes, calls and channels with supabase-js: nothing crosses, nothing changes."""
    attacker, watch = world.attackers[name], world.watch(name)
    before = world.state_of_victim()
    topics = [*topics_of(world.victim.ids), *odd_topics(world.victim.ids)]
    # supabase-js garbles broadcasts on others
    topics = [topic for topic in topics if topic.isascii() and len(topic) < 200]
    plan = {
        "url": world.stack.url,
        "key": world.stack.publishable_key,
        "token": attacker.token,
        "topics": topics,
        "tables": [
            {
                "name": table.name,
                "row": row,
                "granted": {column: row[column] for column in table.insertable} or row,
                "key": {column: row[column] for column in table.key},
            }
            for table in tables(world.database)
            for row in [world.target(table.name)]
        ],
        "functions": [
            {"name": one.name, "args": make_arguments(one, world.victim.ids), "isReadOnly": True}
            for one in functions(world.database)
            if one.name not in {"create_organization", "leave_organization"}
        ],
    }
    done = subprocess.run(
        [*node_command(), str(ROOT / "tests/py/attack.mjs")],
        input=json.dumps(plan),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )
    assert done.returncode == 0, done.stderr

    said = [json.loads(line) for line in done.stdout.splitlines()]
    for one in said:
        asked = json.dumps(plan, ensure_ascii=False)
        watch.check(json.dumps(one["answer"]), asked, json.dumps(one["asked"])[:300])
        world.counts[f"supabase-js {one['kind']}s"] += 1
    leaks, world.leaks = world.leaks, []
    assert leaks == []
    assert {one["kind"] for one in said} >= {"read", "write", "schema", "call", "join", "send"}
    assert world.state_of_victim() == before
    written = [one for one in said if one["kind"] == "write" and one["answer"]["data"]]
    assert written == []
    if not attacker.is_member:
        read = [one for one in said if one["kind"] == "read" and one["answer"]["data"]]
        assert [one for one in read if one["asked"]["how"] != "csv"] == []
        private = [one for one in said if one["kind"] == "join" and one["asked"]["isPrivate"]]
        assert {one["answer"]["state"] for one in private} == {"CHANNEL_ERROR"}
