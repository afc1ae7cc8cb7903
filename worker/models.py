"""The wire contract between worker and database, field by field (design, section 5)."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from worker import jsontext

Pairs = tuple[tuple[str, str], ...]
Milliseconds = Annotated[float, AfterValidator(lambda value: round(value, 3))]


class _Wire(BaseModel):
    """Frozen; a field this worker does not know is ignored, since the database may be newer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Body(_Wire):
    """A body and how to write it: *value* is any JSON, pairs, or a text, as *kind* says."""

    kind: Literal["json", "form", "text"]
    value: Any
    content_type: str | None = None


class Timeouts(_Wire):
    """Milliseconds for reaching the host, and for the whole attempt with all its redirects."""

    connect: int = Field(gt=0)
    total: int = Field(gt=0)


class Request(_Wire):
    """One rendered request: nothing in it is left to decide."""

    method: str
    url: str
    headers: Pairs = ()
    secret_headers: frozenset[str] = frozenset()
    secret_body: bool = False
    body: Body | None = None
    auth: dict[str, Any] | None = None
    timeout_ms: Timeouts
    max_redirects: int = Field(default=10, ge=0)
    verify_tls: bool = True
    http_versions: tuple[str, ...] = ("1.1",)
    max_body_bytes: int = Field(default=5_242_880, gt=0)


class Lookup(_Wire):
    """One thing to look up in an answer; which fields count depends on *source*."""

    id: int
    source: str
    path: str | None = None
    name: str | None = None
    pattern: str | None = None
    json_schema: Any = None


class Lease(_Wire):
    """The right to one attempt at one work item, for one result."""

    item: int
    result: str | None = None
    attempt: int
    lease: str


class Item(Lease):
    """One attempt to make: a request, what to look up in its answer, and until when it is ours."""

    run: str
    lease_ms: int = Field(gt=0)
    request: Request
    observe: tuple[Lookup, ...] = ()
    json_schema: Any = None


class Response(_Wire):
    """An answer as stored: *body* is cut, *body_bytes* is what was read."""

    status: int
    http_version: str
    headers: Pairs
    body: str
    encoding: Literal["utf-8", "base64"]
    body_bytes: int
    truncated: bool
    redirects: tuple[dict[str, Any], ...] = ()
    set_cookie: tuple[str, ...] = ()


class Timing(_Wire):
    """Milliseconds per phase; dns, connect and tls are 0 on a connection that was reused."""

    dns: Milliseconds = 0.0
    connect: Milliseconds = 0.0
    tls: Milliseconds = 0.0
    first_byte: Milliseconds
    total: Milliseconds


class Fault(_Wire):
    """Why a lookup could not be made: a slug of ``docs/errors.md`` and a sentence."""

    slug: str
    message: str


class Observed(_Wire):
    """What a lookup found; *error* is set when the lookup itself could not be made."""

    id: int
    found: bool = False
    values: tuple[Any, ...] = ()
    error: Fault | None = None
    truncated: bool = False


class Report(Lease):
    """One attempt as it went: either *response* is set, or *error* with category and message."""

    started_at: str
    response: Response | None = None
    timing_ms: Timing | None = None
    observed: tuple[Observed, ...] = ()
    schema_errors: tuple[Any, ...] = ()
    schema_fault: Fault | None = None
    error: dict[str, str] | None = None

    @classmethod
    def of_failure(cls, lease: Lease, started_at: str, category: str, message: str) -> Self:
        """Report that the attempt of *lease* came to nothing."""
        error = {"category": category, "message": message}
        return cls.model_validate(vars(lease) | {"started_at": started_at, "error": error})

    def to_json(self) -> bytes:
        """Return the report as the database will parse it."""
        return jsontext.dumps(self.model_dump()).encode()


class Claim(_Wire):
    """What a claim or a report asks for: work to start at once, and work to hold ready."""

    worker_id: str
    call_id: str
    free_slots: int
    prefetch: int

    @property
    def most(self) -> int:
        """The number of items asked for."""
        return self.free_slots + self.prefetch


class Reply(_Wire):
    """What ``claim_work`` and ``report_work`` answer; *work* is parsed one by one."""

    work: tuple[dict[str, Any], ...]
    accepted: tuple[int, ...] = ()
    stale: tuple[int, ...] = ()
    unreportable: tuple[int, ...] = ()
    cancelled: tuple[int, ...] = ()
    retry_ms: float | None = None


class Session(_Wire):
    """What of the sign-in's answer is needed."""

    access_token: str


class Renewal(_Wire):
    """What ``renew_work`` answers: items no longer wanted, and items no longer ours."""

    cancelled: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()


def parse_item(raw: dict[str, Any]) -> Item | tuple[Lease, str]:
    """Read one piece of work; one that makes no sense comes back as its lease and the reason.

    Raises ``ValidationError`` when not even the lease can be read.
    """
    try:
        return Item.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        lease = Lease.model_validate(raw)
        return lease, f"the work item is not understood: {where}: {first['msg']}"
