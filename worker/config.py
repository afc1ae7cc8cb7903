"""Settings of the worker, read once at start."""

import os
import socket
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from worker.errors import ConfigError

# Read by the embedded Supabase and by the tests, which share the prefix.
FOREIGN_NAMES = frozenset({"POSTGRES_BIN", "POSTGREST_BIN", "TEST_POSTGRES"})


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
    prefix: ClassVar[str] = "ASSAY_"

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

    @classmethod
    def from_env(cls, env: Mapping[str, str], **overrides: Any) -> Self:  # noqa: ANN401
        """Build from *env*, then *overrides* that are not None.

        An unknown ``ASSAY_*`` name is an error, so typos fail at start. Raises ``ConfigError``
        naming the variable, never its value.
        """
        ours = {
            name.removeprefix(cls.prefix): env[name] for name in env if name.startswith(cls.prefix)
        }
        values = {name.lower(): ours[name] for name in ours if name not in FOREIGN_NAMES}
        values |= {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False)
        # A misspelt name explains the missing one beside it, not the other way round.
        first = min(found, key=lambda one: one["type"] != "extra_forbidden")
        name, kind = str(first["loc"][0]), first["type"]
        match kind:
            case "missing":
                told = "is not set"
            case "extra_forbidden":
                near = get_close_matches(name, cls.model_fields, 1)
                guess = "".join(f"; {cls.prefix}{one.upper()} is" for one in near)
                told = f"is not a setting of this worker{guess}"
            case "string_pattern_mismatch":
                told = f"is wrong; it takes: {cls.model_fields[name].description}"
            case _:
                told = f"is wrong: {first['msg'].removeprefix('Value error, ')}"
        raise ConfigError(f"{cls.prefix}{name.upper()} {told}")
