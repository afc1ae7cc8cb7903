"""From decoded changes to frames: who gets which row, and which of its columns."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from psycopg import AsyncConnection, Error

from worker.embedded.realtime.catalog import Table, describe
from worker.embedded.realtime.channel import Binding, Channel
from worker.embedded.realtime.database import Session
from worker.embedded.realtime.filters import Condition
from worker.embedded.realtime.hub import Hub
from worker.embedded.realtime.messages import as_broadcast, holds_messages
from worker.embedded.realtime.pgoutput import Begin, Change, Relation
from worker.embedded.realtime.rows import Key, Renderer, RowChange
from worker.embedded.realtime.visibility import settle, visible

_log = logging.getLogger(__name__)

Outgoing: TypeAlias = list[tuple[Channel, str]]


class Feed:
    """Consumer of the stream: broadcasts go out at once, row changes after the checks."""

    def __init__(self, hub: Hub, session: Session) -> None:
        """Deliver to the channels of *hub*, checking rows through *session*."""
        self._hub = hub
        self._session = session

    def wants(self, relation: Relation) -> bool:
        """Say whether anybody could receive changes of *relation*."""
        return holds_messages(relation) or self._hub.is_bound(relation.schema, relation.name)

    async def deliver(self, batch: list[tuple[Begin, Relation, Change]]) -> None:
        """Send a batch on its way; one that cannot be checked is dropped, never sent unchecked."""
        rows = []
        for begin, relation, change in batch:
            if holds_messages(relation):
                self._broadcast(begin, relation, change)
            else:
                rows.append(RowChange.read(begin, relation, change))
        subscribers = [_Subscriber.of(channel) for channel in self._hub.subscribers()]
        if not rows or not subscribers:
            return
        try:
            async with self._session.use() as connection:
                await _deliver(connection, rows, subscribers)
        except Error:
            _log.exception("dropped %s row changes", len(rows))

    def _broadcast(self, begin: Begin, relation: Relation, change: Change) -> None:
        if change.kind != "INSERT" or change.new is None:
            return
        names = [column.name for column in relation.columns]
        stored = as_broadcast(dict(zip(names, change.new, strict=True)))
        if stored is not None:
            message, is_private = stored
            self._hub.broadcast(message, is_private=is_private, committed_at=begin.commit_lsn)


@dataclass(frozen=True, slots=True)
class _Subscriber:
    """A channel as it stands when a batch arrives: a token renewed meanwhile counts later."""

    channel: Channel
    bindings: tuple[Binding, ...]
    role: str
    claims: str
    bypasses_row_security: bool

    @classmethod
    def of(cls, channel: Channel) -> Self:
        return cls(
            channel,
            channel.bindings,
            channel.claims.role,
            channel.claims.text,
            channel.bypasses_row_security,
        )


@dataclass(slots=True)
class _Delivery:
    """One change on its way to one subscriber: bindings by the columns they selected."""

    to: _Subscriber
    ids: defaultdict[frozenset[str] | None, list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )


async def _deliver(
    connection: AsyncConnection, rows: Sequence[RowChange], subscribers: Sequence[_Subscriber]
) -> None:
    by_table: defaultdict[int, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        by_table[row.relation.id].append(position)
    tables = await describe(connection, by_table, {one.role for one in subscribers})
    outgoing: list[Outgoing] = [[] for _ in rows]
    for table_id, positions in by_table.items():
        table = tables.get(table_id)
        if table is None:  # dropped since
            continue
        batch = _TableBatch(connection, table, [rows[position] for position in positions])
        for position, payloads in zip(positions, await batch.payloads(subscribers), strict=True):
            outgoing[position] = payloads
    for payloads in outgoing:
        for channel, payload in payloads:
            if channel.is_open:
                channel.send(channel.wire.fan_out(channel.topic, "postgres_changes", payload))


class _TableBatch:
    """The changes of one table within a batch."""

    def __init__(
        self, connection: AsyncConnection, table: Table, rows: Sequence[RowChange]
    ) -> None:
        self._connection = connection
        self._table = table
        self._rows = rows
        self._matches: dict[Condition, list[bool]] = {}

    async def payloads(self, subscribers: Sequence[_Subscriber]) -> list[Outgoing]:
        """Return for each change what to send to whom."""
        deliveries: list[list[_Delivery]] = [[] for _ in self._rows]
        for subscriber in subscribers:
            for position, delivery in await self._addressed(subscriber):
                deliveries[position].append(delivery)
        await self._check_visibility(deliveries)
        renderer = Renderer(self._table)
        await renderer.load(
            self._connection,
            [row for row, found in zip(self._rows, deliveries, strict=True) if found],
        )
        return [
            list(_payloads(renderer, row, found))
            for row, found in zip(self._rows, deliveries, strict=True)
        ]

    async def _addressed(self, subscriber: _Subscriber) -> list[tuple[int, _Delivery]]:
        """Return the changes that match a binding of *subscriber*, before row security."""
        found: dict[int, _Delivery] = {}
        relation = self._rows[0].relation
        for binding in subscriber.bindings:
            if not binding.covers(relation.schema, relation.name):
                continue
            for position in await self._matching(binding, subscriber.channel.since):
                delivery = found.setdefault(position, _Delivery(subscriber))
                delivery.ids[binding.selected].append(binding.id)
        return list(found.items())

    async def _matching(self, binding: Binding, since: int) -> list[int]:
        holds = [await self._holds(condition) for condition in binding.conditions]
        return [
            position
            for position, row in enumerate(self._rows)
            if binding.event in ("*", row.kind)
            and row.begin.commit_lsn >= since
            and all(matches[position] for matches in holds)
        ]

    async def _holds(self, condition: Condition) -> list[bool]:
        if condition not in self._matches:
            self._matches[condition] = await self._evaluate(condition)
        return self._matches[condition]

    async def _evaluate(self, condition: Condition) -> list[bool]:
        """Say for each change whether *condition* holds; none does if it makes no sense any more.

        It did when the client subscribed, but the column may have been altered since.
        """
        column = self._table.columns.get(condition.column)
        if column is None:
            return [False] * len(self._rows)
        values = [row.filterable(column.name) for row in self._rows]
        try:
            return await condition.evaluate(
                self._connection, column.type_oid, column.cast_name, values
            )
        except Error as error:
            _log.warning("filter on %s failed: %s", condition.column, error)
            return [False] * len(self._rows)

    async def _check_visibility(self, deliveries: list[list[_Delivery]]) -> None:
        """Drop what row security hides, in place. Deletes are not checked: there is no row."""
        asked: defaultdict[tuple[str, str], dict[Key, None]] = defaultdict(dict)
        for row, found in zip(self._rows, deliveries, strict=True):
            for delivery in found:
                if self._is_secured(row, delivery.to):
                    asked[delivery.to.role, delivery.to.claims][row.key(self._table)] = None
        if not asked:
            return
        await settle(self._connection, {row.begin.xid for row in self._rows})
        shown = {
            (role, claims): await visible(self._connection, self._table, list(keys), role, claims)
            for (role, claims), keys in asked.items()
        }

        def is_shown(row: RowChange, to: _Subscriber) -> bool:
            return (
                not self._is_secured(row, to) or row.key(self._table) in shown[to.role, to.claims]
            )

        for row, found in zip(self._rows, deliveries, strict=True):
            found[:] = [delivery for delivery in found if is_shown(row, delivery.to)]

    def _is_secured(self, row: RowChange, subscriber: _Subscriber) -> bool:
        return (
            self._table.has_row_security
            and row.kind != "DELETE"
            and not subscriber.bypasses_row_security
            # who may not even read the key is told so, by whatever row
            and self._table.refusal(subscriber.role) is None
        )


def _payloads(
    renderer: Renderer, row: RowChange, found: Sequence[_Delivery]
) -> Iterator[tuple[Channel, str]]:
    for delivery in found:
        for selected, ids in delivery.ids.items():
            data = renderer.data(row, delivery.to.role, selected)
            yield delivery.to.channel, f'{{"ids":{json.dumps(ids)},"data":{data}}}'
