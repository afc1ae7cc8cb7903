"""A worker hears hints again after every kind of disconnect: the real Realtime, the real client."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from chaos.wire import Wire
from conftest import Database
from realtime_site import Site, running, service_token, token
from support_wait import HANG_S, soon

from worker import pace
from worker.config import Settings
from worker.embedded.realtime.channel import Channel
from worker.pace import keep_watching
from worker.store import SupabaseStore

# The client asks the library below it in a way that has gone out of use; as an error that would end
# its listening, in tests alone.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed")
AUDIENCE = (True, "workers")


class Ear(SupabaseStore):
    """A worker's store of which only the wake-ups are used; its topics need no PostgREST."""

    def __init__(self, port: int) -> None:
        """Listen through *port* with the secret key."""
        url = f"http://127.0.0.1:{port}"
        key = service_token()
        super().__init__(Settings.model_validate({"supabase_url": url, "supabase_key": key}))
        self.tokens = iter([key])
        self.joins = 0
        self.wakes = 0

    async def call(self, *_: object, **__: object) -> Any:
        """Name the channel, and sign in again where the test has more than one token."""
        self._access.token = next(self.tokens, self._access.key)
        self.joins += 1
        return ["workers"]

    def wake(self) -> None:
        """Count what wakes the worker."""
        self.wakes += 1


class Scene:
    """Realtime, the wire to it, and who listens."""

    def __init__(self, site: Site, wire: Wire) -> None:
        """Nobody listens before ``listening``."""
        self.site, self.wire = site, wire
        self.ear = Ear(wire.port)

    @contextlib.asynccontextmanager
    async def listening(self, silence_s: float = HANG_S) -> AsyncIterator[None]:
        """Keep the watch of a worker for the length of the block."""
        watch = asyncio.create_task(
            keep_watching(lambda: self.ear.watch_runs(self.ear.wake, silence_s))
        )
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def say(self, event: str) -> None:
        """Broadcast *event* from the database, as its functions do."""
        await self.site.db.execute("select private.announce('workers', %s, '{}')", (event,))

    async def hint_arrives(self) -> None:
        """Queue work, as far as workers can tell, until one hears of it."""
        before = self.ear.wakes
        await self.say("run_queued")
        await soon(lambda: self.ear.wakes > before)

    def channels(self) -> list[Channel]:
        """Return the server's side of the channels that workers have joined."""
        return self.site.realtime._hub.members(AUDIENCE)  # noqa: SLF001

    async def joined(self, joins: int) -> None:
        """Wait until the watch was set up *joins* times, and the server knows it."""
        await soon(lambda: self.ear.joins >= joins and self.ear.wakes >= joins and self.channels())


