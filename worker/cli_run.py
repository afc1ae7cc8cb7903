"""The commands that queue, follow, report and cancel runs."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from uuid import UUID

from rich.console import Console

from worker import jsontext
from worker.cli_origin import commit_of, trigger_of
from worker.cli_settings import read_settings
from worker.cli_store import ConsoleStore
from worker.errors import BadInput
from worker.render_report import Progress, print_report

Runner = Callable[[Coroutine[Any, Any, int]], int]
Command = Callable[[ConsoleStore, argparse.Namespace], Coroutine[Any, Any, int]]

_POLL_MIN_S, _POLL_MAX_S = 0.1, 1.0
_EXIT_BY_STATUS: Mapping[str, int] = {"passed": 0, "timed_out": 4}
_FAILED, _TIMED_OUT = 1, 4
_WIDE = 200
# A worker that is there takes a run up within seconds.
_PATIENCE_S = 3.0

_RUN_EXAMPLES = """\
examples:
  assay run --env staging                          queue everything, print the run's id
  assay run --env staging --suite Orders --wait    follow one suite and print its report
  assay run --project Shop --env staging --tag smoke --var api_key=abc --wait --timeout 300
  assay run --env staging --wait --commit "$(git -C api rev-parse HEAD)" --api-version 2.1

exit codes with --wait: 0 passed, 1 not passed, 4 timed out
"""
_REPORT_EXAMPLES = """\
examples:
  assay report 4cad52ea-4a89-4bfb-8dd8-0a7474afdc92
  assay report 4cad52ea-4a89-4bfb-8dd8-0a7474afdc92 --json | jq .results

exit codes: 0 passed, 1 not passed or not over, 2 no such run, 4 timed out
"""
_CANCEL_EXAMPLES = """\
example:
  assay cancel 4cad52ea-4a89-4bfb-8dd8-0a7474afdc92
