"""Presence: who is where, told to newcomers as a state and to everybody else as differences."""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from worker.embedded.realtime.channel import Channel
from worker.embedded.realtime.hub import Hub

_Room = tuple[bool, str]


class Presence:
    """What every channel has tracked, in memory."""

    def __init__(self, hub: Hub) -> None:
        """Announce to the channels of *hub*."""
        self._hub = hub
        self._tracked: defaultdict[_Room, dict[Channel, tuple[str, dict[str, Any]]]]
        self._tracked = defaultdict(dict)

    def welcome(self, channel: Channel) -> None:
        """Send the present state of its room to *channel*."""
        state: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for key, meta in self._tracked.get(channel.room, {}).values():
            state.setdefault(key, {"metas": []})["metas"].append(meta)
        channel.push("presence_state", state)

    def track(self, channel: Channel, meta: Mapping[str, Any]) -> None:
        """Announce *channel* with *meta*, replacing what it announced before."""
        former = self._tracked[channel.room].get(channel)
        key = former[0] if former else channel.config.presence_key or str(uuid.uuid4())
        entry = {**meta, "phx_ref": uuid.uuid4().hex[:16]}
        if former:
            entry["phx_ref_prev"] = former[1]["phx_ref"]
        self._tracked[channel.room][channel] = (key, entry)
        self._announce(channel.room, joins=_state(key, entry), leaves=_state(*former or ("", None)))

    def untrack(self, channel: Channel) -> None:
        """Withdraw *channel*; harmless if it never announced itself."""
        room = self._tracked.get(channel.room, {})
        former = room.pop(channel, None)
        if not room:
            self._tracked.pop(channel.room, None)
        if former:
            self._announce(channel.room, joins={}, leaves=_state(*former))

    def _announce(self, room: _Room, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        for channel in self._hub.members(room):
            channel.push("presence_diff", {"joins": joins, "leaves": leaves})


def _state(key: str, meta: dict[str, Any] | None) -> dict[str, Any]:
    return {} if meta is None else {key: {"metas": [meta]}}
