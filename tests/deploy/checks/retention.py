"""What is kept is kept for a stated time, can be got back, and stays when somebody destroys production."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.planned import Plan, Resource

ABORTED_UPLOAD_DAYS = 14

# What PutRetentionPolicy takes, up to three years; its reference lists them.
LOG_DAYS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096}

# Of resources that can refuse to be deleted: attribute, and its value when they do.
PROTECTION = {
    "aws_dynamodb_table": ("deletion_protection_enabled", True),
    "aws_kinesis_stream": ("enforce_consumer_deletion", False),
    "aws_s3_bucket": ("force_destroy", False),
    "aws_ecr_repository": ("force_delete", False),
}


def logs_kept_for_ever(plan: Plan) -> Iterator[str]:
    for group in plan.of("aws_cloudwatch_log_group"):
        days = group.values["retention_in_days"]
        if days not in LOG_DAYS:
            yield f"{group.address}: retention_in_days is {days}, one of {sorted(LOG_DAYS)} is meant"


def uploads_left(plan: Plan) -> Iterator[str]:
    """An upload that is not completed may be a commit that is not yet seen: it stays for two weeks, and no longer."""
    days = {
        plan.owner(one.values["bucket"], "aws_s3_bucket"): set(_abort_days(one))
        for one in plan.of("aws_s3_bucket_lifecycle_configuration")
    }
    for bucket in plan.of("aws_s3_bucket"):
        found = days.get(bucket, set())
        if found != {ABORTED_UPLOAD_DAYS}:
            yield f"{bucket.address}: aborted uploads go after {sorted(found) or 'no'} days, 14 are meant"


def _abort_days(lifecycle: Resource) -> Iterator[int]:
    for rule in lifecycle.values["rule"]:
        for abort in rule["abort_incomplete_multipart_upload"]:
            yield abort["days_after_initiation"]


def not_to_be_restored(plan: Plan) -> Iterator[str]:
    versioned = {
        plan.owner(one.values["bucket"], "aws_s3_bucket")
        for one in plan.of("aws_s3_bucket_versioning")
        if _enabled(one)
    }
    for bucket in plan.of("aws_s3_bucket"):
        if bucket not in versioned:
            yield f"{bucket.address}: is not versioned"
    for table in plan.of("aws_dynamodb_table"):
        if table.block("point_in_time_recovery").get("enabled") is not True:
            yield f"{table.address}: no point-in-time recovery"


def _enabled(versioning: Resource) -> bool:
    return versioning.block("versioning_configuration").get("status") == "Enabled"


def raw_not_locked(plan: Plan) -> Iterator[str]:
    locks = {
        plan.owner(one.values["bucket"], "aws_s3_bucket"): one
        for one in plan.of("aws_s3_bucket_object_lock_configuration")
    }
    for bucket in plan.of("aws_s3_bucket"):
        lock = locks.get(bucket)
        if bucket.index == "raw" and not (lock and lock.block("rule", "default_retention").get("days")):
            yield f"{bucket.address}: no object lock keeps what was received"


def unprotected(plan: Plan) -> Iterator[str]:
    """Of production alone."""
    for resource in plan.of(*PROTECTION):
        attribute, meant = PROTECTION[resource.type]
        if (resource.values[attribute] or False) is not meant:
            yield f"{resource.address}: {attribute} is {resource.values[attribute]}, in production {meant} is meant"


def unlogged_buckets(plan: Plan) -> Iterator[str]:
    """Who read and wrote what is told to the logs bucket, by every other one."""
    logged = {plan.owner(one.values["bucket"], "aws_s3_bucket") for one in plan.of("aws_s3_bucket_logging")}
    for bucket in plan.of("aws_s3_bucket"):
        if bucket.index != "logs" and bucket not in logged:
            yield f"{bucket.address}: nobody logs who reads it"
