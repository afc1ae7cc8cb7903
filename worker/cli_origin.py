"""What the surroundings tell of a run: the commit under test, and what started it."""

import re
from collections.abc import Mapping

# GitHub, GitLab and Woodpecker, Bitbucket, CircleCI, Azure, Jenkins, Buildkite, Travis, Drone.
COMMITS = (
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "BITBUCKET_COMMIT",
    "CIRCLE_SHA1",
    "BUILD_SOURCEVERSION",
    "GIT_COMMIT",
    "BUILDKITE_COMMIT",
    "TRAVIS_COMMIT",
    "DRONE_COMMIT_SHA",
)
# The last two are of those that do not set CI: Azure, Jenkins.
SIGNS_OF_CI = ("CI", "TF_BUILD", "JENKINS_URL")


def commit_of(env: Mapping[str, str]) -> str | None:
    """Return the commit that a CI job of *env* is about; what is no digest is passed over."""
    told = (env.get(name, "") for name in COMMITS)
    return next((one for one in told if re.fullmatch("[0-9a-f]{7,64}", one)), None)


def trigger_of(env: Mapping[str, str]) -> str:
    """Return ``ci`` in a CI job, else ``manual``."""
    is_ci = any(env.get(name, "").lower() not in {"", "0", "false"} for name in SIGNS_OF_CI)
    return "ci" if is_ci else "manual"
