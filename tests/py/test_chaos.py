"""What ``make chaos`` counts, and one round of it."""

import math
from collections import Counter
from typing import Any

import pytest
from chaos.faults import FAULTS
from chaos.house import furnished
from chaos.rounds import MUST_BE_ZERO, Row, do_round
from chaos.suite import Run, count_repeated, count_wrong


def result(
    name: str, status: str = "passed", slug: str | None = None, row_key: str | None = None
) -> dict[str, Any]:
    """Return a result as the database tells it."""
    return {"test_name": name, "row_key": row_key, "status": status, "slug": slug}


LOST = result("make 1", "error", "lost")
SKIPPED = result("use 1", "skipped", "upstream_not_passed")
ASKED = Counter({"get-1": 1, "row-r1": 1, "use-1-of-1": 1})


@pytest.mark.parametrize(
    "results",
    [
        [result("get 1"), result("rows", row_key="r1"), result("use 1")],
        [LOST, SKIPPED],
        [result("get 1", "pending")],
        [result("drip 1", "error", "request_timeout")],
    ],
)
def test_verdicts_that_follow(results: list[dict[str, Any]]) -> None:
    """What the target answered passes; what was lost may take others along; bad is bad."""
    assert not count_wrong(results, ASKED, is_cancelled=False)


@pytest.mark.parametrize(
    "one",
    [
        result("get 2"),
        result("get 1", "failed", "assertion_failed"),
        SKIPPED,
        result("get 1", "cancelled", "run_cancelled"),
        result("drip 1"),
        result("bomb 1", "error", "request_timeout"),
    ],
)
def test_verdicts_that_do_not_follow(one: dict[str, Any]) -> None:
    """Passed without a request, failed, skipped or cancelled without a cause, bad and not told."""
    assert count_wrong([one], ASKED, is_cancelled=False) == 1


def test_only_unsafe_requests_count_as_repeated() -> None:
    """A GET may be asked again."""
    assert count_repeated(Counter({"get-1": 2, "drip-0": 2, "make-1": 1})) == 0
    assert count_repeated(Counter({"make-1": 2, "row-r1": 3, "drip-3": 2})) == 3


@pytest.mark.parametrize("name", MUST_BE_ZERO)
def test_a_row_is_red_for_each_thing_that_must_not_be(name: str) -> None:
    """One of it is enough."""
    assert Row(Counter(lost=3, stale=2), [12.0]).is_clean(13)
    assert not Row(Counter({name: 1})).is_clean(13)


def test_a_row_is_red_for_a_slow_recovery() -> None:
    """One round is enough."""
    assert not Row(Counter(), [1.0, 13.1]).is_clean(13)


def test_one_round() -> None:
    """Two workers hold the same tests one after the other, and every test has one right verdict."""
    with furnished() as house:
        row = do_round(house, FAULTS["two_holders"], seed=1)

    # On a slow machine a lease may run out by itself, and recovering takes as long as all else.
    del row.counts["beyond"]
    assert row.is_clean(math.inf), row.counts
    assert row.counts["tests"] == 2 * Run("", "").size
