"""`headrace-producers`: put and tail events from a shell, look at contracts."""

from headrace_producers.cli.main import main

__all__ = ["main"]
