"""API keys: who may pass the gateway at all, and which JWT an opaque key stands for."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# What a browser or another server asks without a key, as on the platform.
_OPEN_PATHS = (
    "/auth/v1/verify",
    "/auth/v1/callback",
    "/auth/v1/authorize",
    "/auth/v1/.well-known/jwks.json",
)


class ApiKeys:
    """ASGI middleware: refuses requests without a valid key and translates opaque ones.

    WebSockets pass untouched: Realtime checks the key it finds in their query itself.
    """

    def __init__(self, app: ASGIApp, *, tokens: Mapping[str, str]) -> None:
        """Guard *app*; *tokens* maps every valid key to its JWT, a legacy key to itself."""
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        key = _header(headers, b"apikey") or _query_key(scope)
        token = self._tokens.get(key)
        if token is None:
            await _refusal(key)(scope, receive, send)
            return
        bearer = _header(headers, b"authorization")
        if not bearer or bearer.startswith("Bearer sb_"):
            headers = [(name, value) for name, value in headers if name != b"authorization"]
            headers.append((b"authorization", f"Bearer {token}".encode("latin-1")))
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)


def _header(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _query_key(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("apikey", [""])[0]


def _refusal(key: str) -> JSONResponse:
    message, hint = (
        (
            "Invalid API key",
            "Double check your Supabase `anon` or `service_role` API key.",
        )
        if key
        else (
            "No API key found in request",
            "No `apikey` request header or url param was found.",
        )
    )
    return JSONResponse({"message": message, "hint": hint}, status_code=401)