@pytest.fixture
async def scene(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Yield the scene, with short pauses between two attempts to listen."""
    monkeypatch.setattr(pace, "_WATCH_MIN_S", 0.02)
    monkeypatch.setattr(pace, "_WATCH_MAX_S", 0.2)
    async with running(database) as site:
        wire = Wire(int(site.url.rpartition(":")[2]))
        await wire.start()
        yield Scene(site, wire)
        await wire.become("gone")


async def hung_up(scene: Scene) -> None:
    """Close the socket in good order, as a server may."""
    for connection in scene.site.realtime._connections:  # noqa: SLF001
        connection.close(1000)


async def restarted(scene: Scene) -> None:
    """Let the gateway go down, be away for a while, and come back."""
    for connection in list(scene.site.realtime._connections):  # noqa: SLF001
        connection.close(1012)
    tries = scene.ear.joins
    await scene.wire.become("cut")
    await soon(lambda: scene.ear.joins >= tries + 3)
    await scene.wire.become("whole")


async def reset(scene: Scene) -> None:
    """Break the connection off."""
    await scene.wire.become("cut")
    await scene.wire.become("whole")


async def channel_closed(scene: Scene) -> None:
    """End the channel, from the server, and keep the socket."""
    for channel in scene.channels():
        scene.site.realtime._hub.remove(channel)  # noqa: SLF001
        channel.send(channel.wire.close(channel.join_ref, channel.topic))


async def channel_failed(scene: Scene) -> None:
    """Let the server's side of the channel crash."""
    for channel in scene.channels():
        scene.site.realtime._hub.remove(channel)  # noqa: SLF001
        channel.push("phx_error", {})


async def told_off(scene: Scene) -> None:
    """Say by a system message that something is wrong with the channel."""
    for channel in scene.channels():
        scene.site.realtime._hub.remove(channel)  # noqa: SLF001
        channel.system("system", "error", "Realtime was unable to connect to the project database")


@pytest.mark.parametrize(
    "fault", [hung_up, restarted, reset, channel_closed, channel_failed, told_off]
)
async def test_hints_arrive_again(scene: Scene, fault: Callable[[Scene], Awaitable[None]]) -> None:
    """Whatever ended them; and the worker claims for what it may have missed."""
    async with scene.listening():
        await scene.joined(1)
        await scene.hint_arrives()
        before = scene.ear.wakes
        await fault(scene)
        await soon(lambda: scene.ear.wakes > before and scene.channels())
        await scene.hint_arrives()


async def forgotten(scene: Scene) -> None:
    """Take the channel from the server alone: the socket is up, heartbeats are answered."""
    for channel in scene.channels():
        scene.site.realtime._hub.remove(channel)  # noqa: SLF001


async def deaf(scene: Scene) -> None:
    """Swallow what is sent to the worker on the way, answers to its heartbeats too."""
    await scene.wire.become("deaf")
    await forgotten(scene)


@pytest.mark.parametrize("fault", [forgotten, deaf])
async def test_a_silent_death_is_noticed(
    scene: Scene, fault: Callable[[Scene], Awaitable[None]]
) -> None:
    """No error is told anywhere: only that nothing comes any more."""
    async with scene.listening(silence_s=3):
        await scene.joined(1)
        await fault(scene)
        await soon(lambda: scene.ear.joins >= 2 and scene.channels())
        await scene.hint_arrives()


async def test_a_session_that_ends_is_made_anew(scene: Scene) -> None:
    """The server closes the channel when its token has expired; the next has a new one."""
    scene.ear.tokens = iter([token("service_role", lifetime_s=2)])

    async with scene.listening():
        await scene.joined(1)
        await soon(lambda: scene.ear.joins >= 2 and scene.channels())
        await scene.hint_arrives()


async def test_a_realtime_that_is_not_there_at_the_start_is_found_later(scene: Scene) -> None:
    """The worker polls meanwhile."""
    await scene.wire.become("cut")

    async with scene.listening():
        await soon(lambda: scene.ear.joins >= 3)
        assert scene.ear.wakes == 0
        await scene.wire.become("whole")
        await soon(scene.channels)
        await scene.hint_arrives()


async def test_a_channel_that_is_refused_is_asked_for_again(scene: Scene) -> None:
    """The token of somebody who may not listen there; the next is better."""
    scene.ear.tokens = iter([token("anon"), token("authenticated")])

    async with scene.listening():
        await soon(lambda: scene.ear.joins >= 3 and scene.channels())
        await scene.hint_arrives()


async def test_a_canary_keeps_the_connection_and_wakes_nobody(scene: Scene) -> None:
    """The database's own, on a channel where nothing else happens."""
    silence_s = 2.0
    await scene.site.db.execute(
        "insert into public.workers (name, version, capacity) values ('one', '1', 1)"
    )

    async with scene.listening(silence_s):
        await scene.joined(1)
        began = last = time.monotonic()
        longest = 0.0
        while time.monotonic() < began + silence_s * 1.5:
            await scene.site.db.execute("select private.send_canaries()")
            await asyncio.sleep(0.05)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()

    # on a machine that stood still for so long the connection may have been given up, rightly
    if longest < silence_s / 4:
        assert (scene.ear.joins, scene.ear.wakes) == (1, 1)
