"""Row changes through the real supabase-py client: who gets what, in which order."""

import asyncio
import itertools
from typing import Any

from conftest import Database
from realtime import AsyncRealtimeClient
from realtime_site import (
    MEMBER,
    STRANGER,
    Heard,
    listen,
    member_token,
    running,
    service_token,
    stranger_token,
    token,
)


def brief(heard: Heard) -> list[tuple[str, Any]]:
    """Return type and id of each change."""
    return [
        (change["type"].value, (change.get("record") or change["old_record"])["id"])
        for change in heard.changes
    ]


async def test_a_member_sees_own_rows_as_to_jsonb_renders_them(database: Database) -> None:
    """INSERT and UPDATE arrive with the readable columns, their types and a millisecond time."""
    async with running(database) as site, site.client(member_token()) as client:
        _, heard = await listen(client, "any", changes=[{}])

        await site.db.execute(
            "insert into public.notes values (1, %s, 'hällo \"you\"', 's')", (MEMBER,)
        )
        await site.db.execute("update public.notes set body = null where id = 1")
        await heard.until(lambda it: len(it.changes) == 2)

        inserted, updated = heard.changes
        assert inserted["record"] == {"id": 1, "owner_id": MEMBER, "body": 'hällo "you"'}
        assert inserted["columns"] == [
            {"name": "id", "type": "int8"},
            {"name": "owner_id", "type": "uuid"},
            {"name": "body", "type": "text"},
        ]
        assert inserted["errors"] is None
        assert len(inserted["commit_timestamp"]) == len("2026-11-22T14:01:59.341Z")
        assert updated["record"]["body"] is None
        assert updated["old_record"] == {"id": 1}


async def test_row_security_separates_member_stranger_and_service(database: Database) -> None:
    """A row reaches its owner and the service; a delete reaches everybody, with its key only."""
    async with (
        running(database) as site,
        site.client(member_token()) as member,
        site.client(stranger_token()) as stranger,
        site.client(service_token()) as service,
    ):
        heard = [
            (await listen(client, "any", changes=[{}]))[1] for client in (member, stranger, service)
        ]

        await site.db.execute(
            "insert into public.notes values (1, %s), (2, %s)", (MEMBER, STRANGER)
        )
        # The rows must still be there when their visibility is asked for.
        await asyncio.gather(*(one.until(lambda it: bool(it.changes)) for one in heard))
        await site.db.execute("delete from public.notes where id = 1")
        await asyncio.gather(*(one.until(lambda it: ("DELETE", 1) in brief(it)) for one in heard))

        assert [brief(one) for one in heard] == [
            [("INSERT", 1), ("DELETE", 1)],
            [("INSERT", 2), ("DELETE", 1)],
            [("INSERT", 1), ("INSERT", 2), ("DELETE", 1)],
        ]
        assert heard[1].changes[1]["old_record"] == {"id": 1}


async def test_a_role_without_select_is_refused_by_error(database: Database) -> None:
    """Without SELECT on the key the frame carries an error and no row; supabase-py drops it."""
    async with running(database) as site, site.client(token("anon")) as client:
        _, heard = await listen(client, "any", changes=[{}])

        await site.db.execute("insert into public.notes values (1)")
        await site.db.execute("delete from public.notes")
        await heard.until(lambda it: len(it.changes) == 1)

        assert heard.changes[0]["old_record"] == {}


async def test_a_rollback_sends_nothing_and_commits_keep_their_order(database: Database) -> None:
    """The transaction that commits first comes first, whichever began first."""
    async with running(database) as site, site.client(service_token()) as client:
        _, heard = await listen(client, "any", changes=[{}])
        other = site.admin

        await site.db.execute("begin")
        await site.db.execute("insert into public.notes values (1)")
        await other.execute("insert into public.notes values (2)")
        await site.db.execute("insert into public.notes values (3)")
        await site.db.execute("commit")
        await site.db.execute("begin")
        await site.db.execute("insert into public.notes values (4)")
        await site.db.execute("rollback")
        await site.db.execute("insert into public.notes values (5)")
        await heard.until(lambda it: ("INSERT", 5) in brief(it))

        assert [id_ for _, id_ in brief(heard)] == [2, 1, 3, 5]


