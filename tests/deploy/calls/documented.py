"""What is called by others in a service's name, where no recorder hears it: each with where AWS writes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.deploy.calls.rows import Row

DOCS = "https://docs.aws.amazon.com"
KCL = f"{DOCS}/streams/latest/dev/kcl-iam-permissions.html"
COPY = f"{DOCS}/redshift/latest/dg/copy-usage_notes-access-permissions.html"
UNLOAD_ENCRYPTED = f"{DOCS}/redshift/latest/dg/t_unloading_encrypted_files.html"
QUEUE = f"{DOCS}/lambda/latest/dg/services-sqs-configure.html"
INTERFACES = f"{DOCS}/lambda/latest/dg/configuration-vpc.html"
FUNCTION_LOGS = f"{DOCS}/lambda/latest/dg/monitoring-cloudwatchlogs.html"
ATHENA = f"{DOCS}/athena/latest/ug/s3-permissions.html"
ATHENA_GLUE = f"{DOCS}/athena/latest/ug/fine-grained-access-to-glue-resources.html"
EXECUTION = f"{DOCS}/AmazonECS/latest/developerguide/task_execution_IAM_role.html"
EMBEDDED_METRICS = f"{DOCS}/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html"
DEPLOY, RECOVERY, RUNBOOK = "docs/deploy.md", "docs/recovery.md", "docs/runbook.md"
"""Of this repository: pages that tell a person to run it."""
_LEASES = ("CreateTable", "DescribeTable", "UpdateTable", "Scan", "GetItem", "PutItem", "UpdateItem", "DeleteItem")


def documented_rows() -> list[Row]:
    return sorted((*_kcl(), *_copy(), *_landing(), *_athena(), *_execution(), *_collector(), *_on_call()))


def _rows(service: str, on: str, calls: Iterable[str], source: str, why: str = "") -> Iterator[Row]:
    for call in calls:
        yield Row(service=service, on=on, call=call, actions=(call,), source=source, why=why)


def _kcl() -> Iterator[Row]:
    """Polling, and without metrics of its own: the daemon's properties say so."""
    reads = ("DescribeStream", "DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords")
    yield from _rows("worker", "stream", (f"kinesis:{call}" for call in reads), KCL)
    yield from _rows("worker", "lease_tables", (f"dynamodb:{call}" for call in _LEASES), KCL)
    yield from _rows("worker", "lease_indexes", ("dynamodb:Query",), KCL, "leases by their owner")


def _copy() -> Iterator[Row]:
    """COPY of the processed and the curated zone; UNLOAD of marts into the curated one."""
    for zone in ("processed", "curated"):
        yield from _rows("copy", f"{zone}_objects", ("s3:GetObject",), COPY)
        yield from _rows("copy", f"{zone}_bucket", ("s3:ListBucket", "s3:GetBucketLocation"), COPY)
    yield from _rows("copy", "unload_objects", ("s3:PutObject",), COPY, "UNLOAD of marts")
    yield from _rows("copy", "curated_key", ("kms:GenerateDataKey",), UNLOAD_ENCRYPTED, "UNLOAD of marts")


def _landing() -> Iterator[Row]:
    """Lambda polls the queue, and connects the function to the network, as the function's role."""
    yield from _rows("landing", "queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), QUEUE)
    yield from _rows("landing", "operations_key", ("kms:Decrypt",), QUEUE, "the queue is encrypted")
    yield from _rows("landing", "log_groups", ("logs:CreateLogStream", "logs:PutLogEvents"), FUNCTION_LOGS)
    interfaces = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets", "DeleteNetworkInterface",
                  "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")  # fmt: skip
    yield from _rows("landing", "network_interfaces", (f"ec2:{call}" for call in interfaces), INTERFACES)


