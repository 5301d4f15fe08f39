"""Make a demo source, or move one on: `python -m demo_source create|advance|status`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime

import mysql.connector

from .database import DemoSource, DemoSourceError
from .school import School

SERVER_VARIABLE = "KPI_MYSQL_ROOT"


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no instant: write it like 2026-02-01T01:30:00Z"
        ) from None
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} has no time zone: write it like 2026-02-01T01:30:00Z"
        )
    return instant


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo_source", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make the database anew, as of an instant")
    create.add_argument("--at", type=_instant, required=True, help="like 2026-02-01T01:30:00Z")
    create.add_argument("--learners", type=int, help="240 if not given; 2000 with --benchmark")
    create.add_argument("--seed", type=int, default=7)
    create.add_argument("--app-timezone", default="UTC", help="zone of the datetime columns")
    create.add_argument(
        "--benchmark", action="store_true", help="288 realisation rows each, nothing odd"
    )
    advance = commands.add_parser("advance", help="move the database on to a later instant")
    advance.add_argument("--to", type=_instant, required=True, help="like 2026-02-02T01:30:00Z")
    status = commands.add_parser("status", help="say where the database stands")
    for command in (create, advance, status):
        command.add_argument("--database", default="lms_demo")
    return parser


def _create(server: str, arguments: argparse.Namespace) -> str:
    learners = arguments.learners
    if arguments.benchmark:
        school = School.benchmark(2000 if learners is None else learners, arguments.seed)
    else:
        school = School(arguments.seed, 240 if learners is None else learners)
    source = DemoSource(server, arguments.database, school, arguments.app_timezone)
    counts = source.create(arguments.at)
    return f"made as of {arguments.at.isoformat()}: {sum(counts.values())} rows"


def _run(arguments: argparse.Namespace) -> str:
    server = os.environ.get(SERVER_VARIABLE)
    if not server:
        raise DemoSourceError(
            f"{SERVER_VARIABLE} is not set: give it as mysql://root:password@127.0.0.1:port/."
        )
    began = time.monotonic()
    if arguments.command == "create":
        done = _create(server, arguments)
    elif arguments.command == "advance":
        moved = DemoSource.open(server, arguments.database).advance(arguments.to)
        done = f"moved to {arguments.to.isoformat()}: {moved}"
    else:
        stands_at = DemoSource.open(server, arguments.database).stands_at()
        return f"{arguments.database} stands at {stands_at.isoformat()}"
    return f"{arguments.database} {done} in {time.monotonic() - began:.1f} s"


def main(argv: list[str] | None = None) -> int:
    """Run a command; return 1, with one sentence on standard error, when it can't be done."""
    try:
        print(_run(_parser().parse_args(argv)))
    except (DemoSourceError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except mysql.connector.Error as error:
        print(f"MySQL refused: {error.msg}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
