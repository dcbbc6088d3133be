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
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:000000000000:key/one" }
  }
}

variables {
  environment = "dev"
  protected   = false
}

run "keys_turn_and_go_late" {
  assert {
    condition     = keys(output.key_arns) == ["curated", "landing", "logs", "operations", "processed", "raw", "stream", "warehouse"]
    error_message = "Each zone has a key of its own."
  }
  assert {
    condition     = alltrue([for key in aws_kms_key.zone : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "Keys are rotated, and a deletion can be taken back for 30 days."
  }
  assert {
    condition     = aws_kms_alias.zone["raw"].name == "alias/headrace-dev-raw"
    error_message = "Aliases are called as names.json has it."
  }
}

run "keys_of_data_are_for_the_account_alone" {
  assert {
    condition = alltrue(flatten([
      for zone in ["raw", "processed", "curated", "landing", "stream", "warehouse"] : [
        for statement in jsondecode(aws_kms_key.zone[zone].policy).Statement :
        statement.Principal == { AWS = "arn:aws:iam::000000000000:root" }
      ]
    ]))
    error_message = "No service uses a key of data in its own name: roles do."
  }
  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.zone : [
        for statement in jsondecode(key.policy).Statement :
        statement.Effect == "Deny" || try(statement.Principal.AWS, "") != "*" && statement.Principal != "*"
      ]
    ]))
    error_message = "A key's policy lets everybody in."
  }
}

run "services_are_held_to_this_account" {
  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.zone : [
        for statement in jsondecode(key.policy).Statement :
        strcontains(jsonencode(statement.Condition), "000000000000") && !strcontains(jsonencode(statement.Action), "kms:*")
        if can(statement.Principal.Service)
      ]
    ]))
    error_message = "Another account's alarm, bucket, trail, log group or cluster could use a key by a service."
  }
  assert {
    condition     = one([for s in jsondecode(aws_kms_key.zone["logs"].policy).Statement : s if s.Sid == "TrailEncrypts"]).Condition.StringEquals["aws:SourceArn"] == "arn:aws:cloudtrail:us-east-1:000000000000:trail/headrace-dev"
    error_message = "Only this environment's trail encrypts with the key of logs."
  }
  assert {
    condition = one([for s in jsondecode(aws_kms_key.zone["operations"].policy).Statement : s if s.Sid == "LogGroups"]).Condition.StringLike["kms:EncryptionContext:aws:logs:arn"] == [
      "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/*",
      "arn:aws:logs:us-east-1:000000000000:log-group:/aws/redshift/headrace-dev/*",
    ]
    error_message = "Only this environment's log groups are encrypted with the key of operations."
  }
}

run "protected_keys_stay" {
  variables {
    environment = "prod"
    protected   = true
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.zone : contains(flatten([
        for statement in jsondecode(key.policy).Statement : statement.Action if statement.Effect == "Deny"
      ]), "kms:ScheduleKeyDeletion")
    ])
    error_message = "Somebody can schedule a protected key's deletion."
  }
}
