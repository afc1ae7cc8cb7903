"""The same server through the real supabase-js client, which speaks version 2.0.0."""

from conftest import Database
from realtime_site import MEMBER, listen, member_token, running, token


async def test_supabase_js_receives_row_changes_with_row_security(database: Database) -> None:
    """A filtered binding, insert to delete, with the types supabase-js converts by."""
    async with running(database) as site:
        node = await site.node(
            """
            const channel = client.channel('db')
            channel.on('postgres_changes',
              { event: '*', schema: 'public', table: 'notes', filter: 'id=gte.10' },
              (change) => say([change.eventType, change.new, change.old]))
            await join(channel)
            await pause(600000)
            """,
            member_token(),
        )
        try:
            await node.read_until({"system": "Subscribed to PostgreSQL"})
            await site.db.execute(
                "insert into public.notes (id, owner_id, body)"
                " values (1, %(me)s, 'x'), (10, %(me)s, 'x'), (11, null, 'x')",
                {"me": MEMBER},
            )
            inserted = await node.read()
            await site.db.execute("update public.notes set body = 'y' where id = 10")
            updated = await node.read()
            await site.db.execute("delete from public.notes where id = 10")
            deleted = await node.read()
        finally:
            await node.stop()

        assert inserted == ["INSERT", {"id": 10, "owner_id": MEMBER, "body": "x"}, {}]
        assert updated == ["UPDATE", {"id": 10, "owner_id": MEMBER, "body": "y"}, {"id": 10}]
        assert deleted == ["DELETE", {}, {"id": 10}]


async def test_supabase_js_private_channels_follow_the_policies(database: Database) -> None:
    """One topic is the user's own, the other is not; the own one receives from the database."""
    async with running(database) as site:
        node = await site.node(
            f"""
            const broadcast = {{ replication_ready: true }}
            const options = {{ config: {{ private: true, broadcast }} }}
            await join(client.channel('own:somebody-else', options))
            const channel = client.channel('own:{MEMBER}', options)
            channel.on('broadcast', {{ event: '*' }},
              ({{ event, payload }}) => say([event, payload]))
            await join(channel)
            await pause(600000)
            """,
            member_token(),
        )
        try:
            said = await node.read_until({"system": "Replication connection established"})
            await site.db.execute(
                'select realtime.send(\'{"id": 1, "text": "hällo"}\', \'e\', %s)',
                (f"own:{MEMBER}",),
            )
            said += await node.read_until(["e", {"id": 1, "text": "hällo"}])
        finally:
            await node.stop()

        refusal = {
            "state": "CHANNEL_ERROR",
            "error": "Unauthorized: You do not have permissions to read from this Channel"
            " topic: own:somebody-else",
        }
        assert said[0] == refusal
        # The client asks again now and then.
        assert [one for one in said if one != refusal] == [{"state": "SUBSCRIBED"}]


async def test_both_clients_hear_each_other(database: Database) -> None:
    """JSON crosses the versions both ways; bytes stay among clients of version 2.0.0."""
    async with running(database) as site, site.client(token("anon")) as client:
        channel, heard = await listen(client, "room")
        node = await site.node(
            """
            const broadcast = { self: true, ack: true }
            const channel = client.channel('room', { config: { broadcast } })
            channel.on('broadcast', { event: '*' }, ({ event, payload }) =>
              say([event, payload instanceof ArrayBuffer ? [...new Uint8Array(payload)] : payload]))
            await join(channel)
            const send = (event, payload) => channel.send({ type: 'broadcast', event, payload })
            say(await send('bytes', new Uint8Array([1, 2, 255]).buffer))
            say(await send('json', { text: 'hällo' }))
            say(await channel.httpSend('http', { n: 1 }))
            await pause(600000)
            """,
            token("anon"),
        )
        try:
            await heard.until(lambda it: len(it.broadcasts) == 2)
            await channel.send_broadcast("from python", {"n": 2})
            await site.db.execute("select realtime.send_binary('\\x00ff', 'raw', 'room', false)")
            said = await node.read_until(["raw", [0, 255]])
        finally:
            await node.stop()

        assert [(message["event"], message["payload"]) for message in heard.broadcasts] == [
            ("json", {"text": "hällo"}),
            ("http", {"n": 1}),
        ]
        assert [said[0], *(value for value in said if isinstance(value, list))] == [
            {"state": "SUBSCRIBED"},
            ["bytes", [1, 2, 255]],
            ["json", {"text": "hällo"}],
            ["http", {"n": 1}],
            ["from python", {"n": 2}],
        ]
        assert [value for value in said[1:] if not isinstance(value, list)] == [
            "ok",
            "ok",
            {"success": True},
        ]


async def test_supabase_js_comes_back_after_the_server_restarts(database: Database) -> None:
    """After close code 1012 the client reconnects and joins again by itself."""
    script = """
    const channel = client.channel('db')
    channel.on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'notes' },
      (change) => say(change.new.id))
    await join(channel)
    await pause(600000)
    """
    async with running(database) as site:
        node = await site.node(script, member_token())
        try:
            await node.read_until({"system": "Subscribed to PostgreSQL"})
            await site.realtime.stop()
            await site.realtime.start()
            await node.read_until({"system": "Subscribed to PostgreSQL"})
            await site.db.execute("insert into public.notes values (7, %s)", (MEMBER,))
            received = await node.read()
        finally:
            await node.stop()

        assert received == 7
