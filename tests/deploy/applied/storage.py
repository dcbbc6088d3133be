"""Streams, tables, buckets and what queries them."""

from __future__ import annotations

from typing import Any

from tests.deploy.applied.kind import Body, Kind, given, nothing, one


def _bucket(request: Body, _answer: Body) -> Body:
    return {"Bucket": request["Bucket"]}


def _of_bucket(kind: str, operation: str, argument: str, made: Any, answer: str = "") -> Kind:
    """What is put on a bucket that is there."""
    return Kind(
        type=f"aws_s3_bucket_{kind}",
        service="s3",
        put=f"put_{operation}",
        request=lambda values: {"Bucket": values["bucket"], argument: made(values)},
        get=f"get_{operation}",
        where=_bucket,
        found=lambda response: response[answer or argument] if answer != "*" else response,
        said=lambda request: request[argument],
    )


def _encryption(values: Body) -> Body:
    rule = one(values, "rule")
    default = one(rule, "apply_server_side_encryption_by_default")
    keyed = default["sse_algorithm"] == "aws:kms"
    algorithm = given(
        SSEAlgorithm=default["sse_algorithm"], KMSMasterKeyID=default["kms_master_key_id"] if keyed else None
    )
    return {
        "Rules": [{"ApplyServerSideEncryptionByDefault": algorithm, "BucketKeyEnabled": rule["bucket_key_enabled"]}]
    }


def _lifecycle(values: Body) -> Body:
    return {"Rules": [_rule(rule) for rule in values["rule"]]}


def _rule(rule: Body) -> Body:
    expiration, noncurrent = one(rule, "expiration"), one(rule, "noncurrent_version_expiration")
    upload = one(rule, "abort_incomplete_multipart_upload")
    moved = [{"Days": move["days"], "StorageClass": move["storage_class"]} for move in rule["transition"] or []]
    return {
        "ID": rule["id"],
        "Status": rule["status"],
        **given(
            Filter={"Prefix": one(rule, "filter").get("prefix") or ""} if rule["filter"] else None,
            Expiration=given(
                Days=expiration.get("days") or None,
                ExpiredObjectDeleteMarker=expiration.get("expired_object_delete_marker") or None,
            ),
            NoncurrentVersionExpiration=given(NoncurrentDays=noncurrent.get("noncurrent_days")),
            AbortIncompleteMultipartUpload=given(DaysAfterInitiation=upload.get("days_after_initiation")),
            Transitions=moved,
        ),
    }


def _lock(values: Body) -> Body:
    kept = one(values, "rule", "default_retention")
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": kept["mode"], "Days": kept["days"]}}}


def _logging(values: Body) -> Body:
    source = one(values, "target_object_key_format", "partitioned_prefix")["partition_date_source"]
    named = {"TargetBucket": values["target_bucket"], "TargetPrefix": values["target_prefix"]}
    return {
        "LoggingEnabled": {**named, "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": source}}}
    }


def _public(values: Body) -> Body:
    return {
        "BlockPublicAcls": values["block_public_acls"],
        "BlockPublicPolicy": values["block_public_policy"],
        "IgnorePublicAcls": values["ignore_public_acls"],
        "RestrictPublicBuckets": values["restrict_public_buckets"],
    }


def _notification(values: Body) -> Body:
    return {"QueueConfigurations": [_queue(queue) for queue in values["queue"]]}


def _queue(queue: Body) -> Body:
    rules = [
        {"Name": name, "Value": queue[f"filter_{name}"]} for name in ("prefix", "suffix") if queue[f"filter_{name}"]
    ]
    return {
        "Id": queue["id"], "QueueArn": queue["queue_arn"], "Events": queue["events"],
        "Filter": {"Key": {"FilterRules": rules}},
    }  # fmt: skip


