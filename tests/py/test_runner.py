"""From work item to report."""

import base64
import json
from typing import Any

import httpx
import pytest
from fakes import work_item
from support_wait import HANG_S

from worker.evaluator import Evaluator
from worker.models import Item
from worker.runner import Runner


async def run(answer: httpx.Response | Exception, **changes: Any) -> dict[str, Any]:
    """Run one item against a target that gives *answer*, and return its report."""

    def responds(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    item = work_item(5)
    item["request"] |= changes.pop("request", {})
    evaluator = Evaluator(HANG_S)
    try:
        runner = Runner(httpx.MockTransport(responds), evaluator)
        report = await runner.run(Item.model_validate(item | changes))
    finally:
        await evaluator.aclose()
    return dict(json.loads(report.to_json()))


async def test_a_report_says_what_was_sent_back() -> None:
    """And what the lookups found in it."""
    report = await run(
        httpx.Response(201, json={"token": "t"}, headers={"x-a": "b"}),
        observe=[
            {"id": 0, "source": "body", "path": "$.token"},
            {"id": 1, "source": "header", "name": "X-A"},
            {"id": 2, "source": "body", "path": "$.none"},
        ],
    )

    assert report["item"] == 5
    assert report["error"] is None
    assert report["response"]["status"] == 201
    assert report["response"]["body"] == '{"token":"t"}'
    assert [one["values"] for one in report["observed"]] == [["t"], ["b"], []]
    assert [one["found"] for one in report["observed"]] == [True, True, False]


async def test_a_target_that_fails_is_a_report_too() -> None:
    """With a category instead of a response."""
    report = await run(httpx.ConnectError("refused"))

    assert report["response"] is None
    assert report["error"]["category"] == "connect"


async def test_a_body_is_held_to_its_schema() -> None:
    """What is found against it has a place of its own in the report."""
    report = await run(
        httpx.Response(200, json={"id": "x"}),
        json_schema={"properties": {"id": {"type": "integer"}}},
        observe=[{"id": 0, "source": "body", "path": "$.id"}],
    )

    assert [one["id"] for one in report["observed"]] == [0]
    assert [error["path"] for error in report["schema_errors"]] == [["id"]]
    assert report["schema_fault"] is None


async def test_a_schema_that_cannot_be_applied_is_told() -> None:
    """The answer is reported all the same."""
    report = await run(httpx.Response(200, json=1), json_schema={"$ref": "#/nowhere"})

    assert report["response"]["status"] == 200
    assert report["schema_errors"] == []
    assert report["schema_fault"]["slug"] == "invalid_schema"


@pytest.mark.parametrize(
    ("content", "content_type", "body"),
    [
        ("é".encode(), "text/plain", "é"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("é".encode(), 'text/plain; charset="UTF-8"', "é"),
        ("é".encode(), "text/plain; charset=klingon", "é"),
        ("é".encode("utf-16"), "text/plain; charset=utf-16", "é"),
        (b"", "text/plain", ""),
    ],
)
async def test_text_is_read_in_its_charset(content: bytes, content_type: str, body: str) -> None:
    """The declared one, else UTF-8."""
    report = await run(httpx.Response(200, content=content, headers={"content-type": content_type}))

    assert (report["response"]["body"], report["response"]["encoding"]) == (body, "utf-8")
    assert report["response"]["body_bytes"] == len(content)


@pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"nul\x00inside"])
async def test_what_is_not_clean_text_travels_as_base64(content: bytes) -> None:
    """The database could not hold it otherwise."""
    report = await run(httpx.Response(200, content=content))

    assert report["response"]["encoding"] == "base64"
    assert base64.b64decode(report["response"]["body"]) == content


@pytest.mark.parametrize("letter", ["x", "é", "\x00"])
async def test_a_stored_body_is_cut(letter: str) -> None:
    """Lookups still see all of it."""
    text = letter * 100_000 + "<end>"

    report = await run(
        httpx.Response(200, content=text.encode()),
        observe=[{"id": 0, "source": "text", "pattern": "<(.*)>"}],
    )

    assert len(report["response"]["body"].encode()) <= 128 * 1024
    assert report["response"]["body_bytes"] == len(text.encode())
    assert report["observed"][0]["values"] == ["end"]


async def test_a_body_beyond_the_cap_is_not_judged() -> None:
    """Status and headers are; the cap may fall inside a character."""
    report = await run(
        httpx.Response(200, content=("é" * 100).encode(), headers={"x-a": "b"}),
        request={"max_body_bytes": 51},
        observe=[{"id": 0, "source": "body"}, {"id": 1, "source": "header", "name": "x-a"}],
    )

    assert report["response"]["truncated"]
    assert report["response"]["body"] == "é" * 25
    assert report["observed"][0]["error"]["slug"] == "body_truncated"
    assert report["observed"][1]["error"] is None


async def test_binary_beyond_the_cap_stays_binary() -> None:
    """Cutting does not turn it into text."""
    report = await run(
        httpx.Response(200, content=b"\xff\xd8\xff" * 100), request={"max_body_bytes": 50}
    )

    assert report["response"]["encoding"] == "base64"


async def test_a_binary_body_is_no_text_to_look_in() -> None:
    """That is an error of the lookup."""
    report = await run(
        httpx.Response(200, content=b"\xff\xfe\xfa"), observe=[{"id": 0, "source": "text"}]
    )

    assert report["observed"][0]["error"]["slug"] == "body_not_text"
