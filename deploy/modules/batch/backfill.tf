locals {
  engines   = { serverless = local.on_serverless, cluster = local.on_cluster }
  backfills = { for pipeline in keys(var.pipelines) : pipeline => module.names.of_pipeline[pipeline].backfill }

  # What the command asks for. With `=`, so that no text of a person's is taken for an option. The record is a file that
  # ends with the driver; its name stands in each commit, so the same again goes on where it was stopped.
  arguments = {
    for name, pipeline in var.pipelines : name => join(", ", [
      "'${pipeline.reference}'",
      "States.Format('--from={}', $.from)",
      "States.Format('--to={}', $.to)",
      "States.Format('--reason={}', $.reason)",
      "States.Format('--owner={}', $.owner)",
      "States.Format('--record=/tmp/{}.yaml', $.record)",
      "'--json'",
    ])
  }

  asked = ["from", "to", "reason", "owner", "record"]

  backfill = {
    for name in keys(var.pipelines) : name => {
      Comment = "Raw records of a span are staged once more: {pipeline, from, to, reason, owner, record}."
      StartAt = "IsAsked"
      States = merge(local.engines[var.engine].states[name], {
        IsAsked = {
          Type = "Choice"
          Choices = [{
            And  = concat([{ Variable = "$.pipeline", StringEquals = name }], [for field in local.asked : { Variable = "$.${field}", IsString = true }])
            Next = local.engines[var.engine].first
          }]
          Default = "NotAsked"
        }
        NotAsked = {
          Type  = "Fail"
          Error = "InputIncomplete"
          Cause = "Say pipeline (${name}), ${join(", ", local.asked)}, all of them texts; docs/runbook.md shows one."
        }
        Done = { Type = "Succeed" }
        Tell = {
          Type     = "Task"
          Resource = "arn:${module.names.partition}:states:::sns:publish"
          Parameters = {
            TopicArn    = var.topic_arn
            Subject     = "${local.backfills[name]} failed"
            "Message.$" = "States.Format('{} failed: {}. {} What was committed stands, and the same input goes on from there.', $$.Execution.Id, $.failure.Error, $.failure.Cause)"
          }
          Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2 }]
          Next  = "Failed"
        }
        Failed = {
          Type  = "Fail"
          Error = "BackfillFailed"
          Cause = "The topic was told why, and Spark's driver log has its last words."
        }
      })
    }
  }
}

resource "aws_sfn_state_machine" "backfill" {
  for_each = local.backfill

  name       = local.backfills[each.key]
  role_arn   = aws_iam_role.backfill[each.key].arn
  definition = jsonencode(each.value)

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${trimsuffix(var.log_group.arn, ":*")}:*"
  }

  tracing_configuration {
    enabled = true
  }

  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.key_arns.operations
    kms_data_key_reuse_period_seconds = 900
  }

  depends_on = [aws_iam_role_policy.backfill]
}
