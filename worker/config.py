"""Settings of the worker; ``cli_settings`` reads them."""

import os
import socket
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr


def _split(value: object) -> object:
    """Turn ``"a, b"`` into ``("a", "b")``; what is not a string is left alone."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _key(value: str) -> str:
    """Take the line end off that a key read from a file brings along."""
    if not value.isascii() or len(value.split()) != 1:
        raise ValueError("it takes a key, without blanks")
    return value.strip()


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """Every knob of the worker; one field is one ``ASSAY_*`` variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    supabase_url: str = Field(
        pattern=r"^https?://([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?(/\S*)?$",
        description="Address of the project, such as https://<ref>.supabase.co.",
    )
    supabase_key: Annotated[SecretStr, BeforeValidator(_key)] = Field(
        description="Secret key; beside an account, the publishable key."
    )
    email: str | None = Field(None, description="Account to sign in as, if any.")
    password: SecretStr | None = Field(None, description="Password of that account.")
    name: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}",
        description="Name this worker registers under.",
    )
    labels: Words = Field((), description="Runs that ask for a label go to workers that have it.")
    concurrency: int = Field(32, ge=1, le=1000, description="Requests in flight at most.")
    prefetch: int = Field(200, ge=0, le=1000, description="Items held ready beyond that.")
    poll_interval_s: float = Field(
        5, gt=0, le=60, description="Longest pause between two claims when idle."
    )
    realtime: Literal["on", "off"] = Field(
        "on", description="Whether to listen for hints that there is work."
    )
    lookup_timeout_s: float = Field(2, gt=0, le=60, description="Longest a lookup may take.")
    grace_s: float = Field(25, ge=0, description="After SIGTERM: for requests in flight to end.")
    kill_s: float = Field(5, ge=0, description="After that: to report and hand back the rest.")
    egress_allow: Words = Field(
        (), description="Networks and host patterns that are allowed though not public."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )
