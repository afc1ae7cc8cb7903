"""The property tests bite: each way of breaking the engine is noticed by the one that should.

It takes minutes, so it runs only where ``ASSAY_PROPERTIES=thorough`` asks for it.
"""

from typing import Any

import psycopg
import pytest
import test_property_judge as judge
import test_property_plan as plan
import test_property_run as run
import test_property_templates as templates
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from reference_mutations import MUTATIONS, mutate
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


@pytest.mark.skipif(PROFILE != "assay-thorough", reason="asked for by ASSAY_PROPERTIES=thorough")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_engine_is_noticed(platform_server: Cluster, name: str) -> None:
    """Within a few hundred examples."""
    check, arguments = PROPERTIES[MUTATIONS[name][0]]

    @settings(
        settings.get_profile("assay-quick"),
        max_examples=1000,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @given(case=arguments)
    def hold(case: tuple[Any, ...]) -> None:
        check(connection, *case)

    with scratch_engine(platform_server) as connection:
        mutate(connection, name)
        with pytest.raises((AssertionError, psycopg.Error)):
            hold()
