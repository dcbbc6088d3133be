"""The services: by which command line each is known, and where its code begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.deploy.calls.daemon import DAEMON

_BY_COMMAND: Mapping[str, str] = {
    "headrace-consumers run": "worker",
    "headrace_consumers.runtime.engine_process": "worker",
    "headrace-consumers windows": "windows",
    "headrace-consumers load": "loader",
    "headrace-consumers": "operator",
    "headrace-sql athena": "operator",
    "headrace-sql rotate": "rotation",
    "headrace-sql": "dbt",
    "headrace_batch.landing.handler": "landing",
    "headrace-batch": "batch",
    "pyspark.daemon": "batch",
    "headrace-producers": "producer",
}
"""By the first of these that a command line has; longer ones come before what they begin with."""
_NOT_DEPLOYED = ("headrace_local", "tests.deploy.calls", DAEMON)
"""The local environment, the run itself, and the daemon, which is held against its documentation."""

_RUN, _OPERATE = "headrace_consumers.commands", "headrace_consumers.operate.commands"
_BATCH, _SQL = "headrace_batch.commands", "headrace_sql.commands"
ENTRIES: Mapping[str, Sequence[str]] = {
    "worker": (f"{_RUN}.run:run", "headrace_consumers.runtime.engine_process:main"),
    "windows": (f"{_RUN}.windows:windows",),
    "loader": (f"{_RUN}.load:load",),
    "operator": (
        *(f"{_OPERATE}:{name}" for name in ("status", "commits", "adopt", "repair")),
        *(f"{_RUN}.{name}:{name}" for name in ("reconcile", "release")),
        *(f"{_RUN}.catalog:{name}" for name in ("plan", "apply")),
        *(f"{_RUN}.schema:{name}" for name in ("plan", "apply")),
        *(f"{_SQL}.athena:{name}" for name in ("apply", "run")),
    ),
    "dbt": (f"{_SQL}.build:build", f"{_SQL}.freshness:freshness", f"{_SQL}.unload:unload"),
    "rotation": (f"{_SQL}.rotate:rotate",),
    "batch": (
        *(f"{_BATCH}.{name}:{name}" for name in ("land", "land_handed", "backfill", "transform", "rewind", "replay")),
        *(f"{_BATCH}.{name}:{name}" for name in ("compact", "expire", "forget", "standing")),
        *(f"{_BATCH}.dead_letters:{name}" for name in ("list_", "show", "redrive")),
        "headrace_batch.spark.stager:SparkTask", "headrace_batch.spark.handing:PieceTask",
    ),
    "landing": ("headrace_batch.landing.handler:handler",),
    "producer": ("headrace_producers.producer:Producer",),
}  # fmt: skip
"""Commands that only print what the code says are not among them."""


def service_of(argv: Sequence[str]) -> str:
    """Empty where the process is no service; raises ValueError where nobody has told of it."""
    said = " ".join(word.rpartition("/bin/")[2] for word in argv)
    for mark, service in _BY_COMMAND.items():
        if mark in said:
            return service
    if any(mark in said for mark in _NOT_DEPLOYED):
        return ""
    raise ValueError(f"a process called AWS, and services.py knows no service by its command line: {argv}")
