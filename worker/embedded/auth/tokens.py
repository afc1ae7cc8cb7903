"""Access tokens: made at sign-in, checked on every call that names a user."""

import dataclasses
import secrets
import time
from typing import Any

import jwt

from worker.embedded.auth.errors import AuthError

LIFETIME_S = 3600
_REFRESH_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Signs and checks tokens for one project."""

    issuer: str
    secret: str

    def sign(self, user: dict[str, Any], session: dict[str, Any]) -> tuple[str, int]:
        """Return an access token for a row of auth.users and auth.sessions, and its expiry."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": str(user["id"]),
            "aud": user["aud"],
            "exp": now + LIFETIME_S,
            "iat": now,
            "email": user["email"] or "",
            "phone": user["phone"] or "",
            "app_metadata": user["raw_app_meta_data"] or {},
            "user_metadata": user["raw_user_meta_data"] or {},
            "role": user["role"],
            "aal": session["aal"],
            "amr": [{"method": "password", "timestamp": int(session["created_at"].timestamp())}],
            "session_id": str(session["id"]),
            "is_anonymous": user["is_anonymous"],
        }
        return jwt.encode(claims, self.secret, algorithm="HS256"), now + LIFETIME_S

    def verify(self, authorization: str) -> dict[str, Any]:
        """Return the claims of an ``Authorization`` header, or refuse it."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
        try:
            return jwt.decode(
                token, self.secret, algorithms=["HS256"], options={"verify_aud": False}
            )
        except jwt.InvalidTokenError as error:
            raise AuthError(
                403,
                "bad_jwt",
                f"invalid JWT: unable to parse or verify signature, {error}",
            ) from error


def new_refresh_token() -> str:
    """Return 12 random characters, as GoTrue's first algorithm does."""
    return "".join(secrets.choice(_REFRESH_ALPHABET) for _ in range(12))
