"""One run against ``support_bad_target`` by a real worker: a test for all that can go wrong."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from supabase import Client
from support_project import HERE, STATUS_OK, Project, running_target, running_worker

from worker.embedded.stack import Connection

A = {"source": "body", "path": "$.a", "operator": "exists"}
FINE = {"source": "body", "path": "$.fine", "operator": "equals", "expected": 1}
HANGS = '$[?(@ =~ "^(a+)+$")]'


@dataclasses.dataclass(frozen=True)
class Bad:
    """A test that cannot pass: where it asks, what it looks for, and the reason it is given."""

    path: str
    reason: str
    """Status, category and slug."""
    message: str
    """A pattern."""
    assertions: Sequence[Mapping[str, Any]] = (STATUS_OK,)
    request: Mapping[str, Any] = dataclasses.field(default_factory=dict)


NETWORK = "error network protocol_error"
BADS = {
    "a body that is not JSON": Bad(
        "/text",
        "failed assertion assertion_failed",
        r"\$\.a exists: the body is not JSON",
        (STATUS_OK, A),
    ),
    "an empty body": Bad(
        "/empty",
        "failed assertion assertion_failed",
        "the body is not JSON: it is empty",
        (A,),
    ),
    "a body that is nested too deeply": Bad(
        "/deep",
        "failed assertion assertion_failed",
        "the body is not JSON: it is nested too deeply",
        (A,),
    ),
    "a body of 50 MB": Bad(
        "/large",
        "error response body_truncated",
        "only the first 5242880 bytes",
        (STATUS_OK, {"source": "header", "name": "Connection", "operator": "exists"}, A),
    ),
    "a binary body": Bad("/binary", "error response body_not_text", "is not text", (A,)),
    "a header without an end": Bad("/header", "error response response_too_large", "too long"),
    "a value with NUL": Bad("/nul", "error definition unstorable_value", "NUL", (FINE, A)),
    "a value with half a pair": Bad(
        "/surrogate", "error definition unstorable_value", "half a surrogate pair", (FINE, A)
    ),
    "a regular expression that hangs": Bad(
        "/regex",
        "error definition lookup_too_slow",
        "longer than 3 s",
        ({**A, "path": HANGS},),
    ),
    "a path that makes no sense once it is filled in": Bad(
        "/text", "error definition invalid_path", "is not valid", ({**A, "path": "{{bad_path}}"},)
    ),
    "a pattern that makes no sense once it is filled in": Bad(
        "/text",
        "error definition invalid_pattern",
        "is not valid",
        ({"source": "text", "pattern": "{{bad_pattern}}", "operator": "exists"},),
    ),
    "a placeholder that nobody defines": Bad(
        "/{{nobody_defines_it}}",
        "error definition unresolved_variable",
        "nobody_defines_it",
    ),
    "a header with a line end": Bad(
        "/echo",
        "error definition invalid_definition",
        "header|HTTP",
        request={"headers": [["X-Split", "{{two_lines}}"]]},
    ),
    "a host that does not resolve": Bad(
        "http://nowhere.invalid/",
        "error network dns_failed",
        "the name nowhere.invalid could not be resolved",
    ),
    "a host that refuses": Bad(
        "http://127.0.0.1:1/", "error network connect_failed", "127.0.0.1:1: ECONNREFUSED"
    ),
    "a host that is not public": Bad(
        "http://10.0.0.1/", "error egress egress_denied", "10.0.0.1 is not a public address"
    ),
    "a host that never answers": Bad(
        "/never",
        "error timeout request_timeout",
        "no whole answer from 127.0.0.1:[0-9]+ within 500 ms",
        request={"total_timeout_ms": 500},
    ),
    "a host that resets": Bad("/reset", NETWORK, "broke off"),
    "a host that hangs up": Bad("/hang-up", NETWORK, "broke off"),
    "a host that hangs up halfway": Bad("/half", NETWORK, "broke off"),
    "a host that sends garbage": Bad("/garbage", NETWORK, "is not HTTP"),
    "a header with NUL": Bad("/header-nul", NETWORK, "is not HTTP"),
    "a body that is not packed as it says": Bad("/gzip", NETWORK, "encoding it names"),
    "a redirect in a circle": Bad("/round", NETWORK, "more than 10 redirects"),
    "a redirect to nowhere": Bad(
        "/nowhere", NETWORK, "redirects to what is no http or https address"
    ),
}
"""By the name of the test."""
NO_TLS = "TLS where there is none"
VARIABLES = {"bad_path": "$.[", "bad_pattern": "(", "two_lines": "a\r\nb"}


@dataclasses.dataclass(frozen=True)
class BadRun:
    """The run when it is over."""

    client: Client
    run_id: str
    results: Mapping[str, Mapping[str, Any]]
    """By the name of the test."""
    worker_peak_kb: int

    def attempt(self, name: str) -> dict[str, Any]:
        """Return the evidence of the only attempt at a test."""
        rows = self.client.table("test_result_details").select("*")
        return rows.eq("result_id", self.results[name]["result"]).single().execute().data


def run_badly(stack: Connection, client: Client, folder: Path) -> BadRun:
    """Make the run, with a worker that is gone afterwards."""
    path = os.pathsep.join([str(HERE / "no_dns"), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {"PYTHONPATH": path, "ASSAY_LOOKUP_TIMEOUT_S": "3"}
    with (
        running_target("support_bad_target.py") as target,
        running_worker(stack, folder / "worker.log", **settings) as worker,
    ):
        project = Project.create(client, target)
        for name, bad in BADS.items():
            project.add_test(name, bad.path, assertions=bad.assertions, request=bad.request)
        port = target.rpartition(":")[2]
        project.add_test(NO_TLS, f"https://127.0.0.1:{port}/")
        add_digits(project)
        project.add_test("text with NUL", "/raw-nul")
        run_id = project.queue(variables=VARIABLES)
        results = project.wait(run_id)
        peak = Path(f"/proc/{worker.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    return BadRun(client, run_id, results, int(peak))


def add_digits(project: Project) -> None:
    """Add a test that captures numbers of 400 digits, and one that sends them on."""
    captures = [
        {"name": name, "source": "body", "path": f"$.{name}"} for name in ("integer", "fraction")
    ]
    project.add_test("numbers of 400 digits", "/digits", captures=captures)
    project.add_test(
        "the same numbers, sent on",
        "/echo",
        method="POST",
        body={"kind": "json", "value": ["{{integer}}", "{{fraction}}"]},
        assertions=[
            {"source": "body", "path": "$[0]", "operator": "equals", "expected": "{{integer}}"},
            {"source": "body", "path": "$[1]", "operator": "equals", "expected": "{{fraction}}"},
        ],
    )
