"""What can go wrong, by who has to act on it.

WorkerError
|-- ConfigError           a setting is missing or wrong
|-- BadInput              a command names something that is not there
|-- StoreError            Supabase
|   |-- StoreUnavailable  not now: the same call may work later
|   `-- StoreRejected     never, as asked: repeating it changes nothing
|       `-- AccessRefused nor anything else: the key or account is not let in
`-- TargetError           the API under test misbehaved: a result to record, not a crash
"""


class WorkerError(Exception):
    """Any failure the worker foresees; its text is one sentence for the operator."""


class ConfigError(WorkerError):
    """A setting is missing, unknown or out of range."""


class BadInput(ConfigError):  # noqa: N818 - these three say what they are
    """A command was given a name or a value that leads nowhere."""


class StoreError(WorkerError):
    """Supabase did not do as asked: *code* is SQLSTATE or PostgREST's, *slug* the detail."""

    retry_after_s = 0.0

    def __init__(
        self, message: str, code: str = "", slug: str = "", status: int = 0, hint: str = ""
    ) -> None:
        """Keep them, and the HTTP *status*; 0 when there was no answer."""
        super().__init__(message)
        self.code, self.slug, self.status, self.hint = code, slug, status, hint


class StoreUnavailable(StoreError):  # noqa: N818
    """Supabase cannot be reached or is busy."""


class StoreRejected(StoreError):  # noqa: N818
    """Supabase refused the call."""


class AccessRefused(StoreRejected):
    """The key or the account is at fault, so that every call would be refused."""


class TargetError(WorkerError):
    """No answer to judge: *category* is the wire contract's, the text names host and port."""

    def __init__(self, category: str, message: str) -> None:
        """Keep *category*; *message* must hold no secret and no query string."""
        super().__init__(message)
        self.category = category
