"""The joined channels of all sockets, found by audience or by what they subscribed to."""

from collections import defaultdict
from dataclasses import replace

from worker.embedded.realtime.channel import TOPIC_PREFIX, Channel
from worker.embedded.realtime.frames import Broadcast, Encoded, Wire


class Hub:
    """Registry of channels, and the fan-out of broadcasts."""

    def __init__(self) -> None:
        """Start without channels."""
        # dicts for their order: the first to join is the first to hear
        self._rooms: defaultdict[tuple[bool, str], dict[Channel, None]] = defaultdict(dict)

    def add(self, channel: Channel) -> None:
        """Let *channel* receive from now on."""
        self._rooms[channel.room][channel] = None

    def remove(self, channel: Channel) -> None:
        """Forget *channel*; harmless if it is not known."""
        room = self._rooms.get(channel.room)
        if room is not None:
            room.pop(channel, None)
            if not room:
                del self._rooms[channel.room]

    def members(self, room: tuple[bool, str]) -> list[Channel]:
        """Return the channels of one audience."""
        return list(self._rooms.get(room, ()))

    def subscribers(self) -> list[Channel]:
        """Return the channels with row change subscriptions."""
        return [channel for room in self._rooms.values() for channel in room if channel.bindings]

    def is_bound(self, schema: str, table: str) -> bool:
        """Say whether anybody subscribed to changes of this table."""
        return any(
            binding.covers(schema, table)
            for channel in self.subscribers()
            for binding in channel.bindings
        )

    def broadcast(
        self,
        message: Broadcast,
        *,
        is_private: bool,
        sender: Channel | None = None,
        committed_at: int | None = None,
    ) -> None:
        """Send *message*, its topic bare, to its audience.

        Args:
            message: the broadcast.
            is_private: which of the two audiences of the topic.
            sender: the channel that sent it, which hears itself only by request.
            committed_at: position in the log, for messages that came from there.
        """
        encoded: dict[Wire, Encoded | None] = {}
        addressed = replace(message, topic=TOPIC_PREFIX + message.topic)
        for channel in self.members((is_private, message.topic)):
            if not channel.may_receive or message.message_id in channel.replayed:
                continue
            if channel is sender and not channel.config.hears_itself:
                continue
            if committed_at is not None and committed_at < channel.since:
                continue
            if channel.wire not in encoded:
                encoded[channel.wire] = channel.wire.broadcast(addressed)
            frame = encoded[channel.wire]
            if frame is not None:
                channel.send(frame)
