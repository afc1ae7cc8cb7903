"""What a run is told of its commit and trigger by the variables of CI systems."""

import pytest

from worker.cli_origin import commit_of, trigger_of

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("env", "commit"),
    [
        ({}, None),
        ({"GITHUB_SHA": SHA}, SHA),
        ({"CI_COMMIT_SHA": SHA}, SHA),
        ({"GIT_COMMIT": SHA}, SHA),
        ({"BUILDKITE_COMMIT": "HEAD"}, None),
        ({"GITHUB_SHA": "", "GIT_COMMIT": SHA}, SHA),
    ],
)
def test_the_commit_is_that_of_the_job(env: dict[str, str], commit: str | None) -> None:
    """A default must never refuse a run: what is no commit is as if it were not there."""
    assert commit_of(env) == commit


@pytest.mark.parametrize(
    ("env", "trigger"),
    [
        ({}, "manual"),
        ({"CI": "true"}, "ci"),
        ({"CI": "1"}, "ci"),
        ({"CI": "false"}, "manual"),
        ({"TF_BUILD": "True"}, "ci"),
        ({"JENKINS_URL": "http://ci.lan/"}, "ci"),
    ],
)
def test_a_job_is_told_from_a_person(env: dict[str, str], trigger: str) -> None:
    """By what CI systems set; some tools set CI to false."""
    assert trigger_of(env) == trigger
