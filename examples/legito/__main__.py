"""``python -m examples.legito``: serve until SIGTERM; the first line printed says where."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import signal
import socket
import sys
import uuid
from typing import TYPE_CHECKING

import uvicorn

from examples.legito.app import BASE_PATH, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


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
    parser = argparse.ArgumentParser(prog="python -m examples.legito", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--api-key", default=str(uuid.uuid4()), help="default: a random one")
    parser.add_argument("--private-key", default=secrets.token_hex(32), help="default: random")
    parser.add_argument("--long-tokens", action="store_true", help="accept more than one hour")
    parser.add_argument("--lenient-codes", action="store_true", help="record code for version code")
    options = parser.parse_args()
    app = create_app(
        options.api_key,
        options.private_key,
        long_tokens=options.long_tokens,
        lenient_codes=options.lenient_codes,
    )
    listener = socket.create_server((HOST, options.port))
    announcement = {
        "url": f"http://{HOST}:{listener.getsockname()[1]}{BASE_PATH}",
        "api_key": options.api_key,
        "private_key": options.private_key,
    }
    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    Server(config, announcement).run(sockets=[listener])


if __name__ == "__main__":
    main()
