"""Settings from variables and options, read once at start."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from worker.config import Settings
from worker.errors import ConfigError

_PREFIX = "ASSAY_"
# Read by the embedded Supabase, the tests and `assay archive`, which share the prefix.
FOREIGN_NAMES = frozenset(
    {"POSTGRES_BIN", "POSTGREST_BIN", "TEST_POSTGRES", "ARCHIVE_URL", "ARCHIVE_ENDPOINT"}
)


def read_settings(env: Mapping[str, str], **overrides: Any) -> Settings:  # noqa: ANN401
    """Read the variables in *env*, then *overrides* that are not None.

    An unknown ``ASSAY_*`` name is an error, so typos fail at start. Raises ``ConfigError`` naming
    the variable, never its value.
    """
    ours = {name.removeprefix(_PREFIX): env[name] for name in env if name.startswith(_PREFIX)}
    values = {name.lower(): ours[name] for name in ours if name not in FOREIGN_NAMES}
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_told(error)) from None


def _told(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)
    # A misspelt name explains the missing one beside it, not the other way round.
    first = min(found, key=lambda one: one["type"] != "extra_forbidden")
    name, kind = str(first["loc"][0]), first["type"]
    match kind:
        case "missing":
            told = "is not set"
        case "extra_forbidden":
            near = get_close_matches(name, Settings.model_fields, 1)
            guess = "".join(f"; {_PREFIX}{one.upper()} is" for one in near)
            told = f"is not a setting of this worker{guess}"
        case "string_pattern_mismatch":
            told = f"is wrong; it takes: {Settings.model_fields[name].description}"
        case _:
            told = f"is wrong: {first['msg'].removeprefix('Value error, ')}"
    return f"{_PREFIX}{name.upper()} {told}"
