"""What clients may ask of a socket: join, leave, send, renew their token, be present."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psycopg import Error

from worker.embedded.realtime.authorization import Caller, may_receive, may_send
from worker.embedded.realtime.channel import TOPIC_PREFIX, Channel, JoinConfig, binding_id
from worker.embedded.realtime.database import Session
from worker.embedded.realtime.frames import Broadcast, Encoded, Frame, Wire
from worker.embedded.realtime.hub import Hub
from worker.embedded.realtime.messages import stored
from worker.embedded.realtime.presence import Presence
from worker.embedded.realtime.subscriptions import SubscriptionError, bind
from worker.embedded.realtime.tokens import OPAQUE_PREFIX, Claims, TokenError, Tokens

_log = logging.getLogger(__name__)

_MOST_CHANNELS: Final = 100
LARGEST_PAYLOAD_BYTES: Final = 3_000_000
_NO_DATABASE: Final = "Realtime was unable to connect to the project database"

_POSITION_AND_ROLE: Final = """
select
    (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint,
    coalesce((select rolbypassrls or rolsuper from pg_roles where rolname = %s), false)
"""


class JoinError(Exception):
    """Why a channel cannot be joined; the message is the reason the client is told."""


@dataclass(eq=False, slots=True)
class Socket:
    """One client: its wire version, the token it connected with, and its channels by topic."""

    wire: Wire
    token: str
    headers: str
    send: Callable[[Encoded], None]
    channels: dict[str, Channel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the log stands, and what a role may do."""

    position: int
    bypasses_row_security: bool
    may_receive: bool = True


class Service:
    """Handles every frame of every socket."""

    def __init__(
        self, *, tokens: Tokens, hub: Hub, session: Session, stream_ready: asyncio.Event
    ) -> None:
        """Work on the channels of *hub*, asking the database through *session*."""
        self._tokens = tokens
        self._hub = hub
        self._session = session
        self._stream_ready = stream_ready
        self._presence = Presence(hub)

    async def handle(self, socket: Socket, frame: Frame) -> None:
        """Act on one frame. Unknown events on joined channels are ignored."""
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            socket.send(socket.wire.reply(frame, "ok", {}))
            return
        if frame.event == "phx_join" and frame.topic.startswith(TOPIC_PREFIX):
            await self._join(socket, frame)
            return
        channel = socket.channels.get(frame.topic)
        if channel is None:
            socket.send(socket.wire.reply(frame, "error", {"reason": "unmatched topic"}))
            return
        payload = frame.payload if isinstance(frame.payload, Mapping) else {}
        match frame.event:
            case "phx_leave":
                socket.send(socket.wire.reply(frame, "ok", {}))
                self._close(socket, channel)
            case "broadcast":
                await self._broadcast(socket, channel, frame, payload)
            case "access_token":
                await self._renew(socket, channel, payload.get("access_token"))
            case "presence":
                await self._track(socket, channel, frame, payload)

    def leave_all(self, socket: Socket) -> None:
        """Forget a socket that is gone."""
        for channel in list(socket.channels.values()):
            self._remove(socket, channel)

    async def _join(self, socket: Socket, frame: Frame) -> None:
        try:
            channel, replays = await self._admit(socket, frame)
        except JoinError as error:
            socket.send(socket.wire.reply(frame, "error", {"reason": str(error)}))
            return
        former = socket.channels.pop(frame.topic, None)
        if former is not None:
            self._remove(socket, former)
        socket.channels[frame.topic] = channel
        self._hub.add(channel)
        self._watch_expiry(socket, channel)
        echoed = [{**request, "id": binding_id(request)} for request in channel.config.requests]
        socket.send(socket.wire.reply(frame, "ok", {"postgres_changes": echoed}))
        if former is not None:
            socket.send(socket.wire.close(former.join_ref, former.topic))
        for message in replays:
            channel.replay(replace(message, topic=channel.topic))
        if channel.config.has_presence:
            self._presence.welcome(channel)
        if channel.config.wants_ready:
            self._start(channel, self._tell_ready(channel))
        if channel.config.requests:
            self._start(channel, self._subscribe(channel))

    async def _admit(self, socket: Socket, frame: Frame) -> tuple[Channel, list[Broadcast]]:
        """Return the channel a join asks for, with what it missed, or raise ``JoinError``."""
        name = frame.topic.removeprefix(TOPIC_PREFIX)
        if not name:
            raise JoinError("TopicNameRequired: You must provide a topic name")
        if len(socket.channels) >= _MOST_CHANNELS and frame.topic not in socket.channels:
            raise JoinError("ChannelRateLimitReached: Too many channels")
        config = JoinConfig.parse(frame.payload)
        claims = self._joining_claims(socket, frame.payload)
        channel = Channel(
            topic=frame.topic,
            join_ref=frame.join_ref or frame.ref,
            config=config,
            wire=socket.wire,
            send=socket.send,
            claims=claims,
            since=0,
            headers=socket.headers,
        )
        if config.replay is not None and not config.is_private:
            raise JoinError("UnableToReplayMessages: Replay is not allowed for public channels")
        try:
            self._apply(channel, claims, await self._standing(channel, claims))
            replays = await self._replays(channel)
        except Error as error:
            _log.warning("join of %s failed: %s", frame.topic, error)
            raise JoinError(f"UnableToConnectToProject: {_NO_DATABASE}") from error
        return channel, replays

    def _joining_claims(self, socket: Socket, payload: object) -> Claims:
        token = None
        if isinstance(payload, Mapping):
            token = payload.get("user_token") or payload.get("access_token")
        if not isinstance(token, str) or token.startswith(OPAQUE_PREFIX):
            token = socket.token
        try:
            return self._tokens.verify(token)
        except TokenError as error:
            raise JoinError(f"{error.code}: {error.message}") from error

    async def _standing(self, channel: Channel, claims: Claims) -> _Standing:
        """Return what the database knows of a subscriber with *claims*, or raise ``JoinError``."""
        async with self._session.use() as connection:
            cursor = await connection.execute(_POSITION_AND_ROLE, (claims.role,))
            position, bypasses = await cursor.fetchone() or (0, False)
            if not channel.config.is_private:
                return _Standing(position, bypasses)
            access = await may_receive(connection, Caller(claims, channel.name, channel.headers))
        if not access.broadcast and not access.presence:
            raise JoinError(
                "Unauthorized: You do not have permissions to read from this Channel topic: "
                + channel.name
            )
        return _Standing(position, bypasses, access.broadcast)

    @staticmethod
    def _apply(channel: Channel, claims: Claims, standing: _Standing) -> None:
        """Put *claims* in force, all that follows from them at once."""
        channel.claims = claims
        channel.since = channel.since or standing.position
        channel.bypasses_row_security = standing.bypasses_row_security
        channel.may_receive = standing.may_receive
        channel.may_send = None

    async def _replays(self, channel: Channel) -> list[Broadcast]:
        if channel.config.replay is None or not channel.may_receive:
            return []
        async with self._session.use() as connection:
            messages = await stored(connection, channel.name, channel.config.replay)
        channel.replayed = frozenset(message.message_id or "" for message in messages)
        return messages

    async def _tell_ready(self, channel: Channel) -> None:
        await self._stream_ready.wait()
        channel.system("system", "ok", "Replication connection established")

    async def _subscribe(self, channel: Channel) -> None:
        await self._stream_ready.wait()
        try:
            async with self._session.use() as connection:
                channel.bindings = await bind(
                    connection, channel.config.requests, channel.claims.role
                )
        except SubscriptionError as error:
            channel.bindings = ()
            channel.system("postgres_changes", "error", str(error))
        except Error as error:
            channel.bindings = ()
            _log.warning("subscription of %s failed: %s", channel.topic, error)
            channel.system("postgres_changes", "error", _NO_DATABASE)
        else:
            channel.system("postgres_changes", "ok", "Subscribed to PostgreSQL")

    async def _broadcast(
        self, socket: Socket, channel: Channel, frame: Frame, payload: Mapping[str, Any]
    ) -> None:
        event, content = payload.get("event"), payload.get("payload")
        if not isinstance(event, str) or not await self._may_send(channel):
            return
        if not isinstance(content, bytes):
            content = json.dumps(content, ensure_ascii=False)
        if len(content) > LARGEST_PAYLOAD_BYTES:
            if channel.config.acknowledges:
                socket.send(socket.wire.reply(frame, "error", "payload_size_exceeded"))
            return
        message = Broadcast(channel.name, event, content, compact=bool(payload.get("compact")))
        self._hub.broadcast(message, is_private=channel.config.is_private, sender=channel)
        if channel.config.acknowledges:
            socket.send(socket.wire.reply(frame, "ok", {}))

    async def _may_send(self, channel: Channel, extension: str = "broadcast") -> bool:
        if not channel.config.is_private:
            return True
        if extension != "broadcast" or channel.may_send is None:
            try:
                async with self._session.use() as connection:
                    allowed = await may_send(connection, _caller(channel), extension)
            except Error as error:
                _log.warning("permission of %s unknown: %s", channel.topic, error)
                return False
            if extension != "broadcast":
                return allowed
            channel.may_send = allowed
        return channel.may_send

    async def _track(
        self, socket: Socket, channel: Channel, frame: Frame, payload: Mapping[str, Any]
    ) -> None:
        event = str(payload.get("event")).lower()
        if event == "track" and await self._may_send(channel, "presence"):
            meta = payload.get("payload")
            self._presence.track(channel, meta if isinstance(meta, Mapping) else {})
        elif event == "untrack":
            self._presence.untrack(channel)
        socket.send(socket.wire.reply(frame, "ok", {}))

    async def _renew(self, socket: Socket, channel: Channel, token: object) -> None:
        """Put a new token in force; one that is not good enough closes the channel."""
        if not isinstance(token, str) or token.startswith(OPAQUE_PREFIX):
            return
        if token == channel.claims.token:
            return
        try:
            claims = self._tokens.verify(token)
            self._apply(channel, claims, await self._standing(channel, claims))
        except TokenError as error:
            self._shut(socket, channel, error.message)
        except JoinError as error:
            self._shut(socket, channel, str(error).partition(": ")[2])
        except Error as error:
            _log.warning("renewal of %s failed: %s", channel.topic, error)
            self._shut(socket, channel, _NO_DATABASE)
        else:
            self._watch_expiry(socket, channel)
            if channel.config.requests:
                self._start(channel, self._subscribe(channel))

    def _watch_expiry(self, socket: Socket, channel: Channel) -> None:
        if channel.expiry is not None:
            channel.expiry.cancel()
        try:
            channel.claims.check_time()
        except TokenError as error:
            self._shut(socket, channel, error.message)
            return
        loop = asyncio.get_running_loop()
        channel.expiry = loop.call_later(
            channel.claims.remaining_s(), self._watch_expiry, socket, channel
        )

    def _start(self, channel: Channel, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        channel.tasks.add(task)
        task.add_done_callback(channel.tasks.discard)

    def _shut(self, socket: Socket, channel: Channel, reason: str) -> None:
        channel.system("system", "error", reason)
        self._close(socket, channel)

    def _close(self, socket: Socket, channel: Channel) -> None:
        self._remove(socket, channel)
        socket.send(socket.wire.close(channel.join_ref, channel.topic))

    def _remove(self, socket: Socket, channel: Channel) -> None:
        channel.end()
        self._hub.remove(channel)
        self._presence.untrack(channel)
        if socket.channels.get(channel.topic) is channel:
            del socket.channels[channel.topic]


def _caller(channel: Channel) -> Caller:
    return Caller(channel.claims, channel.name, channel.headers)
