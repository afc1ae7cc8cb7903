"""An API under test that gives away what it was sent: a process of its own.

A request is a POST whose JSON body holds the secrets by name. The path says in which form they come
back; ``FORMS`` has them all.
"""

import asyncio
import base64
import html
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus

Encode = Callable[[str], str]
Sent = Mapping[str, str]
STORED_BYTES = 128 * 1024
"""What a worker hands on of a body."""
FOUND_BYTES = 256 * 1024
"""And of a value that it found."""


def plain_base64(text: str, before: bytes = b"") -> str:
    """Return *text* in base64, with more before and after it."""
    return base64.b64encode(before + text.encode() + b"after").decode()


def for_urls(text: str, before: bytes = b"") -> str:
    """Return the same in base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(before + text.encode() + b"after").decode().rstrip("=")


def percent_lower(octet: int) -> str:
    """Return *octet* as it stands in a URL, with small hexadecimal digits."""
    encoded = quote(bytes([octet]), safe="")
    return encoded.lower() if encoded.startswith("%") else encoded


FORMS: Mapping[str, Encode] = {
    "raw": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json-slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json-utf8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json-in-json": lambda text: json.dumps(json.dumps({"key": text})),
    "html": html.escape,
    "repr": repr,
    "percent": lambda text: quote(text, safe=""),
    "percent-lower": lambda text: "".join(map(percent_lower, text.encode())),
    "percent-twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "base64-0": plain_base64,
    "base64-1": lambda text: plain_base64(text, b"u"),
    "base64-2": lambda text: plain_base64(text, b"us"),
    "base64url-0": for_urls,
    "base64url-1": lambda text: for_urls(text, b"u"),
    "base64url-2": lambda text: for_urls(text, b"us"),
    "base64-in-url": lambda text: quote(plain_base64(text), safe=""),
    "base64-of-json": lambda text: plain_base64(json.dumps({"key": text})),
    "basic": lambda text: "Basic " + base64.b64encode(f"user:{text}".encode()).decode(),
}


def header_lines(sent: Sent) -> Iterator[str]:
    """Yield the values in all forms that a header can hold."""
    for text in sent.values():
        for name, encode in FORMS.items():
            if encode(text).isprintable() and encode(text).isascii():
                yield f"{name} {encode(text)}"


def http(status: int, body: str | bytes, *headers: str) -> bytes:
    """Return an answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


def cut(sent: Sent, length: str, wide: str) -> bytes:
    """Return a body that holds the secret behind *length* bytes, of wide characters or not."""
    padding = ("\U0001f600" * (int(length) // 4)).encode() if int(wide) else b""
    return http(200, padding.ljust(int(length), b"x") + (sent["plain"] * 3).encode())


def headers(sent: Sent) -> bytes:
    """Return them in headers and a cookie."""
    lines = [f"X-{number}: {line}" for number, line in enumerate(header_lines(sent))]
    first = sent["plain"]
    return http(200, "fine", *lines, f"Set-Cookie: sid={first}; Path=/{first}")


ANSWERS: Mapping[str, Callable[..., bytes]] = {
    "form": lambda sent, name: http(
        200, "\n".join(f"<<{FORMS[name](str(text))}>>" for text in sent.values())
    ),
    "error": lambda sent, name: http(
        500, "; ".join(f"no: {FORMS[name](text)}" for text in sent.values())
    ),
    "document": lambda sent: http(
        200, json.dumps({**sent, "deep": [{"er": dict(sent)}], sent["plain"]: 1})
    ),
    "otp": lambda _: http(200, '{"otp": "864297", "ids": [98642971, 864297.5, 8642970, 1864297]}'),
    "cut": cut,
    "headers": headers,
    "header-name": lambda sent: http(200, "fine", f"{sent['plain']}: 1"),
    "away": lambda sent: http(
        302, sent["plain"], f"Location: /landed/{quote(sent['plain'])}?key={quote(sent['plain'])}"
    ),
    "landed": lambda _, key: http(200, f"landed: {key}"),
    "binary": lambda sent: http(200, b"\xff\xfe\xfa" + "".join(sent.values()).encode() + b"\xff"),
    "garbage": lambda sent: f"SSH-2.0-{sent['plain']}\r\n\r\n".encode(),
    "bad-header": lambda sent: b"HTTP/1.1 200 OK\r\n%b x\r\n\r\n" % sent["plain"].encode(),
    "bad-status": lambda sent: b"HTTP/1.1 %b OK\r\n\r\n" % sent["plain"].encode(),
    "bad-location": lambda sent: http(302, "", f"Location: gopher://{sent['plain']}/x"),
    "half": lambda sent: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%b" % sent["plain"].encode()
    ),
    "bad-gzip": lambda sent: http(200, sent["plain"], "Content-Encoding: gzip"),
    "bad-charset": lambda sent: http(
        200, sent["plain"], f"Content-Type: text/plain; charset={sent['plain']}"
    ),
    "nowhere": lambda sent: http(404, f"not here: {sent['plain']}"),
}
"""By the first step of the path: what answers, from what was sent and the other steps."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request, and hang up."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = head.lower().partition("content-length:")[2].split("\r\n")[0].strip()
        sent = json.loads(await reader.readexactly(int(length))) if length else {"plain": "-"}
        step, *others = head.split()[1].partition("?")[0].strip("/").split("/")
        if step in ANSWERS:
            writer.write(ANSWERS[step](sent, *others[: 2 if step == "cut" else 1]))
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve on the port of 127.0.0.1 that the first argument names."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
