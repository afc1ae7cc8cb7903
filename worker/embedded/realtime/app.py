"""Realtime as one object: start it, mount its routes, stop it."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final

from psycopg import Error
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from worker.embedded.realtime.broadcast_api import BroadcastApi
from worker.embedded.realtime.changes import Feed
from worker.embedded.realtime.connection import RESTARTING, Connection
from worker.embedded.realtime.database import Session
from worker.embedded.realtime.hub import Hub
from worker.embedded.realtime.messages import maintain_partitions
from worker.embedded.realtime.service import Service
from worker.embedded.realtime.stream import Stream
from worker.embedded.realtime.tokens import Tokens

_log = logging.getLogger(__name__)

_MAINTENANCE_S: Final = 3600


class Realtime:
    """The embedded Realtime server, inside somebody else's event loop and ASGI app."""

    def __init__(self, *, dsn: str, jwt_secret: str, keys: Mapping[str, str]) -> None:
        """Prepare without connecting.

        Args:
            dsn: connection string of a superuser; it inserts probes, switches roles, replicates.
            jwt_secret: the project's HS256 secret.
            keys: opaque API keys and the tokens they stand for.
        """
        self._tokens = Tokens(jwt_secret, keys)
        self._hub = Hub()
        # two connections, so that a slow policy at a join holds up nobody's row changes
        self._desk = Session(dsn, "realtime_desk")
        self._checker = Session(dsn, "realtime_checker")
        self._stream = Stream(dsn, Feed(self._hub, self._checker))
        self._service = Service(
            tokens=self._tokens,
            hub=self._hub,
            session=self._desk,
            stream_ready=self._stream.ready,
        )
        self._connections: set[Connection] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Make the partitions, connect, and return once changes are being read."""
        async with self._desk.use() as connection:
            await maintain_partitions(connection)
        self._tasks = [
            asyncio.create_task(self._stream.run()),
            asyncio.create_task(self._keep_partitions()),
        ]
        await self._stream.ready.wait()

    async def stop(self) -> None:
        """Tell every client to come back later and close all connections."""
        for connection in list(self._connections):
            connection.close(RESTARTING)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._desk.close()
        await self._checker.close()

    def routes(self) -> list[BaseRoute]:
        """Return the routes to mount at the root of the gateway."""
        api = BroadcastApi(tokens=self._tokens, hub=self._hub, session=self._desk)
        base = "/realtime/v1"
        return [
            WebSocketRoute(f"{base}/websocket", self._serve),
            Route(f"{base}/api/broadcast", api.batch, methods=["POST"]),
            Route(f"{base}/api/broadcast/{{path:path}}", api.single, methods=["POST"]),
        ]

    async def _serve(self, websocket: WebSocket) -> None:
        connection = Connection(websocket, self._service, self._tokens)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)

    async def _keep_partitions(self) -> None:
        while True:
            await asyncio.sleep(_MAINTENANCE_S)
            with contextlib.suppress(Error):
                async with self._desk.use() as connection:
                    await maintain_partitions(connection)
