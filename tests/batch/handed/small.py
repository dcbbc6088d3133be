"""The demo's pipeline, where any file is a big one."""

from dataclasses import replace

from headrace_consumers.landing import Limits
from headrace_local.pipelines import flights

small = replace(
    flights, landings=tuple(replace(source, limits=Limits(max_bytes=1024)) for source in flights.landings)
)  # fmt: skip
