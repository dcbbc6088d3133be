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
  environment = "dev"
  pipelines   = { flights = {}, weather = {} }
  stream_arns = {
    flights = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights"
    weather = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-weather"
  }
  log_table_arn = "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-dev-log"
  lease_table_arns = {
    flights = ["arn:aws:dynamodb:us-east-1:000000000000:table/headrace-flights-g*"]
    weather = ["arn:aws:dynamodb:us-east-1:000000000000:table/headrace-weather-g*"]
  }
  bucket_arns = { raw = "arn:aws:s3:::raw-bucket", processed = "arn:aws:s3:::processed-bucket", curated = "arn:aws:s3:::curated-bucket" }
  key_arns    = { for zone in ["raw", "processed", "curated", "stream", "operations"] : zone => "arn:aws:kms:us-east-1:000000000000:key/${zone}" }
}

run "policies_are_called_as_permission_sets_name_them" {
  assert {
    condition     = output.operator_policy == "headrace-dev-operator" && output.producer_policies == { flights = "headrace-dev-flights-producer", weather = "headrace-dev-weather-producer" }
    error_message = "Permission sets find policies by their names, in each account."
  }
}

run "iam_takes_them" {
  assert {
    condition     = alltrue([for policy in concat([aws_iam_policy.operator], values(aws_iam_policy.producer)) : length(policy.policy) <= 6144])
    error_message = "A managed policy has at most 6144 characters."
  }
}

run "a_producer_puts_into_its_own_stream_alone" {
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.producer["flights"].policy).Statement : statement.Sid => statement.Resource
    } == { Stream = [var.stream_arns.flights], StreamKey = [var.key_arns.stream] }
    error_message = "A producer's policy names its stream and the key of streams."
  }
  assert {
    condition     = !strcontains(aws_iam_policy.producer["flights"].policy, "kinesis:Get")
    error_message = "Producers do not read."
  }
}

run "the_operator_destroys_nothing" {
  assert {
    condition = toset([
      for pair in flatten([for statement in jsondecode(aws_iam_policy.operator.policy).Statement : [for action in statement.Action : "${action} on ${statement.Sid}"]]) :
      pair if can(regex(":(Delete|Schedule)", pair))
      ]) == toset([
      "athena:DeleteNamedQuery on Athena", "dynamodb:DeleteTable on LeaseTables", "s3:DeleteObjectVersion on CuratedObjects",
      "s3:DeleteObjectVersion on ProcessedObjects", "s3:DeleteObjectVersion on RawObjects",
    ])
    error_message = "The operator deletes named queries, leases and versions of objects; neither log, buckets nor keys."
  }
}

run "commands_run_as_the_loaders_and_batchs_tasks" {
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.operator.policy).Statement : statement.Sid => toset(statement.Resource) if contains(["TaskDefinitions", "TaskRoles"], statement.Sid)
      } == {
      TaskDefinitions = toset([for service in ["batch", "loader"] : "arn:aws:ecs:us-east-1:000000000000:task-definition/headrace-dev-*-${service}:*"])
      TaskRoles       = toset([for role in ["batch-execution", "batch-task", "loader-execution", "loader-task"] : "arn:aws:iam::000000000000:role/headrace-dev-*-${role}"])
    }
    error_message = "An operator starts tasks of loader and batch, with their roles, and no other."
  }
}

run "a_policy_that_is_too_long_is_refused_before_iam_does" {
  command = plan

  variables {
    lease_table_arns = { for pipeline in range(40) : pipeline => ["arn:aws:dynamodb:us-east-1:000000000000:table/headrace-${pipeline}-g*"] }
  }

  expect_failures = [aws_iam_policy.operator]
}
