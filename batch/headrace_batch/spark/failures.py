"""What is said of a task that failed: Spark tells a traceback, which may quote a row."""

from __future__ import annotations

import re

_RAISED = re.compile(r"^(?:[a-z_0-9]+\.)*(\w+(?:Error|Exception))(?::.*)?$", re.MULTILINE)
"""The last line of a traceback."""
_OURS = re.compile(r"^headrace_\w+(?:\.\w+)*\.\w+Error: (.*)$", re.MULTILINE)


def sentence_of(what: str, error: str) -> str:
    """Our own errors are sentences; of others only the kind is told."""
    if ours := _OURS.findall(error):
        return f"{what}: {ours[-1]}"
    raised = _RAISED.findall(error)
    kind = raised[-1] if raised else "an error"
    return f"{what} failed with {kind}; Spark's log has the traceback. Nothing of this run is in the lake"