def _table(values: Body) -> Body:
    keys = [(values["hash_key"], "HASH"), (values["range_key"], "RANGE")]
    encryption = one(values, "server_side_encryption")
    return {
        "TableName": values["name"],
        "BillingMode": values["billing_mode"],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        "AttributeDefinitions": [
            {"AttributeName": one["name"], "AttributeType": one["type"]} for one in values["attribute"]
        ],
        "DeletionProtectionEnabled": values["deletion_protection_enabled"],
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": encryption["kms_key_arn"]},
    }


def _workgroup(values: Body) -> Body:
    said, result = one(values, "configuration"), one(values, "configuration", "result_configuration")
    encryption = one(result, "encryption_configuration")
    return {
        "Name": values["name"],
        "Configuration": {
            "EnforceWorkGroupConfiguration": said["enforce_workgroup_configuration"],
            "PublishCloudWatchMetricsEnabled": said["publish_cloudwatch_metrics_enabled"],
            "BytesScannedCutoffPerQuery": said["bytes_scanned_cutoff_per_query"],
            "EngineVersion": {"SelectedEngineVersion": one(said, "engine_version")["selected_engine_version"]},
            "ResultConfiguration": {
                "OutputLocation": result["output_location"],
                "EncryptionConfiguration": {
                    "EncryptionOption": encryption["encryption_option"], "KmsKey": encryption["kms_key_arn"]
                },
            },
        },
    }  # fmt: skip


