"""Local servers for tests: an aiohttp application, or raw bytes where HTTP must be broken."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(**handlers: Handler) -> AsyncIterator[str]:
    """Serve each handler under ``/<name>`` on a free port; yields the base URL."""
    app = web.Application()
    for name, handler in handlers.items():
        app.router.add_route("*", f"/{name}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_bytes(
    answer: bytes, *, at_once: bool = False
) -> AsyncIterator[tuple[str, list[int]]]:
    """Send *answer* to every request, or *at_once* to whoever connects, and hang up.

    Yields the base URL and a list that gets an entry for each connection.
    """
    connections: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while not at_once and await reader.readline() not in {b"\r\n", b""}:
                pass
            writer.write(answer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections
    finally:
        server.close()
