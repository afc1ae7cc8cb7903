"""What a project of the embedded Supabase keeps between two starts: ports, passwords, keys."""

import base64
import dataclasses
import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Self

import jwt

DEFAULT_PORT = 54321
LOGIN_ROLES = ("postgres", "supabase_admin", "authenticator", "supabase_auth_admin")
_KEY_LIFETIME_S = 10 * 365 * 24 * 3600


@dataclasses.dataclass(frozen=True)
class Project:
    """The identity of one data folder.

    ``anon_key`` and ``service_role_key`` are the legacy keys, JWTs signed with ``jwt_secret``;
    ``publishable_key`` and ``secret_key`` are the opaque ones that stand for them.
    """

    port: int
    database_port: int
    jwt_secret: str
    anon_key: str
    service_role_key: str
    publishable_key: str
    secret_key: str
    passwords: dict[str, str]

    @classmethod
    def create(cls, port: int, database_port: int) -> Self:
        """Invent a project with fresh secrets."""
        jwt_secret = secrets.token_urlsafe(40)
        return cls(
            port=port,
            database_port=database_port,
            jwt_secret=jwt_secret,
            anon_key=_legacy_key("anon", jwt_secret),
            service_role_key=_legacy_key("service_role", jwt_secret),
            publishable_key=_opaque_key("sb_publishable_"),
            secret_key=_opaque_key("sb_secret_"),
            passwords={role: secrets.token_urlsafe(18) for role in LOGIN_ROLES},
        )

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read what ``save`` wrote; None when there is nothing yet."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        """Write to *path*, readable by its owner only, at once or not at all."""
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(dataclasses.asdict(self), file, indent=2)
        draft.replace(path)

    @property
    def url(self) -> str:
        """The address client libraries are given."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def opaque_keys(self) -> dict[str, str]:
        """The JWT each opaque key stands for."""
        return {
            self.publishable_key: self.anon_key,
            self.secret_key: self.service_role_key,
        }

    def database_url(self, role: str) -> str:
        """Return the connection string of *role* over TCP."""
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.database_port}/postgres"


def _legacy_key(role: str, jwt_secret: str) -> str:
    now = int(time.time())
    claims = {
        "iss": "supabase",
        "ref": "embedded",
        "role": role,
        "iat": now,
        "exp": now + _KEY_LIFETIME_S,
    }
    return jwt.encode(claims, jwt_secret, algorithm="HS256")


def _opaque_key(prefix: str) -> str:
    """Return a key in the platform's form: prefix, 22 random characters, 8 of a checksum."""
    body = prefix + secrets.token_urlsafe(16)
    checksum = base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest())
    return f"{body}_{checksum.decode()[:8]}"
