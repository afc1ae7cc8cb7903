"""The write-ahead log as a stream: a walsender pushes what was committed, as it is committed.

Not polled with ``pg_logical_slot_get_binary_changes``: each call decodes anew from the slot's
restart position, which trails by up to fifteen seconds of log, and an idle stack would keep asking.

A temporary slot lives and dies with its connection, so a gateway that is gone holds back no log.
What happens between a lost connection and the next slot is lost too, as on the platform.
"""

import asyncio
import logging
import struct
import time
from collections.abc import Iterator
from typing import Final, Protocol, Self

from psycopg import AsyncConnection, Error, OperationalError, pq, sql

from worker.embedded.realtime.database import TEXT_SETTINGS
from worker.embedded.realtime.pgoutput import Begin, Change, Relation, decode

_log = logging.getLogger(__name__)

PUBLICATIONS: Final = ("supabase_realtime", "supabase_realtime_messages_publication")
_FEEDBACK_S: Final = 10.0
_LARGEST_BATCH: Final = 1000
_DATA: Final = struct.Struct("!cQQq")
_KEEPALIVE: Final = struct.Struct("!cQqB")
_STATUS: Final = struct.Struct("!cQQQqB")


class Consumer(Protocol):
    """What receives the stream. Row changes arrive in commit order."""

    def wants(self, relation: Relation) -> bool:
        """Say whether changes of *relation* are worth decoding."""

    async def deliver(self, batch: list[tuple[Begin, Relation, Change]]) -> None:
        """Handle some changes: of one transaction, of several, or of part of a large one."""


class Stream:
    """Keeps one replication connection alive and feeds a consumer from it."""

    def __init__(self, dsn: str, consumer: Consumer) -> None:
        """Prepare to feed *consumer*; ``ready`` is set while changes are being read."""
        self._dsn = dsn
        self._consumer = consumer
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Stream until cancelled, reconnecting after every failure."""
        pause_s = 0.1
        while True:
            try:
                await self._stream()
            except (Error, OSError) as error:
                _log.warning("replication stream lost: %s", str(error).strip())
            except Exception:  # noqa: BLE001 - whatever one change did to us, the next must flow
                _log.exception("replication stream failed")
            pause_s = 0.1 if self.ready.is_set() else min(pause_s * 2, 2.0)
            self.ready.clear()
            await asyncio.sleep(pause_s)

    async def _stream(self) -> None:
        connection = await AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            replication="database",
            application_name="realtime_stream",
        )
        try:
            command = await self._prepare(connection)
            with _Link(connection.pgconn) as link:
                await link.start(command)
                self.ready.set()
                await self._consume(link)
        finally:
            await connection.close()

    async def _prepare(self, connection: AsyncConnection) -> str:
        """Create the slot and return the command that streams from it."""
        # the walsender answers the simple protocol only, which execute() without arguments uses
        await connection.execute(TEXT_SETTINGS)
        cursor = await connection.execute(
            sql.SQL(
                "select array_agg(pubname::text), pg_backend_pid() from pg_publication"
                " where pubname = any ({}::text[])"
            ).format(list(PUBLICATIONS))
        )
        names, pid = await cursor.fetchone() or (None, 0)
        if not names:
            raise OperationalError("the platform's publications do not exist")
        slot = f"supabase_realtime_{pid}"
        await connection.execute(
            f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT"
        )
        listed = ",".join(names)
        return (
            f"START_REPLICATION SLOT {slot} LOGICAL 0/0"
            f" (proto_version '1', publication_names '{listed}')"
        )

    async def _consume(self, link: "_Link") -> None:
        relations: dict[int, Relation] = {}
        wanted: dict[int, bool] = {}
        batch: list[tuple[Begin, Relation, Change]] = []
        begin: Begin | None = None

        def is_wanted(relation_id: int) -> bool:
            return wanted[relation_id]

        while True:
            # Interest is asked for anew with each wake-up: clients come and go in between.
            wanted = {id_: self._consumer.wants(known) for id_, known in relations.items()}
            for data in link.messages():
                match decode(data, is_wanted):
                    case Begin() as message:
                        begin = message
                    case Relation() as message:
                        relations[message.id] = message
                        wanted[message.id] = self._consumer.wants(message)
                    case Change() as message if begin is not None:
                        batch.append((begin, relations[message.relation_id], message))
                    case _:
                        continue
                if len(batch) >= _LARGEST_BATCH:
                    await self._consumer.deliver(batch)
                    batch = []
            if batch:
                await self._consumer.deliver(batch)
                batch = []
            await link.wait()


class _Link:
    """The copy-both conversation with a walsender, on libpq's own functions.

    psycopg has no interface for it above this one.
    """

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._socket = pgconn.socket
        self._readable = asyncio.Event()
        self._position = 0
        self._reported_at = 0.0

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._socket, self._readable.set)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)

    async def start(self, command: str) -> None:
        """Send START_REPLICATION; from then on messages flow."""
        self._pgconn.send_query(command.encode())
        self._pgconn.flush()
        while self._pgconn.is_busy():
            await self.wait()
        result = self._pgconn.get_result()
        if result is None or result.status != pq.ExecStatus.COPY_BOTH:
            raise OperationalError(self._pgconn.get_error_message())

    async def wait(self) -> None:
        """Wait until there may be something to read, keeping the walsender informed meanwhile."""
        try:
            # not wait_for(), which on Python 3.11 may swallow a cancellation
            async with asyncio.timeout(_FEEDBACK_S):
                await self._readable.wait()
        except TimeoutError:
            self._report()
        self._readable.clear()
        self._pgconn.consume_input()

    def messages(self) -> Iterator[bytes]:
        """Yield the pgoutput messages that have arrived; what was yielded counts as handled."""
        while True:
            size, data = self._pgconn.get_copy_data(1)
            if size == 0:
                break
            if size < 0:
                result = self._pgconn.get_result()
                raise OperationalError(result.get_error_message() if result else "it ended")
            kind = bytes(data[:1])
            if kind == b"w":
                _, _, self._position, _ = _DATA.unpack_from(data)
                yield bytes(data[_DATA.size :])
            elif kind == b"k":
                _, self._position, _, wants_reply = _KEEPALIVE.unpack_from(data)
                if wants_reply:
                    self._report()
        if time.monotonic() - self._reported_at > _FEEDBACK_S:
            self._report()

    def _report(self) -> None:
        """Confirm everything read: the server may recycle its log, and may shut down."""
        at = self._position
        self._pgconn.put_copy_data(_STATUS.pack(b"r", at, at, at, 0, 0))
        self._pgconn.flush()
        self._reported_at = time.monotonic()
