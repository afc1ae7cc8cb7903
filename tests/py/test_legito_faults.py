"""The seeded suites against a stand-in that behaves, and against one that does not.

Whole runs: the embedded stack with the seed, a real worker, and a stand-in process for each test.
"""

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import push_migrations
from supabase import Client, ClientOptions, create_client
from support_project import running_worker
from support_wait import HANG_S, wait_until

from examples.legito.auth import Credentials, sign
from worker.embedded import demo
from worker.embedded import stack as embedded

Result = Mapping[str, Any]

# What a run may add to: documents stay listed as deleted, and events are for ever.
LISTS = (
    "/document-record?deleted=false",
    "/user",
    "/user-group",
    "/label",
    "/document-record-type",
    "/template-tag",
    "/object-record/601",
    "/push-connection",
)


@dataclasses.dataclass(frozen=True)
class Legito:
    """The seeded project in a stack of its own."""

    client: Client
    environment: str
    suites: dict[str, str]

    def run(self, *suites: str) -> dict[str, Result]:
        """Run *suites*, or all; return the results by ``suite/test`` and, in brackets, row."""
        selection = {"suites": [self.suites[suite] for suite in suites]}
        arguments = {"environment_id": self.environment, "selection": selection}
        run = self.client.rpc("queue_run", arguments).execute().data["id"]

        def state() -> dict[str, Any]:
            return self.client.rpc("get_run_state", {"run_id": run}).execute().data

        wait_until(lambda: state()["finished"], state)
        report = self.client.rpc("get_run_report", {"run_id": run}).execute().data
        return {
            f"{result['suite']}/{result['name']}"
            + (f" [{result['row_key']}]" if result["row_key"] else ""): result
            for result in report["results"]
        }

    def change(self, suite: str, name: str, **document: Any) -> None:
        """Change a test, as its author would."""
        document |= {"suite": self.suites[suite], "name": name}
        self.client.rpc("save_test", {"document": document}).execute()


@pytest.fixture(scope="module")
def legito(open_folder: Path) -> Iterator[Legito]:
    """Yield the seeded project, with a worker."""
    folder = open_folder / "legito"
    stack = embedded.up(folder, port=0, is_throwaway=True)
    try:
        push_migrations(stack.db_url, "--include-seed")
        with (
            running_worker(stack, open_folder / "legito-worker.log"),
            httpx.Client(timeout=HANG_S) as transport,
        ):
            options = ClientOptions(httpx_client=transport)
            client = create_client(stack.url, stack.secret_key, options)
            suites = client.table("test_suites").select("id,name").execute().data
            environments = client.table("environments").select("id").execute().data
            yield Legito(
                client, environments[0]["id"], {suite["name"]: suite["id"] for suite in suites}
            )
    finally:
        embedded.down(folder)


@pytest.fixture
def standin_with(legito: Legito, tmp_path: Path) -> Iterator[Callable[..., Mapping[str, str]]]:
    """Yield what starts a stand-in with some faults and points the environment at it."""
    with contextlib.ExitStack() as cleanup:

        def start(*faults: str) -> Mapping[str, str]:
            command = [sys.executable, "-m", "examples.legito", "--webhook-delay=0.05"]
            command += [f"--fault={fault}" for fault in faults]
            log = tmp_path / "standin.log"
            standin = cleanup.enter_context(demo.announced(command, log, os.environ))
            demo.point_at(legito.client, standin)
            return standin

        yield start


def verdicts(results: Mapping[str, Result]) -> dict[str, tuple[str, str]]:
    """Return status and slug of all that did not pass."""
    return {
        name: (result["status"], result["slug"])
        for name, result in results.items()
        if result["status"] != "passed"
    }


def red(results: Mapping[str, Result]) -> set[str]:
    return {name for name, (status, _) in verdicts(results).items() if status != "skipped"}


def check_explained(results: Mapping[str, Result]) -> None:
    """Insist that each result that did not pass says why, skipped ones through a red one."""
    by_id = {result["result"]: result for result in results.values()}
    for name in verdicts(results):
        result = results[name]
        assert result["category"], name
        assert result["slug"], name
        assert result["message"], name
        if result["slug"] == "assertion_failed":
            false = [one["message"] for one in result["assertions"] if not one["passed"]]
            assert result["message"].startswith(false[0]), name
        if result["status"] == "skipped":
            cause = by_id[result["cause"]["result"]]
            assert cause["status"] in {"failed", "error"}, name
            assert cause["name"] == result["cause"]["test"], name


def lists(standin: Mapping[str, str]) -> dict[str, Any]:
    """Return what the workspace holds."""
    token = sign(Credentials(standin["api_key"], standin["private_key"]), time.time())
    with httpx.Client(headers={"authorization": f"Bearer {token}"}) as client:
        return {path: client.get(standin["url"] + path).json() for path in LISTS}


def test_without_a_fault_all_is_green_and_nothing_is_left_behind(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """All suites side by side, and the workspace is as before."""
    standin = standin_with()
    before = lists(standin)

    results = legito.run()

    assert verdicts(results) == {}
    assert len(results) == 150
    assert lists(standin) == before


@pytest.mark.parametrize("suite", ["Audit trail", "Object records", "Sharing", "Webhooks"])
def test_a_suite_brings_along_what_it_needs(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]], suite: str
) -> None:
    """Dependencies on other suites, and the teardown that goes with them."""
    standin = standin_with()
    before = lists(standin)

    results = legito.run(suite)

    assert verdicts(results) == {}
    assert any(name.startswith(f"{suite}/") for name in results)
    assert lists(standin) == before


