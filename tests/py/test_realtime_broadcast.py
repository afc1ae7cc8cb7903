"""Broadcasts, private channels and presence through the real supabase-py client."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import httpx
from conftest import Database
from realtime_site import (
    MEMBER,
    STRANGER,
    listen,
    member_token,
    running,
    service_token,
    stranger_token,
    token,
)
from support_wait import HANG_S

if TYPE_CHECKING:
    from realtime import RealtimeChannelOptions

OWN = f"own:{MEMBER}"


async def test_a_private_broadcast_from_the_database_reaches_who_may_receive(
    database: Database,
) -> None:
    """Policies decide at the join; a public channel of the same name hears nothing."""
    async with (
        running(database) as site,
        site.client(member_token()) as member,
        site.client(stranger_token()) as stranger,
        site.client(service_token()) as service,
        site.client(token("anon")) as anonymous,
    ):
        _, own = await listen(member, OWN, is_private=True)
        _, refused = await listen(stranger, OWN, is_private=True)
        _, every = await listen(service, OWN, is_private=True)
        _, public = await listen(anonymous, OWN)

        await site.db.execute("select realtime.send('{\"a\": 1}', 'happened', %s)", (OWN,))
        await asyncio.gather(
            own.until(lambda it: bool(it.broadcasts)), every.until(lambda it: bool(it.broadcasts))
        )

        assert own.broadcasts[0]["event"] == "happened"
        assert own.broadcasts[0]["payload"] == {"a": 1, "id": own.broadcasts[0]["meta"]["id"]}
        assert set(refused.states) == {"CHANNEL_ERROR"}
        assert public.broadcasts == []


async def test_public_broadcasts_reach_public_channels_only(database: Database) -> None:
    """Private and public channels of one name are two audiences."""
    async with (
        running(database) as site,
        site.client(token("anon")) as anonymous,
        site.client(service_token()) as service,
    ):
        _, public = await listen(anonymous, "news")
        _, private = await listen(service, "news", is_private=True)

        await site.db.execute("select realtime.send('{\"id\": \"mine\"}', 'e', 'news', false)")
        await public.until(lambda it: bool(it.broadcasts))

        assert public.broadcasts[0]["payload"] == {"id": "mine"}
        assert private.broadcasts == []


async def test_a_rolled_back_send_is_never_heard(database: Database) -> None:
    """``realtime.send`` is part of its transaction."""
    async with running(database) as site, site.client(token("anon")) as client:
        _, heard = await listen(client, "news")

        await site.db.execute("begin")
        await site.db.execute("select realtime.send('{}', 'lost', 'news', false)")
        await site.db.execute("rollback")
        await site.db.execute("select realtime.send('{}', 'kept', 'news', false)")
        await heard.until(lambda it: bool(it.broadcasts))

        assert [message["event"] for message in heard.broadcasts] == ["kept"]


async def test_send_never_fails_its_caller(database: Database) -> None:
    """Without an INSERT policy an ordinary role gets a warning, and its transaction commits."""
    async with running(database) as site:
        notices: list[str] = []
        site.db.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))

        await site.db.execute("set role authenticated")
        await site.db.execute("select realtime.send('{}', 'e', 'elsewhere')")
        await site.db.execute("select realtime.send('[]', 'e', 'elsewhere')")
        await site.db.execute("reset role")
        cursor = await site.db.execute("select count(*) from realtime.messages")

        assert await cursor.fetchone() == (0,)
        assert [notice.partition(":")[0] for notice in notices] == [
            "WarnSendingBroadcastMessage"
        ] * 2


async def test_row_triggers_broadcast_changes(database: Database) -> None:
    """``broadcast_changes`` sends operation, table and both rows."""
    async with running(database) as site, site.client(service_token()) as client:
        await site.db.execute(
            """
            create function public.tell() returns trigger language plpgsql as $$
            begin
                perform realtime.broadcast_changes(
                    'notes', tg_op, tg_op, tg_table_name, tg_table_schema, new, old
                );
                return null;
            end $$;
            create trigger tell after insert on public.notes
            for each row execute function public.tell();
            """
        )
        _, heard = await listen(client, "notes", is_private=True)

        await site.db.execute("insert into public.notes (id, body) values (1, 'x')")
        await heard.until(lambda it: bool(it.broadcasts))

        payload = heard.broadcasts[0]["payload"]
        assert (payload["operation"], payload["schema"], payload["table"]) == (
            "INSERT",
            "public",
            "notes",
        )
        assert payload["record"]["body"] == "x"
        assert payload["old_record"] is None


async def test_clients_hear_each_other_and_themselves_by_request(database: Database) -> None:
    """A client's broadcast reaches the others, and its sender only with ``self``."""
    async with (
        running(database) as site,
        site.client(token("anon")) as first,
        site.client(token("anon")) as second,
    ):
        quiet, quiet_heard = await listen(first, "room")
        loud, loud_heard = await listen(second, "room", broadcast={"self": True, "ack": True})

        await quiet.send_broadcast("from quiet", {"n": 1})
        await loud_heard.until(lambda it: len(it.broadcasts) == 1)
        await loud.send_broadcast("from loud", {"n": 2})
        await loud_heard.until(lambda it: len(it.broadcasts) == 2)
        await quiet_heard.until(lambda it: len(it.broadcasts) == 1)

        assert [message["event"] for message in quiet_heard.broadcasts] == ["from loud"]