async def test_filters_select_rows_and_bindings_share_a_frame(database: Database) -> None:
    """A frame lists the matching bindings; a filter on another column matches no delete."""
    async with running(database) as site, site.client(service_token()) as client:
        channel, heard = await listen(
            client,
            "any",
            changes=[
                {"filter": "body=in.(a,b)"},
                {"filter": "id=gt.10,body=not.like.z%"},
                {"event": "DELETE"},
            ],
        )
        names = {
            binding.id: name
            for binding, name in zip(
                channel.postgres_changes_callbacks, ("in", "gt", "delete"), strict=True
            )
        }

        await site.db.execute(
            "insert into public.notes (id, body) values (1, 'a'), (11, 'b'), (12, 'z'), (13, 'c')"
        )
        await site.db.execute("delete from public.notes where id = 1")
        await site.db.execute("insert into public.notes (id, body) values (99, 'a')")
        await heard.until(lambda it: ("INSERT", 99) in brief(it))

        frames = {
            (change["type"].value, (change.get("record") or change["old_record"])["id"]): sorted(
                names[id_] for id_ in change["ids"]
            )
            for change in heard.changes
        }
        assert frames == {
            ("INSERT", 1): ["in"],
            ("INSERT", 11): ["gt", "in"],
            ("INSERT", 13): ["gt"],
            ("DELETE", 1): ["delete"],
            ("INSERT", 99): ["gt", "in"],
        }


async def test_a_binding_that_cannot_be_served_is_reported(database: Database) -> None:
    """The join succeeds; the reason follows as a system message."""
    async with running(database) as site, site.client(service_token()) as client:
        reasons: list[str] = []
        for change in ({"table": "nowhere"}, {"filter": "id=gt.x"}, {"filter": "id=foo.1"}):
            channel = client.channel(str(change))
            channel.on_postgres_changes(
                "*", lambda _: None, **{"schema": "public", "table": "notes", **change}
            )
            await channel.subscribe(
                lambda state, error: reasons.append(f"{state.value} {error}"),
            )
        heard = Heard()
        heard.states = reasons
        await heard.until(lambda _: len(reasons) == 6)

        failures = [reason for reason in reasons if reason.startswith("CHANNEL_ERROR")]
        assert len(failures) == 3
        assert sum("Unable to subscribe to changes" in reason for reason in failures) == 2
        assert sum("Error parsing `filter` params" in reason for reason in failures) == 1


async def test_a_thousand_rows_of_one_statement_arrive_whole(database: Database) -> None:
    """A large transaction is checked in batches and delivered in order, to member and service."""
    async with (
        running(database) as site,
        site.client(member_token()) as member,
        site.client(service_token()) as service,
    ):
        _, own = await listen(member, "any", changes=[{}])
        _, every = await listen(service, "any", changes=[{}])

        await site.db.execute(
            "insert into public.notes (id, owner_id)"
            " select n, case when n %% 2 = 0 then %s::uuid end from generate_series(1, 2500) as n",
            (MEMBER,),
        )
        await every.until(lambda it: len(it.changes) >= 2500)
        await own.until(lambda it: len(it.changes) >= 1250)

        assert [id_ for _, id_ in brief(every)] == list(range(1, 2501))
        assert [id_ for _, id_ in brief(own)] == list(range(2, 2501, 2))


async def test_changes_flow_again_after_the_slot_was_lost(database: Database) -> None:
    """Terminated backends come back by themselves; the client stays subscribed."""
    async with running(database) as site, site.client(member_token()) as client:
        _, heard = await listen(client, "any", changes=[{}])

        await site.drop_connections("realtime%")
        for id_ in itertools.count(1):
            await site.db.execute("insert into public.notes values (%s, %s)", (id_, MEMBER))
            await asyncio.sleep(0.05)
            if heard.changes:
                break

        assert heard.states == ["SUBSCRIBED"]


async def test_what_was_committed_before_joining_is_not_delivered(database: Database) -> None:
    """A subscription starts with the present, not with what the stream happens to hold."""
    async with running(database) as site, site.client(service_token()) as client:
        await site.db.execute("insert into public.notes select generate_series(1, 500)")
        _, heard = await listen(client, "any", changes=[{}])

        await site.db.execute("insert into public.notes values (501)")
        await heard.until(lambda it: bool(it.changes))

        assert brief(heard) == [("INSERT", 501)]


async def test_values_of_every_kind_equal_to_jsonb(database: Database) -> None:
    """Rendering here and rendering by the server cannot be told apart."""
    async with running(database) as site, site.client(service_token()) as client:
        await site.db.execute(
            """
            create type public.mood as enum ('fine');
            create table public.kinds (
                id int primary key, b boolean, n numeric, f double precision, nan double precision,
                t timestamp, tz timestamptz, bc timestamptz, inf timestamptz, d date, i interval,
                j json, jb jsonb, a text[], m public.mood, by bytea, r int4range, ip inet,
                c char(3), o oid, e text
            );
            grant select on public.kinds to service_role;
            alter publication supabase_realtime add table public.kinds;
            """
        )
        _, heard = await listen(client, "any", changes=[{"table": "kinds"}])

        cursor = await site.db.execute(
            """
            insert into public.kinds values (
                1, true, 1.50, 1e20, 'nan', '2026-01-02 03:04:05.6', '2026-01-02 03:04:05+02',
                '0044-03-15 00:00:00+00 BC', 'infinity', '2026-01-02', '1 day 02:03',
                '{"a": [1, 2]}', '{"b": null}', '{x,"y z",null}', 'fine', '\\xdeadbeef', '[1,5)',
                '10.0.0.1', 'ab', 7, ''
            ) returning to_jsonb(kinds)
            """
        )
        (expected,) = await cursor.fetchone() or (None,)
        await heard.until(lambda it: bool(it.changes))

        assert heard.changes[0]["record"] == expected


