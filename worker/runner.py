"""One work item from request to report. Orchestration only: others do the work."""

import base64
import re
from datetime import UTC, datetime

import httpx

from worker.errors import TargetError
from worker.evaluator import Evaluator
from worker.exchange import Exchange, perform
from worker.models import Item, Report, Response
from worker.observe import Evidence

# The database redacts a stored body before it cuts it to 64 KB: it is given some more to look at.
_STORED_BYTES = 128 * 1024
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)


class Runner:
    """Runs items over one transport, their lookups in one evaluator."""

    def __init__(self, transport: httpx.AsyncBaseTransport, evaluator: Evaluator) -> None:
        """Borrow both; whoever made them closes them."""
        self._transport = transport
        self._evaluator = evaluator

    async def run(self, item: Item) -> Report:
        """Make the attempt of *item* and return what was seen; the API's faults are in the report.

        Raises nothing of its own, but is cancelled when the item is.
        """
        started_at = now()
        try:
            if item.json_schema is not None:
                raise TargetError("definition", "this worker does not know JSON Schema")
            exchange = await perform(item.request, self._transport)
        except TargetError as error:
            return Report.of_failure(item, started_at, error.category, str(error))
        text = _decode(exchange)
        observed = await self._evaluator.observe_all(item.observe, _evidence(exchange, text))
        return Report(
            item=item.item,
            attempt=item.attempt,
            lease=item.lease,
            started_at=started_at,
            response=_response(exchange, text),
            timing_ms=exchange.timing,
            observed=tuple(observed),
        )


def now() -> str:
    """Return the time as the wire contract writes it."""
    return datetime.now(UTC).isoformat()


def _decode(exchange: Exchange) -> str | None:
    """Return the body as text in its declared charset, else UTF-8; None when it is not text."""
    content_type = next(
        (value for name, value in exchange.headers if name.lower() == "content-type"), ""
    )
    declared = _CHARSET.search(content_type)
    for charset in ([declared[1]] if declared else []) + ["utf-8"]:
        try:
            return exchange.body.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return None


def _evidence(exchange: Exchange, text: str | None) -> Evidence:
    if exchange.truncated:
        return Evidence(exchange.headers, fault="truncated")
    if text is None:
        return Evidence(exchange.headers, fault="the body is not text")
    return Evidence(exchange.headers, text)


def _response(exchange: Exchange, text: str | None) -> Response:
    if text is None and exchange.truncated:
        # The cap may have split a character, which does not make the body binary.
        text = exchange.body[:_STORED_BYTES].decode(errors="ignore")
    is_text = text is not None and "\x00" not in text
    if is_text and text is not None:
        body = text
        if len(exchange.body) > _STORED_BYTES:
            body = text.encode()[:_STORED_BYTES].decode(errors="ignore")
    else:
        body = base64.b64encode(exchange.body[: _STORED_BYTES * 3 // 4]).decode()
    return Response(
        status=exchange.status,
        http_version=exchange.http_version,
        headers=exchange.headers,
        body=body,
        encoding="utf-8" if is_text else "base64",
        body_bytes=len(exchange.body),
        truncated=exchange.truncated,
        redirects=exchange.redirects,
        set_cookie=exchange.set_cookie,
    )
