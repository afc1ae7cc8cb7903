"""One JSON object per line."""

import json
import logging

import pytest

from worker import log


@pytest.fixture(autouse=True)
def _restored():  # noqa: ANN202
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_holds_event_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Time and level too; what is below the level is not written."""
    log.set_up("INFO")

    logging.getLogger("worker.x").info("started", extra={"f": {"name": "n"}})
    logging.getLogger("worker.x").debug("detail")

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line).items() >= {"event": "started", "level": "info", "name": "n"}.items()


def test_an_exception_is_named_but_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    """Its text may hold what must not be logged."""
    log.set_up("INFO")

    try:
        int("secret")
    except ValueError:
        logging.getLogger("worker.x").exception("internal_error")

    out = capsys.readouterr().out
    assert json.loads(out)["exception"] == "ValueError"
    assert "secret" not in out


def test_libraries_are_kept_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Some of them write whole URLs, keys included."""
    log.set_up("DEBUG")

    logging.getLogger("httpx").info("GET http://x?apikey=secret")
    logging.getLogger("realtime._async.client").error("wss://x?apikey=secret")

    assert capsys.readouterr().out == ""
