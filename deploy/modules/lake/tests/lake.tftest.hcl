mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_region" {
    defaults = { region = "us-east-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  environment        = "dev"
  raw_retention_days = 400
  log_retention_days = 400
  protected          = false
  key_arns = {
    raw       = "arn:aws:kms:us-east-1:000000000000:key/raw"
    processed = "arn:aws:kms:us-east-1:000000000000:key/processed"
    curated   = "arn:aws:kms:us-east-1:000000000000:key/curated"
    landing   = "arn:aws:kms:us-east-1:000000000000:key/landing"
  }
}

run "buckets_are_private" {
  assert {
    condition     = output.bucket_names.raw == "headrace-dev-raw-000000000000-us-east-1" && length(output.bucket_names) == 5
    error_message = "Five buckets, called as names.json has it."
  }
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.zone :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ]) && keys(aws_s3_bucket_public_access_block.zone) == keys(aws_s3_bucket.zone)
    error_message = "A bucket could be made public."
  }
  assert {
    condition = alltrue([
      for owner in aws_s3_bucket_ownership_controls.zone : owner.rule[0].object_ownership == "BucketOwnerEnforced"
    ]) && keys(aws_s3_bucket_ownership_controls.zone) == keys(aws_s3_bucket.zone)
    error_message = "A bucket takes access control lists."
  }
  assert {
    condition = alltrue(flatten([
      for policy in aws_s3_bucket_policy.zone : [
        for statement in jsondecode(policy.policy).Statement : can(statement.Principal.Service) if statement.Effect == "Allow"
      ]
    ]))
    error_message = "A bucket's policy lets in somebody other than the services that deliver logs: roles have policies of their own."
  }
}

run "buckets_are_encrypted" {
  assert {
    condition = alltrue([
      for zone in ["raw", "processed", "curated", "landing"] :
      one(aws_s3_bucket_server_side_encryption_configuration.zone[zone].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      one(aws_s3_bucket_server_side_encryption_configuration.zone[zone].rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.key_arns[zone] &&
      one(aws_s3_bucket_server_side_encryption_configuration.zone[zone].rule).bucket_key_enabled
    ])
    error_message = "Each zone is encrypted with its own key, and a key of the bucket keeps KMS from being asked for each object."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.zone["logs"].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "S3 delivers access logs only to a bucket whose default is SSE-S3."
  }
  assert {
    condition = alltrue([
      for zone in ["raw", "processed", "curated", "landing"] : one([
        for s in jsondecode(aws_s3_bucket_policy.zone[zone].policy).Statement : s if s.Sid == "OnlyThisKey" && s.Effect == "Deny"
        ]).Condition == {
        Null         = { "s3:x-amz-server-side-encryption" = "false" }
        ArnNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.key_arns[zone] }
      }
    ])
    error_message = "An object could be written with another key, or with none of KMS."
  }
}

run "only_tls" {
  assert {
    condition = alltrue([
      for zone, policy in aws_s3_bucket_policy.zone : one([
        for s in jsondecode(policy.policy).Statement : s if s.Sid == "OnlyTls"
        ]) == {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arns[zone], "${local.bucket_arns[zone]}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }
    ]) && keys(aws_s3_bucket_policy.zone) == keys(aws_s3_bucket.zone)
    error_message = "A bucket answers without TLS."
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.zone : one([
        for s in jsondecode(policy.policy).Statement : s if s.Sid == "NoOldTls" && s.Effect == "Deny"
      ]).Condition == { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    ])
    error_message = "A bucket answers TLS older than 1.2."
  }
}

run "what_is_kept_and_how_long" {
  assert {
    condition = alltrue([
      for versioning in aws_s3_bucket_versioning.zone : versioning.versioning_configuration[0].status == "Enabled"
    ]) && keys(aws_s3_bucket_versioning.zone) == keys(aws_s3_bucket.zone)
    error_message = "A bucket keeps no versions."
  }
  assert {
    condition     = [for zone, bucket in aws_s3_bucket.zone : zone if bucket.object_lock_enabled] == ["raw"]
    error_message = "Records as received are locked, and nothing else: S3 delivers no access logs to a bucket with a lock."
  }
  assert {
    condition = (
      aws_s3_bucket_object_lock_configuration.raw.rule[0].default_retention[0].mode == "GOVERNANCE" &&
      aws_s3_bucket_object_lock_configuration.raw.rule[0].default_retention[0].days == 400
    )
    error_message = "The lock of raw is not what was asked for."
  }
  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.zone :
      one(one([for rule in lifecycle.rule : rule if rule.id == "uploads"]).abort_incomplete_multipart_upload).days_after_initiation >= 14
    ])
    error_message = "An upload that the log may have committed is aborted within 14 days."
  }
  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.zone :
      one(one([for rule in lifecycle.rule : rule if rule.id == "versions"]).noncurrent_version_expiration).noncurrent_days == 14 &&
      one(one([for rule in lifecycle.rule : rule if rule.id == "versions"]).filter).prefix == ""
    ]) && keys(aws_s3_bucket_lifecycle_configuration.zone) == keys(aws_s3_bucket.zone)
    error_message = "What the product deleted, and a person's rows with it, would stay as old versions."
  }
  assert {
    condition = alltrue(flatten([
      for zone in ["raw", "processed", "curated"] : [
        for rule in aws_s3_bucket_lifecycle_configuration.zone[zone].rule :
        contains(["expire-firehose", "expire-landed", "expire-refused", "expire-athena-results"], rule.id)
        if length([for expiration in rule.expiration : expiration if coalesce(expiration.days, 0) > 0]) > 0
      ]
    ]))
    error_message = "A rule of S3 expires what the commit log names: a shard's newest raw file is proved by whoever opens it."
  }
}