async def test_sending_to_a_private_channel_needs_the_insert_policy(database: Database) -> None:
    """Who may listen may not yet speak."""
    async with (
        running(database) as site,
        site.client(stranger_token()) as stranger,
        site.client(service_token()) as service,
    ):
        await site.db.execute(
            "create policy everybody_listens on realtime.messages for select to authenticated"
            " using (true)"
        )
        mute, _ = await listen(stranger, OWN, is_private=True)
        able, _ = await listen(stranger, f"own:{STRANGER}", is_private=True)
        _, heard = await listen(service, OWN, is_private=True)
        _, heard_too = await listen(service, f"own:{STRANGER}", is_private=True)

        await mute.send_broadcast("unheard", {})
        await able.send_broadcast("heard", {})
        await heard_too.until(lambda it: bool(it.broadcasts))

        assert heard.broadcasts == []


async def test_http_broadcasts_are_accepted_and_private_ones_checked(database: Database) -> None:
    """202 in any case; a private message without permission is dropped."""
    async with running(database) as site, site.client(service_token()) as client:
        _, private = await listen(client, OWN, is_private=True)
        _, public = await listen(client, "news")

        def message(topic: str, event: str, *, private: bool) -> dict[str, object]:
            return {"topic": topic, "event": event, "payload": {}, "private": private}

        async with httpx.AsyncClient(base_url=f"{site.url}/realtime/v1/api") as http:
            as_stranger = {"apikey": token("anon"), "Authorization": f"Bearer {stranger_token()}"}
            sent = await http.post(
                "/broadcast",
                headers=as_stranger,
                json={
                    "messages": [
                        message(OWN, "stolen", private=True),
                        message("news", "told", private=False),
                    ]
                },
            )
            by_service = await http.post(
                "/broadcast",
                headers={"apikey": "sb_secret_test"},
                json={"messages": [message(OWN, "rightful", private=True)]},
            )
            unknown = await http.post("/broadcast", headers={"apikey": "no"}, json={})
            empty = await http.post("/broadcast", headers=as_stranger, json={"messages": [{}]})
        await private.until(lambda it: bool(it.broadcasts))
        await public.until(lambda it: bool(it.broadcasts))

        answers = (sent, by_service, unknown, empty)
        assert [answer.status_code for answer in answers] == [202, 202, 401, 422]
        assert [heard["event"] for heard in private.broadcasts] == ["rightful"]
        assert [heard["event"] for heard in public.broadcasts] == ["told"]


async def test_http_send_of_the_client_arrives(database: Database) -> None:
    """supabase-py's own HTTP endpoint: topic and event in the path, which may hold slashes."""
    async with running(database) as site, site.client(member_token()) as client:
        channel, heard = await listen(client, "a/b c")

        await channel.http_send("e/f", {"n": 1})
        await heard.until(lambda it: bool(it.broadcasts))

        assert heard.broadcasts[0]["event"] == "e/f"


