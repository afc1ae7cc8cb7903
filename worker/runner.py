"""One work item from request to report. Orchestration only: others do the work."""

import base64
import codecs
import re
from datetime import UTC, datetime

from worker.errors import TargetError
from worker.evaluator import Evaluator
from worker.exchange import Exchange, perform
from worker.models import Fault, Item, Lookup, Observed, Report, Response
from worker.observe import Evidence
from worker.transport import TargetTransport

# The database redacts a stored body before it cuts it to 64 KB: it is given some more to look at.
_STORED_BYTES = 128 * 1024
# The look-up that holds the body to the schema of the item; the others count from 0.
_SCHEMA = -1
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)


class Runner:
    """Runs items over one transport, their lookups in one evaluator; it closes neither."""

    def __init__(self, transport: TargetTransport, evaluator: Evaluator) -> None:
        """Borrow both."""
        self._transport = transport
        self._evaluator = evaluator

    async def run(self, item: Item) -> Report:
        """Make the attempt of *item*; what the API did wrong is in the report, not raised."""
        started_at = now()
        try:
            exchange = await perform(item.request, self._transport)
        except TargetError as error:
            return Report.of_failure(item, started_at, error.category, str(error))
        text = _decode(exchange)
        evidence = Evidence(exchange.headers, text or "", _fault(exchange, text))
        lookups = item.observe
        if item.json_schema is not None:
            lookups += (Lookup(id=_SCHEMA, source="schema", json_schema=item.json_schema),)
        found = {one.id: one for one in await self._evaluator.observe_all(lookups, evidence)}
        schema = found.pop(_SCHEMA, Observed(id=_SCHEMA))
        return Report(
            **vars(item),  # of which it keeps the lease
            started_at=started_at,
            response=_response(exchange, text),
            timing_ms=exchange.timing,
            observed=tuple(found.values()),
            schema_errors=schema.values,
            schema_fault=schema.error,
        )


def now() -> str:
    """Return the time as the wire contract writes it."""
    return datetime.now(UTC).isoformat()


def _fault(exchange: Exchange, text: str | None) -> Fault | None:
    """Say why nothing can be looked up in the body, if nothing can."""
    if exchange.truncated:
        said = f"only the first {len(exchange.body)} bytes of the body were read"
        return Fault(slug="body_truncated", message=said)
    if text is None:
        return Fault(slug="body_not_text", message="the body is not text")
    return None


def _decode(exchange: Exchange) -> str | None:
    """Return the body as text in its declared charset, else UTF-8; None when it is not text."""
    types = [value for name, value in exchange.headers if name.lower() == "content-type"]
    declared = _CHARSET.search(types[0]) if types else None
    for charset in (declared[1] if declared else "utf-8", "utf-8"):
        try:
            # The cap may have split a character, which does not make the body binary.
            decoder = codecs.getincrementaldecoder(charset)()
            return decoder.decode(exchange.body, final=not exchange.truncated)
        except (LookupError, UnicodeError):
            continue
    return None


def _response(exchange: Exchange, text: str | None) -> Response:
    is_text = text is not None and "\x00" not in text
    if not is_text:
        # Four characters stand for three bytes.
        body = base64.b64encode(exchange.body[: _STORED_BYTES * 3 // 4]).decode()
    elif len(exchange.body) > _STORED_BYTES:
        body = str(text).encode()[:_STORED_BYTES].decode(errors="ignore")
    else:
        body = str(text)
    about = {"body": body, "encoding": "utf-8" if is_text else "base64"}
    return Response.model_validate(vars(exchange) | about | {"body_bytes": len(exchange.body)})
