"""From work item to report."""

import base64
import json
from typing import Any

import pytest
from aiohttp import web
from fakes import work_item
from support_http import serve
from support_wait import HANG_S

from worker.egress import EgressPolicy
from worker.evaluator import Evaluator
from worker.models import Item
from worker.runner import Runner
from worker.transport import TargetTransport


async def run(answer: web.Response, **changes: Any) -> dict[str, Any]:
    """Run one item against a target that gives *answer*, and return its report."""

    async def target(_: web.Request) -> web.Response:
        return answer

    async with serve(target=target) as url:
        return await report_of(f"{url}/target", **changes)


async def report_of(url: str, **changes: Any) -> dict[str, Any]:
    """Run one item against *url*, and return its report."""
    item = work_item(5, url, **changes.pop("request", {})) | changes
    transport, evaluator = TargetTransport(EgressPolicy(["127.0.0.0/8"])), Evaluator(HANG_S)
    try:
        report = await Runner(transport, evaluator).run(Item.model_validate(item))
    finally:
        await transport.aclose()
        await evaluator.aclose()
    return dict(json.loads(report.to_json()))


async def test_a_report_says_what_was_sent_back() -> None:
    """And what the lookups found in it."""
    report = await run(
        web.json_response({"token": "t"}, status=201, headers={"x-a": "b"}),
        observe=[
            {"id": 0, "source": "body", "path": "$.token"},
            {"id": 1, "source": "header", "name": "X-A"},
            {"id": 2, "source": "body", "path": "$.none"},
        ],
    )

    assert report["item"] == 5
    assert report["error"] is None
    assert report["response"]["status"] == 201
    assert report["response"]["body"] == '{"token": "t"}'
    assert [one["values"] for one in report["observed"]] == [["t"], ["b"], []]
    assert [one["found"] for one in report["observed"]] == [True, True, False]


async def test_a_target_that_fails_is_a_report_too() -> None:
    """With a category instead of a response."""
    report = await report_of("http://127.0.0.1:1/")

    assert report["response"] is None
    assert report["error"]["category"] == "connect"


async def test_a_body_is_held_to_its_schema() -> None:
    """What is found against it has a place of its own in the report."""
    report = await run(
        web.json_response({"id": "x"}),
        json_schema={"properties": {"id": {"type": "integer"}}},
        observe=[{"id": 0, "source": "body", "path": "$.id"}],
    )

    assert [one["id"] for one in report["observed"]] == [0]
    assert [error["path"] for error in report["schema_errors"]] == [["id"]]
    assert report["schema_fault"] is None


async def test_a_schema_that_cannot_be_applied_is_told() -> None:
    """The answer is reported all the same."""
    report = await run(web.json_response(1), json_schema={"$ref": "#/nowhere"})

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
    report = await run(web.Response(body=content, headers={"content-type": content_type}))

    assert (report["response"]["body"], report["response"]["encoding"]) == (body, "utf-8")
    assert report["response"]["body_bytes"] == len(content)


@pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"nul\x00inside"])
async def test_what_is_not_clean_text_travels_as_base64(content: bytes) -> None:
    """The database could not hold it otherwise."""
    report = await run(web.Response(body=content))

    assert report["response"]["encoding"] == "base64"
    assert base64.b64decode(report["response"]["body"]) == content


@pytest.mark.parametrize("letter", ["x", "é", "\x00"])
async def test_a_stored_body_is_cut(letter: str) -> None:
    """Lookups still see all of it."""
    text = letter * 100_000 + "<end>"

    report = await run(
        web.Response(body=text.encode()),
        observe=[{"id": 0, "source": "text", "pattern": "<(.*)>"}],
    )

    assert len(report["response"]["body"].encode()) <= 128 * 1024
    assert report["response"]["body_bytes"] == len(text.encode())
    assert report["observed"][0]["values"] == ["end"]


async def test_a_body_beyond_the_cap_is_not_judged() -> None:
    """Status and headers are; the cap may fall inside a character."""
    report = await run(
        web.Response(body=("é" * 100).encode(), headers={"x-a": "b"}),
        request={"max_body_bytes": 51},
        observe=[{"id": 0, "source": "body"}, {"id": 1, "source": "header", "name": "x-a"}],
    )

    assert report["response"]["truncated"]
    assert report["response"]["body"] == "é" * 25
    assert report["observed"][0]["error"]["slug"] == "body_truncated"
    assert report["observed"][1]["error"] is None


async def test_binary_beyond_the_cap_stays_binary() -> None:
    """Cutting does not turn it into text."""
    report = await run(web.Response(body=b"\xff\xd8\xff" * 100), request={"max_body_bytes": 50})

    assert report["response"]["encoding"] == "base64"


async def test_a_binary_body_is_no_text_to_look_in() -> None:
    """That is an error of the lookup."""
    report = await run(web.Response(body=b"\xff\xfe\xfa"), observe=[{"id": 0, "source": "text"}])

    assert report["observed"][0]["error"]["slug"] == "body_not_text"
