"""TCP ports on 127.0.0.1."""

import socket

from worker.embedded.errors import EmbeddedError

_HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Return a socket that listens on *port*.

    Raises:
        EmbeddedError: the port is taken or not ours to take.
    """
    # With the protocol named: asyncio sets TCP_NODELAY only on sockets that are TCP by name, and
    # without it every answer in two pieces waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise EmbeddedError(
            f"Port {port} cannot be used ({error}). Stop what listens on it, or choose another "
            "with --port N: the gateway takes N, the database N + 1; 0 picks free ones.",
        ) from error
    return listener


def require_free(port: int) -> None:
    """Make sure that somebody else could listen on *port* now; raises like ``listen``."""
    listen(port).close()


def is_free(port: int) -> bool:
    """Whether nobody listens on *port* now."""
    try:
        require_free(port)
    except EmbeddedError:
        return False
    return True


def pick_free(count: int) -> list[int]:
    """Return *count* different ports nobody listens on."""
    listeners = [listen(0) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
