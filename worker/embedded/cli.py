"""The commands ``up``, ``down`` and ``demo`` of the command line."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from worker.embedded import demo, stack
from worker.embedded.errors import EmbeddedError

_EXIT_FINE = 0
_EXIT_USAGE = 2


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to *subparsers*; each sets ``func``, which returns the exit code."""
    up = subparsers.add_parser("up", help="start Supabase without Docker, in the background")
    _add_data_dir(up)
    up.add_argument("--json", action="store_true", help="print one line of JSON")
    up.add_argument(
        "--port",
        type=int,
        help="of the gateway, the database takes the next one; 0 picks free ones "
        "(default: the ports of last time, or 54321)",
    )
    up.add_argument(
        "--throwaway",
        action="store_true",
        help="faster, but a crash of the machine may destroy the data",
    )
    up.set_defaults(func=run_up)
    down = subparsers.add_parser("down", help="stop it; the data stays")
    _add_data_dir(down)
    down.set_defaults(func=run_down)
    tour = subparsers.add_parser("demo", help="start everything, run the Legito suites, stop it")
    tour.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[,KEY=VALUE...]",
        help="let the API under test misbehave, see `python -m examples.legito --help`; repeatable",
    )
    tour.set_defaults(func=run_demo)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=stack.DEFAULT_DATA_DIR,
        metavar="DIR",
        help="where the project is kept (default: %(default)s)",
    )


def run_up(arguments: argparse.Namespace) -> int:
    """Start the stack and print how to reach it."""
    try:
        connection = stack.up(
            arguments.data_dir, port=arguments.port, is_throwaway=arguments.throwaway
        )
    except (EmbeddedError, OSError) as error:
        return _fail(error)
    shown = dataclasses.asdict(connection)
    # Neither is needed to use the stack, and both are worth more than the rest together.
    del shown["admin_db_url"], shown["jwt_secret"]
    if arguments.json:
        sys.stdout.write(json.dumps(shown, separators=(",", ":")) + "\n")
    else:
        sys.stdout.writelines(f"{name:<17} {value}\n" for name, value in shown.items())
    return _EXIT_FINE


def run_down(arguments: argparse.Namespace) -> int:
    """Stop the stack; one that does not run is fine."""
    try:
        was_running = stack.down(arguments.data_dir)
    except (EmbeddedError, OSError) as error:
        return _fail(error)
    sys.stdout.write("Stopped.\n" if was_running else "It was not running.\n")
    return _EXIT_FINE


def run_demo(arguments: argparse.Namespace) -> int:
    """Show the whole at work; the exit code is the run's."""
    try:
        return demo.run_demo(arguments)
    except (EmbeddedError, OSError) as error:
        return _fail(error)


def _fail(error: Exception) -> int:
    sys.stderr.write(f"assay: {error}\n")
    return _EXIT_USAGE
