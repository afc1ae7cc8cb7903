"""Who may call: an HS256 token that the client signed itself with the workspace's private key."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import jwt

from examples.legito.errors import unauthorized

MAX_LIFETIME_S = 3600
CLOCK_SKEW_S = 30

# Claims are checked below: published examples send times as strings, clients send numbers, and
# both must pass. The library is left with what it alone can do, the signature.
_SIGNATURE_ONLY = {
    "require": ["iss", "iat", "exp"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
}


@dataclass(frozen=True)
class Credentials:
    """The key pair of the one workspace, and whether tokens may outlive the documented hour."""

    api_key: str
    private_key: str
    long_tokens: bool = False


def check(authorization: str | None, credentials: Credentials, now: float) -> None:
    """Pass silently when *authorization* is a valid header at Unix time *now*, else raise a 401."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("A bearer token is required")
    try:
        claims = jwt.decode(
            token, credentials.private_key, algorithms=["HS256"], options=_SIGNATURE_ONLY
        )
        issued, expires = _seconds(claims["iat"]), _seconds(claims["exp"])
    except (jwt.InvalidTokenError, ValueError) as exc:
        raise unauthorized("The token is not valid") from exc
    if not hmac.compare_digest(str(claims["iss"]).encode(), credentials.api_key.encode()):
        raise unauthorized("The token names an unknown API key")
    if issued > now + CLOCK_SKEW_S:
        raise unauthorized("The token was issued in the future")
    if expires <= now:
        raise unauthorized("The token has expired")
    if expires - issued > MAX_LIFETIME_S and not credentials.long_tokens:
        raise unauthorized(f"The token lives longer than {MAX_LIFETIME_S} s")


def sign(credentials: Credentials, now: float, lifetime: int = MAX_LIFETIME_S) -> str:
    """Return a token as a client would sign it at Unix time *now*."""
    claims = {"iss": credentials.api_key, "iat": int(now), "exp": int(now) + lifetime}
    return jwt.encode(claims, credentials.private_key, algorithm="HS256")


def _seconds(claim: object) -> float:
    if isinstance(claim, str) and claim.isascii() and claim.isdigit():
        return int(claim)
    if isinstance(claim, int | float) and not isinstance(claim, bool):
        return claim
    raise ValueError(claim)
