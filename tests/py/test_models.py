"""The wire contract, by the examples of the design."""

import json
from decimal import Decimal

import pytest
from pydantic import ValidationError

from worker import jsontext
from worker.models import Item, Lease, Reply, Report, parse_item

CLAIMED = """
{"item": 71, "run": "r", "result": "s", "attempt": 1, "lease": "l", "lease_ms": 30000,
 "request": {"method": "POST", "url": "https://api.test/",
             "headers": [["Accept","application/json"]], "secret_headers": ["authorization"],
             "secret_body": false,
             "body": {"kind": "json", "value": {"price": 1.10}}, "auth": null,
             "timeout_ms": {"connect": 5000, "total": 30000},
             "max_redirects": 10, "verify_tls": true, "http_versions": ["1.1"],
             "max_body_bytes": 5242880},
 "observe": [{"id": 0, "source": "body", "path": "$.access_token"},
             {"id": 1, "source": "header", "name": "content-type"}],
 "json_schema": null}
"""
REPORTED = """
{"item": 71, "result": "uuid", "attempt": 1, "lease": "l", "started_at": "2026-11-22T14:01:59Z",
 "response": {"status": 201, "http_version": "HTTP/1.1", "headers": [["k","v"]], "body": "...",
              "encoding": "utf-8", "body_bytes": 512, "truncated": false, "redirects": [],
              "set_cookie": []},
 "timing_ms": {"dns": 0.2, "connect": 0.4, "tls": 0.0, "first_byte": 3.1, "total": 3.6},
 "observed": [{"id": 0, "found": true, "values": ["..."], "error": null, "truncated": false}],
 "schema_errors": [], "schema_fault": null, "error": null}
"""


def test_the_claimed_item_of_the_design_is_read_whole() -> None:
    """Every field of the example has its place; none is lost on the way."""
    raw = jsontext.loads(CLAIMED)

    item = Item.model_validate(raw)

    # Fields that only other sources or kinds use are null here and absent in the example.
    kept = json.loads(item.model_dump_json(exclude_none=True))
    expected = json.loads(CLAIMED)
    del expected["json_schema"], expected["request"]["auth"]
    kept["request"]["body"]["value"] = expected["request"]["body"]["value"]
    assert kept == expected


def test_numbers_in_a_request_body_keep_their_digits() -> None:
    """1.10 is not 1.1 when it is sent."""
    item = Item.model_validate(jsontext.loads(CLAIMED))

    assert item.request.body
    assert item.request.body.value == {"price": Decimal("1.10")}


def test_the_report_of_the_design_round_trips() -> None:
    """What is written is what the example says."""
    report = Report.model_validate(json.loads(REPORTED))

    assert json.loads(report.to_json()) == json.loads(REPORTED)


def test_a_failure_is_a_report_without_a_response() -> None:
    """Category and message are all there is to say."""
    lease = Lease(item=7, attempt=2, lease="x")

    report = json.loads(Report.of_failure(lease, "now", "dns", "no such name").to_json())

    assert report["error"] == {"category": "dns", "message": "no such name"}
    assert report["response"] is None
    assert (report["item"], report["attempt"], report["lease"]) == (7, 2, "x")


def test_a_field_from_the_future_is_ignored() -> None:
    """A newer database may say more than this worker understands."""
    assert Reply.model_validate({"work": [], "hint": 1}) == Reply(work=())


def test_work_that_makes_no_sense_keeps_its_lease() -> None:
    """The attempt can then be reported instead of running out."""
    raw = jsontext.loads(CLAIMED)
    raw["request"]["body"]["kind"] = "smoke"

    lease, reason = parse_item(raw)

    assert lease == Lease(item=71, result=raw["result"], attempt=1, lease="l")
    assert "request.body.kind" in reason


def test_work_without_a_lease_is_an_error() -> None:
    """There is nobody to report it for."""
    with pytest.raises(ValidationError):
        parse_item({"item": 1})


def test_models_are_frozen() -> None:
    """What came over the wire stays as it came."""
    with pytest.raises(ValidationError, match="frozen"):
        Reply(work=()).work = ()