def _athena() -> Iterator[Row]:
    """Athena reads the catalog and the lake, and writes its answer, as whoever asks."""
    catalog = ("glue:GetDatabase", "glue:GetTable", "glue:GetPartitions", "glue:GetPartition", "glue:BatchGetPartition")
    yield from _rows("operator", "glue", catalog, ATHENA_GLUE, "queries")
    for zone in ("processed", "curated"):
        yield from _rows("operator", f"{zone}_objects", ("s3:GetObject",), ATHENA, "queries")
    for zone in ("raw", "processed", "curated"):
        yield from _rows("operator", f"{zone}_bucket", ("s3:GetBucketLocation", "s3:ListBucket"), ATHENA, "queries")
    writes = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
    yield from _rows("operator", "athena_results", writes, ATHENA, "answers of queries")
    yield from _rows("operator", "curated_bucket", ("s3:ListBucketMultipartUploads",), ATHENA, "answers of queries")


def _execution() -> Iterator[Row]:
    """What ECS does before a task starts."""
    yield from _rows("execution", "registry", ("ecr:GetAuthorizationToken",), EXECUTION)
    pulls = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
    yield from _rows("execution", "repositories", pulls, EXECUTION)
    yield from _rows("execution", "log_groups", ("logs:CreateLogStream", "logs:PutLogEvents"), EXECUTION)
    yield from _rows("execution", "secrets", ("secretsmanager:GetSecretValue",), EXECUTION)
    yield from _rows("execution", "operations_key", ("kms:Decrypt",), EXECUTION, "secrets are encrypted")


def _collector() -> Iterator[Row]:
    """Metrics leave as lines of a log, of which CloudWatch makes metrics."""
    yield from _rows("collector", "log_groups", ("logs:CreateLogStream", "logs:PutLogEvents"), EMBEDDED_METRICS)


def _on_call() -> Iterator[Row]:
    """What pages tell the person on call to do by AWS's own commands, beside ours."""
    yield from _rows("operator", "state_machines", ("states:StartExecution",), DEPLOY, "rotations, backfills, upkeep")
    yield from _rows("operator", "state_machines", ("states:DescribeStateMachine", "states:ListExecutions"), DEPLOY,
                     "how what was started goes")  # fmt: skip
    yield from _rows("operator", "executions", ("states:DescribeExecution", "states:GetExecutionHistory"), DEPLOY,
                     "how what was started goes")  # fmt: skip
    yield from _rows("operator", "task_definitions", ("ecs:RunTask",), RECOVERY, "commands run as the service's task")
    yield from _rows("operator", "task_roles", ("iam:PassRole",), RECOVERY, "commands run as the service's task")
    yield from _rows("operator", "tasks", ("ecs:DescribeTasks",), RECOVERY, "how a command ended")
    yield from _rows("operator", "services", ("ecs:DescribeServices", "ecs:UpdateService"), RECOVERY,
                     "services are stopped, and started anew")  # fmt: skip
    yield from _rows("operator", "log_groups", ("logs:FilterLogEvents",), RUNBOOK, "the last lines of a service")
    yield from _rows("operator", "metrics", ("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"), RUNBOOK,
                     "which alarm, since when")  # fmt: skip
    yield from _rows("operator", "stream", ("kinesis:IncreaseStreamRetentionPeriod",), RECOVERY,
                     "nothing is lost while the stream keeps it")  # fmt: skip
    yield from _rows("operator", "lease_tables", ("dynamodb:UpdateTable", "dynamodb:DeleteTable"), RECOVERY,
                     "KCL makes them anew; they are protected until then")  # fmt: skip
    for zone in ("raw", "processed", "curated"):
        yield Row(service="operator", on=f"{zone}_bucket", call="s3:ListObjectVersions",
                  actions=("s3:ListBucketVersions",), source=RECOVERY, why="finds delete markers")  # fmt: skip
        yield Row(service="operator", on=f"{zone}_objects", call="s3:DeleteObject",
                  actions=("s3:DeleteObjectVersion",), source=RECOVERY, why="takes delete markers off")  # fmt: skip
