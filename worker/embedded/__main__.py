"""``python -m worker.embedded up|down``: the commands without the rest of the worker."""

import argparse
import sys

from worker.embedded.cli import add_parsers


def main() -> int:
    """Parse the command line, run the command, return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker.embedded")
    add_parsers(parser.add_subparsers(required=True, metavar="command"))
    arguments = parser.parse_args()
    code: int = arguments.func(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