_STREAMS = (
    Kind(
        "aws_kinesis_stream", "kinesis", "create_stream",
        lambda values: given(
            StreamName=values["name"], ShardCount=values["shard_count"],
            StreamModeDetails={"StreamMode": one(values, "stream_mode_details")["stream_mode"]},
        ),
        "describe_stream_summary", lambda request, _: {"StreamName": request["StreamName"]},
        lambda response: response["StreamDescriptionSummary"],
        lambda request: {name: value for name, value in request.items() if name != "ShardCount"},
    ),
    Kind(
        "aws_kinesis_stream", "kinesis", "start_stream_encryption",
        lambda values: {
            "StreamName": values["name"], "EncryptionType": values["encryption_type"], "KeyId": values["kms_key_id"],
        },
        "describe_stream_summary", lambda request, _: {"StreamName": request["StreamName"]},
        lambda response: response["StreamDescriptionSummary"],
    ),
    Kind(
        "aws_kinesis_stream", "kinesis", "increase_stream_retention_period",
        lambda values: {"StreamName": values["name"], "RetentionPeriodHours": values["retention_period"]},
        "describe_stream_summary", lambda request, _: {"StreamName": request["StreamName"]},
        lambda response: response["StreamDescriptionSummary"],
        applies=lambda values: values["retention_period"] != 24,
    ),
    Kind(
        "aws_kinesis_stream", "kinesis", "enable_enhanced_monitoring",
        lambda values: {"StreamName": values["name"], "ShardLevelMetrics": values["shard_level_metrics"]},
        "describe_stream_summary", lambda request, _: {"StreamName": request["StreamName"]},
        lambda response: response["StreamDescriptionSummary"]["EnhancedMonitoring"][0],
        lambda request: {"ShardLevelMetrics": request["ShardLevelMetrics"]},
    ),
)  # fmt: skip
_TABLES = (
    Kind(
        "aws_dynamodb_table", "dynamodb", "create_table", _table,
        "describe_table", lambda request, _: {"TableName": request["TableName"]},
        lambda response: {
            **response["Table"],
            "BillingMode": response["Table"]["BillingModeSummary"]["BillingMode"],
            "SSESpecification": {
                "Enabled": response["Table"]["SSEDescription"]["Status"] == "ENABLED",
                "SSEType": response["Table"]["SSEDescription"]["SSEType"],
                "KMSMasterKeyId": response["Table"]["SSEDescription"]["KMSMasterKeyArn"],
            },
        },
    ),
    Kind(
        "aws_dynamodb_table", "dynamodb", "update_continuous_backups",
        lambda values: {
            "TableName": values["name"],
            "PointInTimeRecoverySpecification": {
                "PointInTimeRecoveryEnabled": one(values, "point_in_time_recovery")["enabled"],
                "RecoveryPeriodInDays": one(values, "point_in_time_recovery")["recovery_period_in_days"],
            },
        },
        "describe_continuous_backups", lambda request, _: {"TableName": request["TableName"]},
        lambda response: response["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"],
        lambda request: {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": request["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"],
        },
    ),
    Kind(
        "aws_dynamodb_resource_policy", "dynamodb", "put_resource_policy",
        lambda values: {"ResourceArn": values["resource_arn"], "Policy": values["policy"]},
        "get_resource_policy", lambda request, _: {"ResourceArn": request["ResourceArn"]},
        lambda response: response, lambda request: {"Policy": request["Policy"]},
    ),
)  # fmt: skip
_BUCKETS = (
    Kind(
        "aws_s3_bucket", "s3", "create_bucket",
        lambda values: given(Bucket=values["bucket"], ObjectLockEnabledForBucket=values["object_lock_enabled"] or None),
        "head_bucket", _bucket, nothing, nothing,
    ),
    _of_bucket(
        "versioning", "bucket_versioning", "VersioningConfiguration",
        lambda values: {"Status": one(values, "versioning_configuration")["status"]}, "*",
    ),
    _of_bucket(
        "ownership_controls", "bucket_ownership_controls", "OwnershipControls",
        lambda values: {"Rules": [{"ObjectOwnership": one(values, "rule")["object_ownership"]}]},
    ),
    _of_bucket("public_access_block", "public_access_block", "PublicAccessBlockConfiguration", _public),
    _of_bucket(
        "server_side_encryption_configuration", "bucket_encryption", "ServerSideEncryptionConfiguration", _encryption
    ),
    Kind(
        "aws_s3_object", "s3", "put_object",
        lambda values: {"Bucket": values["bucket"], "Key": values["key"], "Body": (values["content"] or "").encode()},
        "head_object", lambda request, _: {"Bucket": request["Bucket"], "Key": request["Key"]}, nothing, nothing,
    ),
    _of_bucket("object_lock_configuration", "object_lock_configuration", "ObjectLockConfiguration", _lock),
    _of_bucket("policy", "bucket_policy", "Policy", lambda values: values["policy"]),
    _of_bucket("logging", "bucket_logging", "BucketLoggingStatus", _logging, "*"),
    Kind(
        "aws_s3_bucket_lifecycle_configuration", "s3", "put_bucket_lifecycle_configuration",
        lambda values: {"Bucket": values["bucket"], "LifecycleConfiguration": _lifecycle(values)},
        "get_bucket_lifecycle_configuration", _bucket, lambda response: response,
        lambda request: request["LifecycleConfiguration"],
    ),
    Kind(
        "aws_s3_bucket_notification", "s3", "put_bucket_notification_configuration",
        lambda values: {"Bucket": values["bucket"], "NotificationConfiguration": _notification(values)},
        "get_bucket_notification_configuration", _bucket, lambda response: response,
        lambda request: request["NotificationConfiguration"],
    ),
)  # fmt: skip
_CATALOG = (
    Kind(
        "aws_glue_catalog_database", "glue", "create_database",
        lambda values: {"DatabaseInput": {"Name": values["name"], "Description": values["description"]}},
        "get_database", lambda request, _: {"Name": request["DatabaseInput"]["Name"]},
        lambda response: response["Database"], lambda request: request["DatabaseInput"],
    ),
    Kind(
        "aws_athena_workgroup", "athena", "create_work_group", _workgroup,
        "get_work_group", lambda request, _: {"WorkGroup": request["Name"]}, lambda response: response["WorkGroup"],
    ),
)  # fmt: skip
KINDS = (*_STREAMS, *_TABLES, *_BUCKETS, *_CATALOG)
