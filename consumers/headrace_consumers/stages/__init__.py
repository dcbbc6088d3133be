"""Pure functions from Kinesis records to Arrow tables: no clock, no S3, no KCL."""

from headrace_consumers.stages.combine import concat_staged, next_starts, partition_values, partitions_of
from headrace_consumers.stages.stage import stage_batch

__all__ = ["concat_staged", "next_starts", "partition_values", "partitions_of", "stage_batch"]
