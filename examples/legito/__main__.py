"""``python -m examples.legito``: serve until SIGTERM; the first line printed says where."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import signal
import socket
import struct
import sys
import uuid
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from examples.legito import faults, sink
from examples.legito.app import BASE_PATH, RESET, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
_NO_LINGER = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """HTTP whose application may reset the connection."""

    def on_message_begin(self) -> None:
        """Offer the reset beside what the server offers anyway."""
        super().on_message_begin()
        self.scope["extensions"] = {RESET: {"reset": self._reset}}

    def _reset(self) -> None:
        """Close with RST: whatever was sent or asked is void."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()


class Server(uvicorn.Server):
    """Announces itself once it accepts connections, and ends with code 0 when told to stop."""

    def __init__(self, config: uvicorn.Config, announcement: dict[str, str]) -> None:
        """Print *announcement* as one JSON line when ready."""
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        sys.stdout.write(json.dumps(self._announcement) + "\n")
        sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT; uvicorn's own version raises them again afterwards."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.legito",
        description=__doc__,
        epilog=faults.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--api-key", default=str(uuid.uuid4()), help="default: a random one")
    parser.add_argument("--private-key", default=secrets.token_hex(32), help="default: random")
    parser.add_argument("--long-tokens", action="store_true", help="accept more than one hour")
    parser.add_argument("--lenient-codes", action="store_true", help="record code for version code")
    parser.add_argument(
        "--fault",
        type=faults.Fault.parse,
        action="append",
        default=[],
        metavar="NAME[,KEY=VALUE...]",
        help="have a bad day, see below; repeatable",
    )
    parser.add_argument(
        "--webhook-delay",
        type=float,
        default=0.2,
        metavar="S",
        help="seconds from an event to its delivery (default: %(default)s)",
    )
    options = parser.parse_args()
    app = create_app(
        options.api_key,
        options.private_key,
        long_tokens=options.long_tokens,
        lenient_codes=options.lenient_codes,
        webhook_delay_s=options.webhook_delay,
        planned=options.fault,
    )
    listener = socket.create_server((HOST, options.port))
    origin = f"http://{HOST}:{listener.getsockname()[1]}"
    announcement = {
        "url": f"{origin}{BASE_PATH}",
        "api_key": options.api_key,
        "private_key": options.private_key,
        "webhook_sink": f"{origin}{sink.BASE_PATH}",
    }
    config = uvicorn.Config(
        app,
        http=Protocol,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    Server(config, announcement).run(sockets=[listener])


if __name__ == "__main__":
    main()
