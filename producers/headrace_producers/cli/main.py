"""Arguments, dispatch and exit codes: 0 all well, 1 something was refused, lost or broken, 2 wrong usage."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from headrace_producers.cli import contracts, put, tail
from headrace_producers.contracts import Contract, declared_contracts
from headrace_producers.contracts.lock import LOCK_NAME
from headrace_producers.errors import ContractError, HeadraceError

DEFAULT_MODULE = "headrace_producers.flights"
_INTERRUPTED = 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Expected errors are one sentence on stderr, without a traceback."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        return int(options.run(options, load_contracts(options.module)))
    except HeadraceError as error:
        print(f"headrace-producers: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def load_contracts(modules: Sequence[str]) -> tuple[Contract, ...]:
    """Imports the modules and answers the contracts that they declare."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = {importlib.import_module(name).__name__ for name in modules or [DEFAULT_MODULE]}
    except ModuleNotFoundError as error:
        raise ContractError(f"there is no module {error.name}; --module takes importable names") from error
    finally:
        sys.path.pop(0)
    return tuple(one for one in declared_contracts() if one.event.__module__ in loaded)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headrace-producers", description="Typed events into Kinesis.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--module", action="append", default=[], help=f"module that declares contracts (default: {DEFAULT_MODULE})"
    )
    _add_put(commands.add_parser("put", parents=[common], help="put newline-delimited JSON from stdin"))
    _add_tail(commands.add_parser("tail", parents=[common], help="show the events of a stream as they come"))
    kinds = commands.add_parser("contracts", help="list, show and check contracts").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listing = kinds.add_parser("list", parents=[common], help="the declared contracts")
    listing.set_defaults(run=contracts.list_all)
    show = kinds.add_parser("show", parents=[common], help="one contract")
    show.add_argument("name", help="flight.departed, or flight.departed.v1")
    show.add_argument("--json-schema", action="store_true", help="as JSON Schema")
    show.set_defaults(run=contracts.show)
    check = kinds.add_parser("check", parents=[common], help="compare with the lock file; exit 1 when it breaks")
    check.add_argument("--lock", type=Path, default=Path(LOCK_NAME), help=f"default: {LOCK_NAME}")
    check.add_argument("--write", action="store_true", help="bring the lock file up to date")
    check.add_argument("--allow-breaking", action="store_true", help="with --write: even where readers break")
    check.set_defaults(run=contracts.check)
    return parser


def _add_put(parser: argparse.ArgumentParser) -> None:
    parser.description = "Lines are CloudEvents, or bare data objects of the one contract that --contract names."
    parser.add_argument("stream")
    parser.add_argument("--contract", help="the contract of bare objects: flight.departed, or flight.departed.v1")
    parser.add_argument("--source", help="CloudEvents source (default: headrace-producers)")
    parser.add_argument("--spool", type=Path, metavar="DIR", help="keep packs on disk until they are delivered")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds to wait at the end (60)")
    parser.set_defaults(run=put.run)


def _add_tail(parser: argparse.ArgumentParser) -> None:
    parser.description = "All shards, packs taken apart, until Ctrl-C."
    parser.add_argument("stream")
    parser.add_argument("--json", action="store_true", help="one JSON line per event: shard, sequence number, event")
    parser.add_argument("--from-start", action="store_true", help="from the oldest record (default: from now on)")
    parser.add_argument("--limit", type=int, metavar="N", help="stop after N events")
    parser.set_defaults(run=tail.run)
