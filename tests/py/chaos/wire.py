"""The wire between workers and gateway, to be cut: a TCP proxy that can lose what it carries."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Literal

Mode = Literal["whole", "cut", "gone", "mute", "torn", "no_hints", "deaf"]
_CHUNK = 65_536


class Wire:
    """Carries bytes to *port* of 127.0.0.1 and back, as its mode says.

    whole: all of them. cut: no connection lives. gone: nor is anybody there who would take one.
    mute: requests arrive and their replies are lost. torn: replies break off in their middle.
    no_hints: as cut, for Realtime's sockets only. deaf: what those of them that are open now would
    receive is lost without a trace.
    """

    def __init__(self, port: int) -> None:
        """Nothing is carried before ``start``."""
        self._upstream = port
        self._mode: Mode = "whole"
        self._open: dict[asyncio.StreamWriter, bool] = {}
        self._deaf: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server
        self.port = 0

    async def start(self) -> None:
        """Listen on a port of its own, the same again when it has one."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def become(self, mode: Mode) -> None:
        """Change the mode; connections that it does not allow are dropped at once."""
        if mode == "gone":
            self._server.close()
        elif self._mode == "gone":
            await self.start()
        self._mode = mode
        for writer, is_socket in list(self._open.items()):
            if mode in {"cut", "gone"} or (mode == "no_hints" and is_socket):
                writer.transport.abort()
            elif mode == "deaf" and is_socket:
                self._deaf.add(writer)

    async def stop(self) -> None:
        """Take no connection any more."""
        self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(_CHUNK)
        is_socket = first.startswith(b"GET /realtime")
        if self._mode in {"cut", "gone"} or (self._mode == "no_hints" and is_socket):
            writer.transport.abort()
            return
        self._open[writer] = is_socket
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._upstream)
            try:
                forth.write(first)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, forth, can_be_mute=False))
                    both.create_task(self._pump(back, writer, can_be_mute=True))
            finally:
                forth.close()
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            del self._open[writer]
            self._deaf.discard(writer)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, can_be_mute: bool
    ) -> None:
        while chunk := await source.read(_CHUNK):
            if can_be_mute and self._mode == "mute":
                raise ConnectionError
            if sink in self._deaf:
                continue
            if can_be_mute and self._mode == "torn":
                sink.write(chunk[: len(chunk) * 3 // 4])
                await sink.drain()
                raise ConnectionError
            sink.write(chunk)
            await sink.drain()
        sink.close()


class Wires:
    """The event loop of the wires, in a thread of its own, for a caller that has none."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Have *work* done there, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End what is under way there, and the thread."""
        self.do(_end_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextlib.contextmanager
def strung(port: int) -> Iterator[tuple[Wires, Wire]]:
    """Yield a wire to *port*, and what to change it with."""
    wires, wire = Wires(), Wire(port)
    try:
        wires.do(wire.start())
        yield wires, wire
    finally:
        wires.do(wire.stop())
        wires.close()