async def test_a_new_token_changes_what_is_visible(database: Database) -> None:
    """``set_auth`` on a joined channel takes effect without joining again."""
    async with running(database) as site, site.client(stranger_token()) as client:
        _, heard = await listen(client, "any", changes=[{}])
        await site.db.execute("insert into public.notes values (1, %s)", (MEMBER,))
        # It is judged by the token in force when it is delivered, and so before the next one.
        await site.db.execute("insert into public.notes values (2, %s)", (STRANGER,))
        await heard.until(lambda it: bool(it.changes))

        await client.set_auth(member_token())
        await heard.until(lambda it: it.systems.count("Subscribed to PostgreSQL") == 2)
        await site.db.execute("insert into public.notes values (3, %s)", (MEMBER,))
        await heard.until(lambda it: len(it.changes) == 2)

        assert brief(heard) == [("INSERT", 2), ("INSERT", 3)]


async def test_a_filter_that_stopped_making_sense_hurts_nobody_else(database: Database) -> None:
    """A column altered under a subscription silences that subscription alone."""
    async with (
        running(database) as site,
        site.client(service_token()) as first,
        site.client(service_token()) as second,
    ):
        _, filtered = await listen(first, "any", changes=[{"filter": "body=like.x%"}])
        _, plain = await listen(second, "any", changes=[{}])
        await site.db.execute(
            "alter table public.notes alter column body type int using length(body)"
        )

        await site.db.execute("insert into public.notes (id, body) values (1, 5)")
        await plain.until(lambda it: bool(it.changes))

        assert plain.changes[0]["record"]["body"] == 5
        assert filtered.changes == []


async def test_an_oversized_row_keeps_only_its_small_values(database: Database) -> None:
    """Beyond one mebibyte values over 64 bytes are left out, and the frame says so."""
    async with running(database) as site, site.client(service_token()) as client:
        _, heard = await listen(client, "any", changes=[{}])

        await site.db.execute("insert into public.notes values (1, null, repeat('x', 1100000))")
        await heard.until(lambda it: bool(it.changes))

        assert heard.changes[0]["record"] == {"id": 1, "owner_id": None, "secret": None}
        assert heard.changes[0]["errors"] == ["Error 413: Payload Too Large"]


async def test_an_unchanged_large_value_is_absent_not_null(database: Database) -> None:
    """An update that leaves a value in TOAST alone does not claim that it is empty."""
    async with running(database) as site, site.client(service_token()) as client:
        await site.db.execute("alter table public.notes alter column body set storage external")
        await site.db.execute("insert into public.notes values (1, null, repeat('x', 100000), 'a')")
        _, heard = await listen(client, "any", changes=[{}])

        await site.db.execute("update public.notes set secret = 'b'")
        await heard.until(lambda it: bool(it.changes))

        assert heard.changes[0]["record"] == {"id": 1, "owner_id": None, "secret": "b"}


async def test_selected_columns_come_with_the_key(database: Database) -> None:
    """``select`` narrows the record; the primary key is always part of it."""
    async with running(database) as site, site.client(service_token()) as client:
        _, heard = await listen(client, "any", changes=[{"select": ["body"]}])

        await site.db.execute("insert into public.notes values (1, null, 'text', 'hidden')")
        await heard.until(lambda it: bool(it.changes))

        assert heard.changes[0]["record"] == {"id": 1, "body": "text"}


async def test_many_clients_cost_one_question_per_subscriber_and_batch(
    database: Database,
) -> None:
    """Ten members, five hundred rows: everybody gets exactly their own."""
    async with running(database) as site:
        subjects = [f"00000000-0000-0000-0000-0000000001{n:02}" for n in range(10)]
        clients: list[AsyncRealtimeClient] = []
        heard: list[Heard] = []
        for subject in subjects:
            client = AsyncRealtimeClient(f"{site.url}/realtime/v1", token("anon"))
            await client.set_auth(token("authenticated", subject))
            clients.append(client)
            heard.append((await listen(client, "any", changes=[{}]))[1])

        await site.db.execute(
            "insert into public.notes (id, owner_id)"
            " select n, (%s::uuid[])[1 + n %% 10] from generate_series(1, 500) as n",
            (subjects,),
        )
        await asyncio.gather(*(one.until(lambda it: len(it.changes) >= 50) for one in heard))
        await asyncio.gather(*(client.close() for client in clients))

        owners = [{change["record"]["owner_id"] for change in one.changes} for one in heard]
        assert owners == [{subject} for subject in subjects]
