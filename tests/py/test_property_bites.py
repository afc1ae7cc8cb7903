"""The property tests bite: each way of breaking the engine is noticed by the one that should.

Three of them are tried by hand each time. At random all of them are, which takes many minutes and
so happens only where ``ASSAY_PROPERTIES=thorough`` asks for it.
"""

import traceback
from pathlib import Path
from typing import Any

import psycopg
import pytest
import test_property_judge as judge
import test_property_plan as plan
import test_property_run as run
import test_property_templates as templates
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from reference_mutations import MUTATIONS, mutate
from reference_plan import Project, Selection, Test
from reference_support import PROFILE, TEXTS, scratch_engine

from worker.embedded.postgres import Cluster

PROPERTIES = {
    "run": (run.check_run, st.tuples(run.CASES)),
    "plan": (plan.check_plan, st.tuples(plan.ASKED)),
    "compare": (judge.check_comparison, st.tuples(judge.PAIRS)),
    "delay": (judge.check_delay, judge.DELAYS),
    "render": (templates.check_rendering, st.tuples(templates.DOCUMENTS, templates.VARIABLES)),
    "encode": (templates.check_encodings, st.tuples(TEXTS, TEXTS)),
}


# t02 waits for t01, which waits for t00; and for t03 to be over
CHAIN = Project(
    tests=tuple(Test(name, "s0") for name in ("t00", "t01", "t02", "t03")),
    modes={"s0": "parallel", "s1": "parallel"},
    dependencies={("t01", "t00"): "data", ("t02", "t01"): "data", ("t02", "t03"): "order"},
)
BY_HAND = {
    "the lease is not checked": ("pass", ("claim", 4), ("crash", 1), ("stale", 1)),
    "counters are lowered twice": ("pass", ("claim", 4), ("report", 4)),
    "the closure is forgotten: skips stop at the first consumer": (
        "fail",
        ("claim", 4),
        ("report", 4),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_broken_engine_is_noticed_by_hand(platform_server: Cluster, name: str) -> None:
    """A few steps that agree with the model on the engine as it is do not on a broken one."""
    outcome, *steps = BY_HAND[name]
    case = (CHAIN, Selection(), 1, 2, False, [outcome], [(kind, 0, n, 0) for kind, n in steps])
    with scratch_engine(platform_server) as connection:
        run.check_run(connection, case)
        mutate(connection, name)
        with pytest.raises(AssertionError):
            run.check_run(connection, case)


def test_every_bug_can_be_seeded(platform_server: Cluster) -> None:
    """The functions that they break still say what is to be changed."""
    with scratch_engine(platform_server) as connection:
        for name in MUTATIONS:
            with connection.transaction(force_rollback=True):
                mutate(connection, name)


def noticed_where(error: BaseException) -> str:
    """Return the line of the property at which the engine and the model parted."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == Path(__file__).parent
    ]
    return f"{ours[-1].name}: {ours[-1].line}"


@pytest.mark.skipif(PROFILE != "assay-thorough", reason="asked for by ASSAY_PROPERTIES=thorough")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_engine_is_noticed(platform_server: Cluster, name: str) -> None:
    """Within a few examples, mostly."""
    check, arguments = PROPERTIES[MUTATIONS[name][0]]
    count = 0

    @settings(
        settings.get_profile("assay-quick"),
        max_examples=1000,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @given(case=arguments)
    def hold(case: tuple[Any, ...]) -> None:
        nonlocal count
        count += 1
        try:
            check(connection, *case)
        except UnsatisfiedAssumption:
            count -= 1
            raise

    with scratch_engine(platform_server) as connection:
        mutate(connection, name)
        with pytest.raises((AssertionError, psycopg.Error)) as noticed:
            hold()
    # for who reads the numbers, with -s
    print(f"\n{name}: noticed by example {count}, {noticed_where(noticed.value)}")  # noqa: T201
