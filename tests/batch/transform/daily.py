"""The demo's transform, partitioned by days."""

from dataclasses import replace

from headrace_consumers.grain import Grain
from headrace_local.transforms import utilisation

daily = replace(utilisation, partition_by=Grain.DAY)
