"""Lookups in bounded time."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from support_wait import HANG_S

from worker.evaluator import Evaluator
from worker.models import Lookup
from worker.observe import Evidence

HANGS = '$[?(@ =~ "^(a+)+$")]'
BODY = json.dumps({"s": "a" * 40 + "!", "price": 1, "items": [{"id": 1}, {"id": 2}]})


@pytest.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    evaluator = Evaluator(timeout_s=HANG_S)
    yield evaluator
    await evaluator.aclose()


@pytest.fixture
async def impatient() -> AsyncIterator[Evaluator]:
    """Yield one that gives up soon, though not before a slow machine has made a plain lookup."""
    evaluator = Evaluator(timeout_s=3.0)
    yield evaluator
    await evaluator.aclose()


def lookups(*paths: str) -> list[Lookup]:
    """Look the paths up in the body."""
    return [Lookup(id=number, source="body", path=path) for number, path in enumerate(paths)]


async def test_heavy_and_light_lookups_come_back_in_order(evaluator: Evaluator) -> None:
    """Wherever each of them was made."""
    found = await evaluator.observe_all(lookups("$.price", "$..id", "$.s"), Evidence((), BODY))

    assert [one.id for one in found] == [0, 1, 2]
    assert [one.values[0] for one in found] == [1, 1, "a" * 40 + "!"]


async def test_light_lookups_need_no_helper(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hop to another process would cost more than the lookup."""
    monkeypatch.setattr("worker.evaluator._look_up", None)

    found = await evaluator.observe_all(lookups("$.items[*].id"), Evidence((), BODY))

    assert found[0].values == (1, 2)


async def test_a_lookup_that_hangs_is_given_up_alone(impatient: Evaluator) -> None:
    """Those before and after it are answered; the event loop goes on meanwhile."""
    done: list[str] = []

    async def look_up(*paths: str) -> list[str | None]:
        found = await impatient.observe_all(lookups(*paths), Evidence((), BODY))
        done.append(paths[0])
        return [one.error and one.error.slug for one in found]

    slugs, _ = await asyncio.gather(look_up("$..id", HANGS, "$..price"), look_up("$.s"))

    assert slugs == [None, "lookup_too_slow", None]
    assert done == ["$.s", "$..id"]


async def test_a_result_that_explodes_is_given_up(impatient: Evaluator) -> None:
    """Each union doubles what is found: a helper's memory is limited, and so is its time."""
    text = "[" * 60 + "1" + "]" * 60

    found = await impatient.observe_all(lookups("$" + "[0,0]" * 60), Evidence((), text))

    assert found[0].error


async def test_a_large_body_is_read_elsewhere(evaluator: Evaluator) -> None:
    """Even a simple path would hold up the event loop."""
    text = json.dumps({"a": "x" * 200_000, "b": 1.5})

    found = await evaluator.observe_all(lookups("$.b"), Evidence((), text))

    assert str(found[0].values[0]) == "1.5"


async def test_a_cancelled_lookup_leaves_nothing_behind(evaluator: Evaluator) -> None:
    """The next one gets a helper that is not still busy with the last."""
    hanging = asyncio.create_task(evaluator.observe_all(lookups(HANGS), Evidence((), BODY)))
    await asyncio.sleep(0.4)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)

    found = await evaluator.observe_all(lookups("$..id"), Evidence((), BODY))

    assert found[0].values == (1, 2)


@pytest.mark.parametrize(
    "lookup",
    [
        {"source": "body", "path": "$..*..*..*..*"},
        {"source": "body", "path": "$" + "[0,0]" * 60},
        {"source": "schema", "json_schema": {"properties": {"s": {"pattern": "^(a+)+$"}}}},
        {
            "source": "schema",
            "json_schema": {
                "$ref": "#/$defs/0",
                "$defs": {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 4} for n in range(30)}
                | {"30": False},
            },
        },
    ],
    ids=["descent", "unions", "pattern", "references"],
)
async def test_what_takes_for_ever_is_given_up(
    impatient: Evaluator, lookup: dict[str, object]
) -> None:
    """Known ways to make a parser, a pattern or a schema explode."""
    nested: object = BODY
    for _ in range(60):
        nested = [nested, nested] if "[0,0]" in str(lookup) else [nested]
        if len(json.dumps(nested)) > 20_000:
            break
    text = json.dumps(nested) if lookup["source"] == "body" else BODY

    found = await impatient.observe_all(
        [Lookup.model_validate({"id": 0, **lookup})], Evidence((), text)
    )

    assert [one.id for one in found] == [0]


async def test_many_that_take_for_ever_are_given_up_together(impatient: Evaluator) -> None:
    """Or one test could hold the helpers for as many times the limit as it has lookups."""
    found = await asyncio.wait_for(
        impatient.observe_all(lookups(*[HANGS] * 200), Evidence((), BODY)), HANG_S
    )

    assert {one.error.slug for one in found if one.error} == {"lookup_too_slow"}
    assert len(found) == 200


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a?){500}b", "(a{1,30}){1,30}b", r"\pL{1000}\d", "(?:a{1,100}){1,10}$", ".{1000}X"],
)
async def test_patterns_that_are_long_work_for_re2_are_matched_elsewhere(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """RE2 takes time in proportion to the text, but the proportion is the pattern's."""
    monkeypatch.setattr("worker.evaluator.observe", None)
    one = Lookup(id=0, source="text", pattern=pattern)

    found = await evaluator.observe_all([one] * 20, Evidence((), "a" * 100_000))

    assert len(found) == 20


async def test_patterns_as_most_tests_have_them_need_no_helper(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date in a body of some kilobytes."""
    monkeypatch.setattr("worker.evaluator._look_up", None)
    one = Lookup(id=0, source="text", pattern=r"\d{4}-\d{2}-\d{2}")

    found = await evaluator.observe_all([one], Evidence((), "x" * 4000 + "2026-01-31"))

    assert found[0].values == ("2026-01-31",)
