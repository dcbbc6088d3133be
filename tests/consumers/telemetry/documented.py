"""Metrics as AWS documents them: namespace to metric to its sets of dimensions.

From the user guides of Kinesis Data Streams, Data Firehose, DynamoDB, Lambda, SQS, Step Functions, EventBridge
Scheduler, ECS, Container Insights and Redshift Serverless; of each, what is about streams, tables, functions, queues
and services as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Dimensions = frozenset[str]


def _each(names: Sequence[str], *sets: Sequence[str]) -> dict[str, tuple[Dimensions, ...]]:
    return dict.fromkeys(names, tuple(map(frozenset, sets)))


DOCUMENTED: Mapping[str, Mapping[str, tuple[Dimensions, ...]]] = {
    "AWS/Kinesis": _each(
        (
            "GetRecords.Bytes", "GetRecords.IteratorAgeMilliseconds", "GetRecords.Latency", "GetRecords.Records",
            "GetRecords.Success", "IncomingBytes", "IncomingRecords", "PutRecord.Bytes", "PutRecord.Latency",
            "PutRecord.Success", "PutRecords.Bytes", "PutRecords.Latency", "PutRecords.Records", "PutRecords.Success",
            "PutRecords.TotalRecords", "PutRecords.SuccessfulRecords", "PutRecords.FailedRecords",
            "PutRecords.ThrottledRecords", "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
        ),
        ["StreamName"],
    ),
    "AWS/Firehose": _each(
        (
            "DeliveryToS3.Bytes", "DeliveryToS3.DataFreshness", "DeliveryToS3.Records", "DeliveryToS3.Success",
            "DataReadFromKinesisStream.Bytes", "DataReadFromKinesisStream.Records", "KinesisMillisBehindLatest",
            "IncomingBytes", "IncomingRecords", "ThrottledRecords",
        ),
        ["DeliveryStreamName"],
    ),
    "AWS/DynamoDB": _each(
        (
            "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents",
            "TransactionConflict", "ConditionalCheckFailedRequests",
        ),
        ["TableName"],
    ),
    "AWS/Lambda": _each(
        ("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "AsyncEventAge"), ["FunctionName"]
    ),
    "AWS/SQS": _each(
        (
            "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesVisible", "NumberOfEmptyReceives",
            "NumberOfMessagesDeleted", "NumberOfMessagesReceived", "NumberOfMessagesSent", "SentMessageSize",
        ),
        ["QueueName"],
    ),
    "AWS/States": _each(
        (
            "ExecutionTime", "ExecutionThrottled", "ExecutionsAborted", "ExecutionsFailed", "ExecutionsStarted",
            "ExecutionsSucceeded", "ExecutionsTimedOut",
        ),
        ["StateMachineArn"],
    ),
    "AWS/Scheduler": _each(
        ("InvocationAttemptCount", "InvocationDroppedCount", "InvocationThrottleCount", "TargetErrorCount"),
        ["ScheduleGroup"],
    ),
    "AWS/ECS": _each(("CPUUtilization", "MemoryUtilization"), ["ClusterName", "ServiceName"], ["ClusterName"]),
    "ECS/ContainerInsights": _each(
        ("DesiredTaskCount", "PendingTaskCount", "RunningTaskCount", "TaskSetCount", "DeploymentCount"),
        ["ClusterName", "ServiceName"],
    ),
    "AWS/Redshift-Serverless": {
        **_each(
            ("QueriesRunning", "QueriesQueued", "QueriesSucceeded", "QueriesFailed"),
            ["Database", "QueryType", "Workgroup"], ["QueryType", "Workgroup"],
        ),
        **_each(("DatabaseConnections",), ["Database", "Workgroup"], ["Workgroup"]),
        **_each(("ComputeCapacity", "ComputeSeconds"), ["Workgroup"]),
        **_each(("UsageLimitAvailable", "UsageLimitConsumed"), ["UsageLimitId", "UsageType", "Workgroup"]),
        **_each(("DataStorage",), ["Namespace"]),
    },
}  # fmt: skip
