"""The stand-in's fault switch, one fault at a time."""

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from conftest import ROOT
from support_legito import KEYS, connect, ok
from support_wait import HANG_S

from examples.legito import faults
from examples.legito.app import LegitoApp, create_app
from examples.legito.auth import Credentials, sign
from examples.legito.faults import Fault


def app_with(*specifications: str) -> LegitoApp:
    planned = [Fault.parse(text) for text in specifications]
    return create_app(KEYS.api_key, KEYS.private_key, planned=planned)


async def statuses(api: httpx.AsyncClient, path: str, calls: int) -> list[int]:
    return [(await api.get(path)).status_code for _ in range(calls)]


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[httpx.Client]:
    """Run the command; yield a client that carries a token."""
    command = [sys.executable, "-m", "examples.legito", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            ready = json.loads(process.stdout.readline())
            token = sign(Credentials(ready["api_key"], ready["private_key"]), time.time())
            headers = {"authorization": f"Bearer {token}"}
            url = ready["url"]
            with httpx.Client(base_url=url, headers=headers, timeout=HANG_S) as client:
                yield client
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("options", "struck"),
    [
        ("every=1", "11111111"),
        ("every=4", "10001000"),
        ("every=4,burst=2", "11001100"),
        ("every=4,burst=2,after=3", "00011001"),
        ("every=2,count=2", "10100000"),
        ("after=6,every=1", "00000011"),
    ],
)
def test_calls_are_counted(options: str, struck: str) -> None:
    """The same calls are struck every time."""
    fault = Fault.parse(f"tokens,{options}")

    assert [fault.strikes("GET", "/info") for _ in struck] == [s == "1" for s in struck]


def test_without_a_pace_some_are_struck_and_others_not() -> None:
    """The first ten are spared, so that a run gets as far as to fail in interesting places."""
    fault = Fault.parse("resets")

    struck = [fault.strikes("GET", "/info") for _ in range(23)]

    assert [number for number, is_struck in enumerate(struck) if is_struck] == [10, 11, 20, 21]


def test_only_calls_that_match_are_counted() -> None:
    """By path, or by method and path, from the beginning."""
    by_path, by_method = Fault.parse("tokens,on=/user"), Fault.parse("tokens,on=POST /user")
    calls = [("GET", "/user"), ("POST", "/user-group"), ("POST", "/label")]

    assert [by_path.strikes(*call) for call in calls] == [True, True, False]
    assert [by_method.strikes(*call) for call in calls] == [False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "weather",
        "",
        "tokens,every",
        "tokens,every=0",
        "tokens,every=x",
        "tokens,ms=5",
        "latency,status=503",
        "bursts,status=404",
        "bursts,when=now",
    ],
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    """When the command starts, not when the fault is due."""
    with pytest.raises(argparse.ArgumentTypeError):
        Fault.parse(text)


def test_the_help_names_every_fault() -> None:
    """Text and table do not drift apart."""
    assert [line.split()[0] for line in faults.HELP.splitlines()[1:6]] == list(faults.NAMES)


async def test_latency_answers_late() -> None:
    """Late, but rightly."""
    async with connect(app_with("latency,ms=80,count=1")) as api:
        begun = time.monotonic()
        assert await statuses(api, "/info", 1) == [200]

        assert time.monotonic() - begun >= 0.08


async def test_a_burst_answers_with_an_error_and_does_nothing() -> None:
    """The error has the shape of the API's own."""
    async with connect(app_with("bursts,burst=2,count=2,status=502")) as api:
        error = await ok(api, "POST", "/label", 502, {"name": "Fresh"})
        assert await statuses(api, "/label", 2) == [502, 200]

        assert error == {"code": 502, "message": "Bad Gateway"}
        assert "Fresh" not in str(await ok(api, "GET", "/label", 200))


async def test_another_shape_leaves_the_status_and_errors_alone() -> None:
    """An array comes in an envelope, an object in an array; what was asked is done."""
    async with connect(app_with("shapes,every=1")) as api:
        made = await ok(api, "POST", "/label", 200, {"name": "Fresh"})
        listed = await ok(api, "GET", "/label", 200)
        error = await ok(api, "DELETE", "/label/1", 404)

    assert made[0]["name"] == "Fresh"
    assert listed["total"] == len(listed["items"]) == 3
    assert error["code"] == 404


async def test_good_tokens_are_taken_for_expired_and_bad_ones_stay_bad() -> None:
    """401, as the real thing."""
    async with connect(app_with("tokens")) as api:
        assert (await ok(api, "GET", "/info", 401))["message"] == "The token has expired"
    async with connect(app_with("tokens"), "nonsense") as api:
        assert (await ok(api, "GET", "/info", 401))["message"] == "The token is not valid"


async def test_faults_combine() -> None:
    """Each counts for itself."""
    async with connect(app_with("tokens,every=2", "bursts,every=3,burst=1")) as api:
        assert await statuses(api, "/info", 6) == [503, 200, 401, 503, 401, 200]


async def test_the_sink_is_spared() -> None:
    """It belongs to the test, not to the API."""
    async with connect(app_with("tokens", "resets,every=1", "shapes,every=1")) as api:
        assert await ok(api, "GET", "http://standin/sink/one", 200) == []


def test_a_reset_is_one() -> None:
    """The operating system says so, nothing was answered or done, and the server goes on."""
    with running("--fault", "resets,burst=1,count=1") as client:
        with pytest.raises(httpx.ReadError) as caught:
            client.post("/label", json={"name": "Fresh"})

        assert "Connection reset" in str(caught.value)
        assert "Fresh" not in client.get("/label").text
