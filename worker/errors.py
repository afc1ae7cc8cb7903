"""What can go wrong, by who has to act on it.

WorkerError
|-- ConfigError           a setting is missing or wrong: exit 2
|-- BadInput              a command names something that is not there: exit 2
|-- StoreError            Supabase
|   |-- StoreUnavailable  not now: try again with the same call id; exit 3
|   `-- StoreRejected     never, as asked: trying again would not help
`-- TargetError           the API under test misbehaved: a result to record, not a crash
"""


class WorkerError(Exception):
    """Any failure the worker foresees; its text is one sentence for the operator."""

    exit_code = 70


class ConfigError(WorkerError):
    """A setting is missing, unknown or out of range."""

    exit_code = 2


class BadInput(WorkerError):  # noqa: N818 - the name says what it is
    """A command was given a name or a value that leads nowhere."""

    exit_code = 2


class StoreError(WorkerError):
    """Supabase did not do as asked; *code* is its SQLSTATE or PostgREST code, *slug* the detail."""

    def __init__(self, message: str, code: str = "", slug: str = "", status: int = 0) -> None:
        """Keep *code*, *slug* and the HTTP *status* (0 when there was no answer)."""
        super().__init__(message)
        self.code = code
        self.slug = slug
        self.status = status


class StoreUnavailable(StoreError):
    """Supabase cannot be reached or is busy; the same call may work later."""

    exit_code = 3


class StoreRejected(StoreError):
    """Supabase refused the call; repeating it changes nothing."""

    @property
    def is_refused_access(self) -> bool:
        """True when the key or account is at fault, so that every call would be refused."""
        return self.status in {401, 403} or self.code == "42501"

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """2 when the caller can mend it (a 4xx), 70 when the fault is inside."""
        return 2 if 400 <= self.status < 500 else 70  # noqa: PLR2004


class TargetError(WorkerError):
    """No answer to judge: *category* is one of the wire contract's, the text names host and port."""

    def __init__(self, category: str, message: str) -> None:
        """Keep *category*; *message* must hold no secret and no query string."""
        super().__init__(message)
        self.category = category
