"""What no test may leave behind for the next."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.deploy.mutants.printed import table


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that a test runs in this process sends all logs to the stderr of that test: a later one would find
    `I/O operation on closed file` on its own."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    loggers = [logging.getLogger(name) for name in ("headrace_consumers", "headrace_producers")]
    handlers, levels = root.handlers[:], [(logger, logger.level) for logger in (root, *loggers)]
    yield
    root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)
    sys.excepthook, threading.excepthook = hooks


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The mutants of deploy/ that were tried, which check saw each, and what it said."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    for line in table([value for report in reports for name, value in report.user_properties if name == "mutant"]):
        terminalreporter.write_line(line)
