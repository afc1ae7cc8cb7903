"""An API under test: a process of its own that counts what it is asked."""

import asyncio
import collections
import contextlib
import gzip
import itertools
import json
import socket
import struct
import sys

from aiohttp import web

COUNTS: collections.Counter[str] = collections.Counter()
BOMB = gzip.compress(bytes(20_000_000))
KEYS: dict[str, set[str | None]] = collections.defaultdict(set)
RELEASES: dict[str, asyncio.Event] = collections.defaultdict(asyncio.Event)


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer ``/answer/<name>`` as the query says, and count the name.

    Query: ``status``; ``ms``, how long to wait; ``hold``, a word to wait for at ``/release``;
    ``fail``, how many times to answer 503 first; ``drop``, how many times to hang up first;
    ``bad``, a way to misbehave instead.
    The body tells the name, how often it was asked, under how many idempotency keys, and what was
    sent.
    """
    name = request.match_info["name"]
    COUNTS[name] += 1
    KEYS[name].add(request.headers.get("Idempotency-Key"))
    if bad := request.query.get("bad"):
        return await misbehave(request, bad)
    await asyncio.sleep(int(request.query.get("ms", "0")) / 1000)
    if word := request.query.get("hold"):
        await RELEASES[word].wait()
    if COUNTS[name] <= int(request.query.get("drop", "0")) and request.transport:
        request.transport.close()
    is_failing = COUNTS[name] <= int(request.query.get("fail", "0"))
    sent = await request.text()
    return web.json_response(
        {
            "name": name,
            "count": COUNTS[name],
            "key_count": len(KEYS[name]),
            "sent": json.loads(sent) if sent else None,
        },
        status=503 if is_failing else int(request.query.get("status", "200")),
    )


async def misbehave(request: web.Request, bad: str) -> web.StreamResponse:
    """Reset the connection, stall, drip a byte a second, send endless headers, or a bomb."""
    connection = request.transport
    assert connection is not None
    match bad:
        case "reset":
            linger = struct.pack("ii", 1, 0)
            told = connection.get_extra_info("socket")
            told.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.abort()
        case "drip":
            reply = web.StreamResponse(headers={"Content-Length": "1000"})
            await reply.prepare(request)
            with contextlib.suppress(ConnectionError):
                while True:
                    await reply.write(b"x")
                    await asyncio.sleep(1)
        case "headers":
            connection.write(b"HTTP/1.1 200 OK\r\n")
            for number in itertools.count():
                if connection.is_closing():
                    break
                connection.write(b"X-%d: %b\r\n" % (number, b"x" * 1000))
                await asyncio.sleep(0.001)
        case "bomb":
            return web.Response(body=BOMB, headers={"Content-Encoding": "gzip"})
    await asyncio.Event().wait()
    raise AssertionError


async def release(request: web.Request) -> web.StreamResponse:
    """Let go what ``hold`` holds."""
    RELEASES[request.match_info["word"]].set()
    return web.Response()


async def counts(request: web.Request) -> web.StreamResponse:
    """Tell how often each name was asked."""
    del request
    return web.json_response(COUNTS)


def main() -> None:
    """Serve on the port of 127.0.0.1 that the first argument names."""
    app = web.Application()
    app.router.add_route("*", "/answer/{name}", answer)
    app.router.add_post("/release/{word}", release)
    app.router.add_get("/counts", counts)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