"""


def add_parsers(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", run_async: Runner
) -> None:
    """Add ``run``, ``report``, ``cancel`` and ``health`` to *commands*."""

    def add(name: str, command: Command, text: str, example: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(func=lambda args: run_async(_with_store(command, args)))
        return parser

    run = add("run", _run, "queue a run, and wait for it with --wait", _RUN_EXAMPLES)
    run.add_argument(
        "--suite", action="append", default=[], help="suite, by name; repeatable (default: all)"
    )
    run.add_argument("--project", help="project, by name; needed if there are several")
    run.add_argument("--env", required=True, help="environment, by name")
    run.add_argument("--tag", action="append", default=[], help="only tests with it; repeatable")
    run.add_argument("--var", action="append", default=[], metavar="K=V", help="set a variable")
    run.add_argument("--idempotency-key", help="the same key queues one run, however often")
    run.add_argument(
        "--time-limit", type=_seconds, metavar="S", help="time the run out after S seconds"
    )
    run.add_argument(
        "--max-parallel", type=int, metavar="N", help="have at most N requests in flight"
    )
    run.add_argument(
        "--commit",
        metavar="SHA",
        default=commit_of(os.environ),
        help='commit of the API under test (default: that of the CI job; "" for none)',
    )
    run.add_argument("--api-version", metavar="V", help="version of the API under test")
    run.add_argument(
        "--trigger",
        choices=("manual", "ci", "schedule", "api"),
        default=trigger_of(os.environ),
        help="what started it (default: ci in a CI job, else manual)",
    )
    run.add_argument("--wait", action="store_true", help="follow the run and print its report")
    run.add_argument("--timeout", type=_seconds, metavar="S", help="stop waiting after S seconds")
    run.add_argument("--json", action="store_true", help="print JSON")

    report = add("report", _report, "print the report of a run", _REPORT_EXAMPLES)
    report.add_argument("run", type=_run_id, metavar="RUN", help="run id, as `assay run` prints it")
    report.add_argument("--json", action="store_true", help="print JSON")

    cancel = add("cancel", _cancel, "cancel a run; its teardown still runs", _CANCEL_EXAMPLES)
    cancel.add_argument("run", type=_run_id, metavar="RUN", help="run id, as `assay run` prints it")

    add("health", _health, "tell whether Supabase answers and Assay is installed there", "")


async def _with_store(command: Command, args: argparse.Namespace) -> int:
    async with ConsoleStore(read_settings(os.environ)) as store:
        return await command(store, args)


async def _run(store: ConsoleStore, args: argparse.Namespace) -> int:
    run = await store.queue_run(
        {
            **await _selection(store, args),
            "variables": dict(_variable(text) for text in args.var),
            "idempotency_key": args.idempotency_key,
            "timeout_ms": args.time_limit and round(args.time_limit * 1000),
            "max_parallel": args.max_parallel,
            "commit_sha": args.commit or None,
            "api_version": args.api_version or None,
            "trigger_kind": args.trigger,
        }
    )
    run_id = str(run["id"])
    console = _console()
    if not args.wait:
        console.print(jsontext.dumps(run) if args.json else run_id, soft_wrap=True, markup=False)
        return 0
    finished = await _follow(store, run_id, Progress(console, quiet=args.json), args.timeout)
    if not finished:
        Console(stderr=True).print(f"assay: run {run_id} did not end within {args.timeout:g} s")
        return _TIMED_OUT
    args.run = run_id
    return await _report(store, args)


async def _selection(store: ConsoleStore, args: argparse.Namespace) -> dict[str, Any]:
    """Turn the names in *args* into the ids that ``queue_run`` takes."""
    named = {"name": f"eq.{args.project}"} if args.project else {}
    project = await _one(store, "projects", args.project, **named)
    within = {"project_id": f"eq.{project}"}
    suites = [
        await _one(store, "test_suites", name, name=f"eq.{name}", **within) for name in args.suite
    ]
    environment = await _one(store, "environments", args.env, name=f"eq.{args.env}", **within)
    return {
        "environment_id": environment,
        "selection": {"suites": suites, "tags": args.tag},
    }


async def _one(store: ConsoleStore, table: str, label: str | None, **query: str) -> str:
    rows = await store.select(table, select="id,name", limit="20", **query)
    what = table.removeprefix("test_").removesuffix("s")
    if not rows:
        raise BadInput(f"there is no {what} named {label!r}" if label else f"there is no {what}")
    if len(rows) > 1:
        names = ", ".join(sorted(str(row["name"]) for row in rows))
        raise BadInput(f"there are several {what}s, name one: {names}")
    return str(rows[0]["id"])


def _run_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a run id, which is a UUID") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise BadInput(f"--var takes NAME=VALUE, not {text!r}")
    return name, value


async def _follow(
    store: ConsoleStore, run_id: str, progress: Progress, timeout_s: float | None
) -> bool:
    """Show how the run goes until it is over; False when *timeout_s* ran out first."""
    until = time.monotonic() + timeout_s if timeout_s else None
    since, pause_s = 0, _POLL_MIN_S
    began, told = time.monotonic(), ""
    with progress:
        while True:
            state = await store.get_run_state(run_id, since)
            progress.show(state.get("run") or {}, state.get("results") or [])
            wait = state.get("waiting") or {}
            if time.monotonic() - began > _PATIENCE_S and wait.get("slug", told) != told:
                told = wait["slug"]
                line = f"assay: the run waits: {wait.get('message')}. {wait.get('hint')}"
                Console(stderr=True).print(line, soft_wrap=True, markup=False, highlight=False)
            if state.get("finished"):
                return True
            if until and time.monotonic() > until:
                return False
            moved = int(state.get("next") or since)
            pause_s = _POLL_MIN_S if moved > since else min(pause_s * 1.5, _POLL_MAX_S)
            since = moved
            await asyncio.sleep(pause_s)


async def _report(store: ConsoleStore, args: argparse.Namespace) -> int:
    report = await store.get_run_report(args.run)
    if not report:
        raise BadInput(f"there is no run {args.run}, or it is not yours to see")
    status = str((report.get("run") or {}).get("status", ""))
    console = _console()
    if args.json:
        console.print(jsontext.dumps(report), soft_wrap=True, markup=False)
    else:
        print_report(console, report)
    return _EXIT_BY_STATUS.get(status, _FAILED)


async def _cancel(store: ConsoleStore, args: argparse.Namespace) -> int:
    run = await store.cancel_run(args.run)
    _console().print(f"{args.run} {run.get('status', 'cancelled')}")
    return 0


def _console() -> Console:
    """Return what prints to stdout; what is no terminal has no width to wrap at."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


async def _health(store: ConsoleStore, args: argparse.Namespace) -> int:
    del args
    await store.select("test_runs", select="id", limit="1")
    _console().print(json.dumps({"status": "ok"}))
    return 0
