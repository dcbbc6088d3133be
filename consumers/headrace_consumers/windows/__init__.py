"""Event-time windows: declared here, aggregated per batch, merged over all shards."""

from headrace_consumers.windows.checks import check_windows
from headrace_consumers.windows.declare import (
    Aggregate,
    Hopping,
    Session,
    Tumbling,
    Window,
    count,
    distinct,
    maximum,
    mean,
    minimum,
    quantile,
    total,
    variance,
)

__all__ = [
    "Aggregate",
    "Hopping",
    "Session",
    "Tumbling",
    "Window",
    "check_windows",
    "count",
    "distinct",
    "maximum",
    "mean",
    "minimum",
    "quantile",
    "total",
    "variance",
]