def test_latency_is_a_failure_where_a_test_limits_it(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """The answer was right, but late; and nobody else's."""
    standin_with("latency,on=/country,ms=4000")
    demo.set_variable(legito.client, "slow_ms", 4000)

    results = legito.run("Reference data")

    demo.set_variable(legito.client, "slow_ms", 20000)
    check_explained(results)
    late = "Reference data/Countries are listed"
    assert verdicts(results) == {late: ("failed", "assertion_failed")}
    assert results[late]["message"].startswith("expected: duration is less than 4000; got ")
    assert results[late]["http_status"] == 200


def test_latency_beyond_the_time_allowed_is_an_error(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """No verdict was possible, and the row says how long was waited."""
    standin_with("latency,on=/currency,ms=60000")
    name = "Currencies are listed"
    legito.change("Reference data", name, request={"total_timeout_ms": 700})

    results = legito.run("Reference data")

    legito.change("Reference data", name, request={"total_timeout_ms": 30000})
    check_explained(results)
    assert verdicts(results) == {f"Reference data/{name}": ("error", "request_timeout")}
    assert "700" in results[f"Reference data/{name}"]["message"]


def test_a_burst_skips_what_needs_its_victim_and_nothing_else(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """The other half of the suite passes, and is cleaned up after."""
    standin_with("bursts,on=POST /label")

    results = legito.run("Simple lists")

    check_explained(results)
    assert verdicts(results) == {
        "Simple lists/Create a label: a POST that answers 200": ("failed", "assertion_failed"),
        "Simple lists/The label is listed": ("skipped", "upstream_not_passed"),
        "Simple lists/Delete the label": ("skipped", "nothing_to_clean"),
        "Simple lists/The label is no longer listed": ("skipped", "nothing_to_clean"),
    }
    assert "got 503" in results["Simple lists/Create a label: a POST that answers 200"]["message"]


def test_teardown_outlasts_a_burst(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """Deleting is tried again: a stumble leaves nothing behind."""
    standin = standin_with("bursts,on=DELETE /label,count=2")
    before = lists(standin)

    results = legito.run("Simple lists")

    assert verdicts(results) == {}
    assert results["Simple lists/Delete the label"]["attempt_count"] == 3
    assert lists(standin) == before


def test_a_reset_is_an_error_of_the_network(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """The record of the files is deleted all the same."""
    standin_with("resets,on=POST /file")

    results = legito.run("Files")

    check_explained(results)
    uploads = {name for name in results if name.startswith("Files/Upload a file")}
    assert len(uploads) == 3
    assert red(results) == uploads
    assert {verdicts(results)[name] for name in uploads} == {("error", "protocol_error")}
    assert {results[name]["category"] for name in uploads} == {"network"}
    assert results["Files/The file comes back as it was sent [picture]"]["status"] == "skipped"
    assert results["Files/Delete the file [picture]"]["slug"] == "nothing_to_clean"
    assert results["Files/Delete the external document"]["status"] == "passed"


def test_a_wrong_shape_is_shown(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """The message shows the array that came instead of the object."""
    standin = standin_with("shapes,on=PUT /document-record")
    before = lists(standin)

    results = legito.run("Related documents")

    check_explained(results)
    changed = "Related documents/Give the child its parent"
    assert verdicts(results) == {
        changed: ("failed", "assertion_failed"),
        "Related documents/The child names its parent": ("skipped", "upstream_not_passed"),
    }
    assert 'body $ is of type "object"; got [{' in results[changed]["message"]
    assert lists(standin) == before


def test_tokens_that_are_refused_stop_the_run_at_its_first_test(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """One red row; all the others are skipped because of it."""
    standin_with("tokens")

    results = legito.run("Reference data", "Simple lists")

    check_explained(results)
    gate = "Reference data/The API answers and takes the key"
    assert red(results) == {gate}
    assert results[gate]["message"].startswith("expected: status equals 200; got 401")
    assert set(verdicts(results)) == set(results)


def test_tokens_that_expire_before_teardown_leave_red_what_was_left_behind(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]]
) -> None:
    """Teardown is attempted, and says what is still there."""
    standin_with("tokens,on=DELETE /user/")

    results = legito.run("Users and groups")

    check_explained(results)
    assert verdicts(results) == {
        "Users and groups/Delete the user": ("failed", "assertion_failed"),
        "Users and groups/The user is gone": ("failed", "assertion_failed"),
    }
    assert results["Users and groups/Delete the user"]["http_status"] == 401


@pytest.mark.parametrize("fault", ["bursts", "resets", "shapes"])
def test_whatever_is_struck_every_row_is_explained(
    legito: Legito, standin_with: Callable[..., Mapping[str, str]], fault: str
) -> None:
    """Faults at their own pace, over all suites: some green, some red, none without a reason."""
    standin_with(fault)

    results = legito.run()

    check_explained(results)
    assert red(results)
    assert 0 < len(verdicts(results)) < len(results) == 150
