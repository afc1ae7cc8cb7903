"""One WebSocket: the handshake, the frames in, the frames out, and when to hang up."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from worker.embedded.realtime.frames import WIRES, Encoded, FrameError
from worker.embedded.realtime.service import Service, Socket
from worker.embedded.realtime.tokens import TokenError, Tokens

_log = logging.getLogger(__name__)

_IDLE_S: Final = 60
_LARGEST_FRAME_BYTES: Final = 5_000_000
_LARGEST_BACKLOG_BYTES: Final = 64_000_000
_CLOSE_S: Final = 5

_NORMAL: Final = 1000
_INVALID: Final = 1007
_TOO_BIG: Final = 1009
_FAILED: Final = 1011
_OVERLOADED: Final = 1013
RESTARTING: Final = 1012


class Connection:
    """A socket from handshake to close."""

    def __init__(self, websocket: WebSocket, service: Service, tokens: Tokens) -> None:
        """Prepare to serve *websocket*, not yet accepted."""
        self._websocket = websocket
        self._service = service
        self._tokens = tokens
        self._backlog: deque[Encoded] = deque()
        self._backlog_bytes = 0
        self._has_backlog = asyncio.Event()
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Serve the client until either side has had enough."""
        refusal = self._refusal()
        if refusal is not None:
            status, reason = refusal
            await self._websocket.send_denial_response(JSONResponse({"error": reason}, status))
            return
        await self._websocket.accept()
        headers = {
            name: value for name, value in self._websocket.headers.items() if name.startswith("x-")
        }
        socket = Socket(
            wire=WIRES[self._version()],
            token=self._token(),
            headers=json.dumps(headers),
            send=self._send,
        )
        tasks = [asyncio.create_task(self._read(socket)), asyncio.create_task(self._write())]
        waited: list[asyncio.Future[Any]] = [*tasks, self._end]
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._service.leave_all(socket)
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    _log.error("a socket failed", exc_info=outcome)
                    self.close(_FAILED)
        code = self._end.result() if self._end.done() else _NORMAL
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._websocket.close(code)

    def close(self, code: int) -> None:
        """Hang up with *code*; what is still queued is not sent."""
        if not self._end.done():
            self._end.set_result(code)

    def _version(self) -> str:
        return self._websocket.query_params.get("vsn", "1.0.0")

    def _token(self) -> str:
        key = self._websocket.headers.get("x-api-key") or self._websocket.query_params.get("apikey")
        return self._tokens.resolve(key or "")

    def _refusal(self) -> tuple[int, str] | None:
        """Return status and reason if the handshake fails."""
        if self._version() not in WIRES:
            return 403, f"Unsupported version {self._version()}"
        if not self._token():
            return 401, "API key is missing"
        try:
            self._tokens.verify(self._token())
        except TokenError as error:
            # the handshake does not say how long ago
            is_late = error.message.startswith("Token has expired")
            return 401, "Token has expired" if is_late else error.message
        return None

    def _send(self, frame: Encoded) -> None:
        """Queue a frame; a client that reads too slowly is dropped, so that nobody waits for it."""
        self._backlog.append(frame)
        self._backlog_bytes += len(frame)
        self._has_backlog.set()
        if self._backlog_bytes > _LARGEST_BACKLOG_BYTES:
            self.close(_OVERLOADED)

    async def _write(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await self._has_backlog.wait()
                self._has_backlog.clear()
                while self._backlog:
                    frame = self._backlog.popleft()
                    self._backlog_bytes -= len(frame)
                    if isinstance(frame, str):
                        await self._websocket.send_text(frame)
                    else:
                        await self._websocket.send_bytes(frame)

    async def _read(self, socket: Socket) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE_S):
                    message = await self._websocket.receive()
            except TimeoutError:
                self.close(_NORMAL)
                return
            if message["type"] == "websocket.disconnect":
                return
            data: Encoded = message.get("text") or message.get("bytes") or ""
            if len(data) > _LARGEST_FRAME_BYTES:
                self.close(_TOO_BIG)
                return
            try:
                frame = socket.wire.decode(data)
            except FrameError:
                self.close(_INVALID)
                return
            await self._service.handle(socket, frame)