run "access_is_logged" {
  assert {
    condition = alltrue([
      for zone, logging in aws_s3_bucket_logging.zone :
      logging.target_bucket == output.bucket_names.logs && logging.target_prefix == "access/${zone}/"
    ]) && keys(aws_s3_bucket_logging.zone) == ["curated", "landing", "processed", "raw"]
    error_message = "Requests to a bucket are not logged."
  }
  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.zone["logs"].policy).Statement : s if s.Sid == "TrailWrites"
    ]).Condition.StringEquals["aws:SourceArn"] == "arn:aws:cloudtrail:us-east-1:000000000000:trail/headrace-dev"
    error_message = "Another trail could write to the logs."
  }
}

run "seldom_read_records_move_only_where_it_pays" {
  variables {
    raw_retention_days = 30
  }

  assert {
    condition     = length([for rule in aws_s3_bucket_lifecycle_configuration.zone["raw"].rule : rule if rule.id == "seldom-read"]) == 0
    error_message = "Records that go after 30 days cost more in a class that is billed for 30."
  }
}

run "a_filter_of_two_has_two" {
  assert {
    condition = alltrue(flatten([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.zone : [
        for rule in lifecycle.rule : [for both in one(rule.filter).and : both.prefix != "" && both.object_size_greater_than == 0]
      ]
    ]))
    error_message = "S3 takes `and` only with two conditions or more, and no empty prefix is one."
  }
  assert {
    condition = alltrue([
      for zone in ["landing", "logs"] :
      one(one([for rule in aws_s3_bucket_lifecycle_configuration.zone[zone].rule : rule if rule.id == "expire-all"]).filter).object_size_greater_than == 0
    ])
    error_message = "What marks a folder is expired."
  }
}

run "protected_buckets_stay" {
  variables {
    environment   = "prod"
    protected     = true
    raw_lock_mode = "COMPLIANCE"
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.zone : !bucket.force_destroy])
    error_message = "A protected bucket would be emptied when it is destroyed."
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.zone : one([
        for s in jsondecode(policy.policy).Statement : s if s.Sid == "NobodyDeletes" && s.Effect == "Deny" && s.Principal == "*"
      ]).Action == ["s3:DeleteBucket", "s3:DeleteObjectVersion"]
    ])
    error_message = "Somebody can delete a protected bucket, or versions for good."
  }
  assert {
    condition = {
      for zone, policy in aws_s3_bucket_policy.zone : zone => one([
        for s in jsondecode(policy.policy).Statement : jsonencode(s.Condition) if s.Sid == "NobodyDeletes" && can(s.Condition)
      ])
      } == {
      raw     = null, processed = null, curated = null, logs = null
      landing = jsonencode({ ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::000000000000:role/headrace-prod-sftp-cleaner" } })
    }
    error_message = "SFTP's workflow cannot take out what an upload left that broke off, or others can take versions out."
  }
  assert {
    condition     = aws_s3_bucket_object_lock_configuration.raw.rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "The lock's mode is not what was asked for."
  }
}

run "a_lock_of_less_than_a_day_is_refused" {
  command = plan
  variables {
    raw_retention_days = 0
  }
  expect_failures = [var.raw_retention_days]
}
