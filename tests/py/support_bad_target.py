"""An API under test that does everything wrong: a process of its own, which the path chooses from.

``/echo`` alone is sane and answers with the body it was sent.
"""

import asyncio
import json
import socket
import struct
import sys

DIGITS = "1234567890" * 40
LARGE_BYTES = 50_000_000
_TLS_HANDSHAKE = b"\x16"


def http(body: bytes, *headers: str) -> bytes:
    """Return an answer with *body*."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body


ANSWERS = {
    "/text": http(b"hello"),
    "/empty": http(b""),
    "/deep": http(b"[" * 100_000),
    "/nul": http(b'{"a": "x\\u0000y", "fine": 1}'),
    "/raw-nul": http(b"x\x00y", "Content-Type: text/plain"),
    "/surrogate": http(b'{"a": "x\\ud800", "fine": 1}'),
    "/digits": http(b'{"integer": %b, "fraction": 0.%b}' % ((DIGITS.encode(),) * 2)),
    "/binary": http(b"\xff\xfe\xfa", "Content-Type: image/png"),
    "/gzip": http(b"this is not packed", "Content-Encoding: gzip"),
    "/regex": http(json.dumps({"a": "a" * 40 + "!"}).encode()),
    "/garbage": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
    "/hang-up": b"",
    "/header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "/header-nul": b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "/round": b"HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n",
    "/nowhere": b"HTTP/1.1 302 Found\r\nLocation: http://a:99999999/\r\nContent-Length: 0\r\n\r\n",
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request, and hang up."""
    try:
        if await reader.read(1) == _TLS_HANDSHAKE:
            writer.write(b"HTTP/1.1 400 This speaks plain HTTP\r\n\r\n")
        else:
            head = await reader.readuntil(b"\r\n\r\n")
            await misbehave(head, reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def misbehave(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer as the path in *head* asks."""
    match head.split()[1].decode():
        case "/never":
            await asyncio.Event().wait()
        case "/reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case "/large":
            writer.write(http(b"").replace(b"Length: 0", b"Length: %d" % LARGE_BYTES))
            for _ in range(0, LARGE_BYTES, 100_000):
                writer.write(b" " * 100_000)
                await writer.drain()
        case "/echo":
            fields = dict(line.split(": ") for line in head.decode().splitlines()[1:] if line)
            sizes = [int(text) for name, text in fields.items() if name.lower() == "content-length"]
            writer.write(http(await reader.readexactly(sum(sizes))))
        case path:
            writer.write(ANSWERS.get(path, http(b"{}")))
    await writer.drain()


async def main() -> None:
    """Serve on the port of 127.0.0.1 that the first argument names."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=1 << 20)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
