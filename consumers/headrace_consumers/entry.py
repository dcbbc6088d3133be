"""The program `headrace-consumers`: its commands, but for a health check without waiting for what these need."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """`health` as containers call it takes a tenth of the time that a command line with options takes to start."""
    port = os.environ.get("HEADRACE_METRICS_PORT", "")
    if sys.argv[1:] == ["health"] and port.isdecimal() and int(port):
        from headrace_consumers.commands.health import LOCALHOST, health

        sys.exit(health(metrics_host=os.environ.get("HEADRACE_METRICS_HOST", LOCALHOST), metrics_port=int(port)))
    from headrace_consumers import cli

    cli.main()