async def test_an_expired_token_closes_its_channels_on_time(database: Database) -> None:
    """The reason is told, then the channel is closed; the socket stays."""
    async with (
        running(database) as site,
        site.client(token("authenticated", MEMBER, lifetime_s=6)) as client,
    ):
        _, heard = await listen(client, "room")

        await heard.until(lambda it: "CLOSED" in it.states)

        assert heard.states == ["SUBSCRIBED", "CHANNEL_ERROR", "CLOSED"]
        assert client.is_connected


async def test_a_token_that_loses_permission_closes_the_channel(database: Database) -> None:
    """Policies are asked again when the token changes, and not before."""
    async with running(database) as site, site.client(member_token()) as client:
        _, heard = await listen(client, OWN, is_private=True)

        await site.db.execute("drop policy messages_select_own on realtime.messages")
        await site.db.execute("select realtime.send('{}', 'still heard', %s)", (OWN,))
        await heard.until(lambda it: bool(it.broadcasts))
        await client.set_auth(token("authenticated", MEMBER, lifetime_s=1800))
        await heard.until(lambda it: "CLOSED" in it.states)

        assert heard.states == ["SUBSCRIBED", "CHANNEL_ERROR", "CLOSED"]


async def test_a_failing_policy_permits_nothing(database: Database) -> None:
    """A policy that raises is a refusal, not an outage."""
    async with running(database) as site, site.client(member_token()) as client:
        await site.db.execute(
            "create policy broken on realtime.messages for select to authenticated"
            " using ((1 / (length(realtime.topic()) - 3)) > 0)"
        )

        _, broken = await listen(client, "abc", is_private=True)
        _, fine = await listen(client, OWN, is_private=True)

        assert set(broken.states) == {"CHANNEL_ERROR"}
        assert fine.states == ["SUBSCRIBED"]


async def test_missed_private_broadcasts_are_replayed_once(database: Database) -> None:
    """``replay`` brings what was sent before the join, marked as such, in order."""
    async with running(database) as site, site.client(member_token()) as client:
        await site.db.execute("select realtime.send('{}', 'first', %s)", (OWN,))
        await site.db.execute("select realtime.send('{}', 'second', %s)", (OWN,))

        _, heard = await listen(
            client, OWN, is_private=True, broadcast={"replay": {"since": 0, "limit": 10}}
        )
        await site.db.execute("select realtime.send('{}', 'third', %s)", (OWN,))
        await heard.until(lambda it: len(it.broadcasts) == 3)

        assert [
            (message["event"], message["meta"].get("replayed")) for message in heard.broadcasts
        ] == [("first", True), ("second", True), ("third", None)]


async def test_presence_tells_who_came_and_who_left(database: Database) -> None:
    """A newcomer gets the state; everybody gets the differences."""
    options: RealtimeChannelOptions = {
        "config": {
            "presence": {"key": "guest", "enabled": True},
            "broadcast": None,
            "private": False,
        }
    }
    async with running(database) as site, site.client(token("anon")) as host:
        came, left = asyncio.Event(), asyncio.Event()
        channel = host.channel("room", options)
        channel.on_presence_join(lambda _key, _old, _new: came.set())
        channel.on_presence_leave(lambda _key, _old, _new: left.set())
        await channel.subscribe()

        async with asyncio.timeout(HANG_S), site.client(token("anon")) as guest:
            visit = guest.channel("room", options)
            await visit.subscribe()
            await visit.track({"mood": "fine"})
            await came.wait()
            moods = [presence["mood"] for presence in channel.presence_state()["guest"]]
        async with asyncio.timeout(HANG_S):
            await left.wait()

        assert moods == ["fine"]
        assert channel.presence_state() == {}


async def test_a_burst_of_broadcasts_arrives_whole(database: Database) -> None:
    """Two thousand messages of one statement, each once."""
    async with running(database) as site, site.client(token("anon")) as client:
        _, heard = await listen(client, "news")

        await site.db.execute(
            "select realtime.send(jsonb_build_object('n', n), 'e', 'news', false)"
            " from generate_series(1, 2000) as n"
        )
        await heard.until(lambda it: len(it.broadcasts) >= 2000)

        counts = Counter(message["payload"]["n"] for message in heard.broadcasts)
        assert counts == Counter(range(1, 2001))
