"""Logging as JSON lines on stdout. No line ever carries a body, a header, a key or a query."""

import json
import logging
import sys
from datetime import UTC, datetime


class _JsonLines(logging.Formatter):
    """One object per record: time, level, event, and the fields given as ``extra={"f": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "f", {})
        if record.exc_info and record.exc_info[0]:
            # The text of a foreign exception may quote what it choked on; its type may not.
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line, default=str)


def set_up(level: str) -> None:
    """Send every record of *level* and above to stdout; libraries only when they are in trouble.

    What they say may quote URLs with keys in them, and more.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.CRITICAL, handlers=[handler], force=True)
    logging.getLogger("worker").setLevel(level)
