"""Stream, archive, commit log and warehouse, as AWS tells of them: these speak where our own metrics are silent."""

from __future__ import annotations

from headrace_consumers.telemetry.alarms.alarm import Alarm, Comparison, Scope, Statistic
from headrace_consumers.telemetry.alarms.aws import archive, log_table, over, stream, workgroup
from headrace_consumers.telemetry.catalogue import Severity

_HOUR_MS = 3_600_000

PLATFORM_ALARMS = (
    Alarm(
        name="stream-unread",
        severity=Severity.PAGE,
        series=(stream("GetRecords.IteratorAgeMilliseconds", Statistic.MAXIMUM),),
        threshold=6 * _HOUR_MS,
        period_s=300,
        periods=2,
        means="Records are read more than six hours after they came; a stream keeps them for a day or more.",
        first="Raise the retention now: `aws kinesis increase-stream-retention-period`. Is it our worker, or Firehose?",
        runbook="runbook",
        unless=("lag-near-retention",),
    ),
    Alarm(
        name="stream-writes-throttled",
        severity=Severity.TICKET,
        series=(stream("WriteProvisionedThroughputExceeded", Statistic.SUM),),
        threshold=0,
        period_s=300,
        periods=6,
        datapoints=4,
        means="Producers are throttled, and spool: the stream has too few shards, or a hot key.",
        first="All shards, or one? More shards, or a better partition key.",
        runbook="runbook",
    ),
    Alarm(
        name="stream-reads-throttled",
        severity=Severity.TICKET,
        series=(stream("ReadProvisionedThroughputExceeded", Statistic.SUM),),
        threshold=0,
        period_s=300,
        periods=6,
        datapoints=4,
        means="Readers are throttled: more than a shard gives, or too many consumers share it.",
        first="Who reads? `retrieval_mode` FANOUT gives the worker a throughput of its own.",
        runbook="runbook",
    ),
    Alarm(
        name="archive-stale",
        severity=Severity.TICKET,
        series=(archive("DeliveryToS3.DataFreshness", Statistic.MAXIMUM),),
        threshold=3_600,
        period_s=300,
        periods=3,
        means="The independent archive is more than an hour behind.",
        first="Firehose's error log, and the error prefix of its bucket. The worker is not concerned.",
        runbook="runbook",
    ),
    Alarm(
        name="log-throttled",
        severity=Severity.TICKET,
        series=(log_table("ReadThrottleEvents", Statistic.SUM), log_table("WriteThrottleEvents", Statistic.SUM)),
        expression="FILL(m1, 0) + FILL(m2, 0)",
        threshold=0,
        period_s=300,
        periods=6,
        datapoints=4,
        scope=Scope.ENVIRONMENT,
        means="DynamoDB throttles the commit log; commits are tried again, and take longer.",
        first="Is it one pipeline (Contributor Insights), or the table's own limits?",
        runbook="runbook",
    ),
    Alarm(
        name="warehouse-queries-queued",
        severity=Severity.TICKET,
        series=(over(workgroup("QueriesQueued", Statistic.SUM), "QueryType"),),
        threshold=20,
        period_s=300,
        periods=6,
        scope=Scope.ENVIRONMENT,
        means="Queries have been waiting for half an hour: the warehouse is at its capacity.",
        first="Who asks (`sys_query_history`)? Else raise `max_rpus`, within the usage limit.",
        runbook="runbook",
    ),
    Alarm(
        name="warehouse-limit-near",
        severity=Severity.TICKET,
        series=(over(workgroup("UsageLimitAvailable", Statistic.MINIMUM), "UsageLimitId", "UsageType"),),
        comparison=Comparison.BELOW,
        threshold=2,
        period_s=300,
        scope=Scope.ENVIRONMENT,
        means="Less than two RPU-hours are left of the day's usage limit; where it ends, loads may stop till midnight.",
        first="Who asks (`sys_query_history`)? Raise the limit in env.hcl where the use is right.",
        runbook="runbook",
    ),
)
