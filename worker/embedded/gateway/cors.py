"""Cross-origin requests: any web page may use the gateway, as it may use the platform."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD"
_EXPOSED = (
    b"Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Link, Location,"
    b" Preference-Applied, Server, X-Supabase-Api-Version, X-Total-Count"
)


class AnyOrigin:
    """ASGI middleware that answers preflights and marks every answer as open to all origins.

    Not Starlette's: that one lists allowed headers in advance or needs credentials to echo them.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Open *app* to every origin."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await _answer_preflight(headers.get(b"access-control-request-headers", b"*"), send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"access-control-allow-origin", b"*"),
                    (b"access-control-expose-headers", _EXPOSED),
                ]
            await send(message)

        await self._app(scope, receive, send_marked)


async def _answer_preflight(requested_headers: bytes, send: Send) -> None:
    headers = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", requested_headers),
        (b"access-control-max-age", b"86400"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body"})
