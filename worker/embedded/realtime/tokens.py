"""Access tokens: which key stands for which token, and what a token claims."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

# Opaque keys (publishable and secret) begin so; they are never tokens themselves.
OPAQUE_PREFIX: Final = "sb_"


class TokenError(Exception):
    """A token that does not count; *code* is Realtime's name for the reason."""

    def __init__(self, code: str, message: str) -> None:
        """Keep both: some messages to clients show the code, some do not."""
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says.

    *text* is the claims document as policies read it: two tokens with the same text see the same.
    """

    token: str
    role: str
    expires_at: int
    text: str
    subject: str | None

    def check_time(self) -> None:
        """Raise ``TokenError`` once the token is past its time."""
        late_s = int(time.time()) - self.expires_at
        if late_s >= 0:
            raise TokenError("InvalidJWTToken", f"Token has expired {late_s} seconds ago")

    def remaining_s(self) -> float:
        """Return how long the token is still good."""
        return max(0.0, self.expires_at - time.time())


class Tokens:
    """Verifier for the one secret of a project, and its opaque keys."""

    def __init__(self, secret: str, keys: Mapping[str, str]) -> None:
        """Verify with *secret* (HMAC); *keys* maps opaque keys to tokens."""
        self._secret = secret
        self._keys = keys

    def resolve(self, key: str) -> str:
        """Return the token an opaque key stands for; anything else comes back as it is."""
        return self._keys.get(key, key)

    def verify(self, token: str) -> Claims:
        """Return the claims of *token*, or raise ``TokenError``."""
        try:
            document: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256", "HS384", "HS512"],
                # time is checked below, where the message can say how late
                options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError as error:
            raise TokenError("JwtSignatureError", "Failed to validate JWT signature") from error
        except jwt.InvalidTokenError as error:
            raise TokenError("MalformedJWT", "The token provided is not a valid JWT") from error
        role, expires_at = document.get("role"), document.get("exp")
        if not isinstance(role, str) or not isinstance(expires_at, int):
            raise TokenError("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
        claims = Claims(token, role, expires_at, json.dumps(document), document.get("sub"))
        claims.check_time()
        return claims
