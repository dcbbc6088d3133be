module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  here = "${module.names.region}:${module.names.account_id}"
  arn  = "arn:${module.names.partition}:states:${local.here}:stateMachine:${var.name}"

  names = var.steps[*].name
  after = { for at, name in local.names : name => at + 1 < length(local.names) ? { Next = local.names[at + 1] } : { End = true } }

  states = merge(
    {
      Look = {
        Type     = "Task"
        Comment  = "Are there others of this state machine? What excludes them for certain is the command itself."
        Resource = "arn:${module.names.partition}:states:::aws-sdk:sfn:listExecutions"
        Parameters = {
          "StateMachineArn.$" = "$$.StateMachine.Id"
          StatusFilter        = "RUNNING"
          MaxResults          = 2
        }
        ResultPath = "$.running"
        Retry      = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 3, BackoffRate = 2 }]
        Catch      = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "Tell" }]
        Next       = "IsAnotherRunning"
      }
      IsAnotherRunning = {
        Type    = "Choice"
        Comment = "Newest first: of two, the one that came later goes."
        Choices = [{
          And = [
            { Variable = "$.running.Executions[1]", IsPresent = true },
            { Variable = "$.running.Executions[0].ExecutionArn", StringEqualsPath = "$$.Execution.Id" },
          ]
          Next = "AnotherRuns"
        }]
        Default = local.names[0]
      }
      AnotherRuns = { Type = "Succeed" }
      Tell = {
        Type     = "Task"
        Resource = "arn:${module.names.partition}:states:::sns:publish"
        Parameters = {
          TopicArn    = var.topic_arn
          Subject     = "${var.name} failed"
          "Message.$" = "States.Format('{} failed: {}. {}', $$.Execution.Id, $.failure.Error, $.failure.Cause)"
        }
        Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2 }]
        Next  = "Failed"
      }
      Failed = {
        Type  = "Fail"
        Error = "StepFailed"
        Cause = "A step failed; the topic was told which, and the task's log has its last words."
      }
    },
    {
      for step in var.steps : step.name => merge({
        Type     = "Task"
        Resource = "arn:${module.names.partition}:states:::ecs:runTask.sync"
        Parameters = {
          LaunchType     = "FARGATE"
          Cluster        = var.cluster_arn
          TaskDefinition = var.task.definition_arn
          NetworkConfiguration = {
            AwsvpcConfiguration = { Subnets = var.subnet_ids, SecurityGroups = [var.security_group_id], AssignPublicIp = "DISABLED" }
          }
          Overrides = { ContainerOverrides = [{ Name = var.task.container, Command = step.command }] }
        }
        ResultPath     = null
        TimeoutSeconds = floor(step.hours * 3600)
        Retry = [
          { ErrorEquals = ["ECS.AmazonECSException"], IntervalSeconds = 30, MaxAttempts = 5, BackoffRate = 2 },
          { ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 120, MaxAttempts = 1, BackoffRate = 1 },
        ]
        Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "Tell" }]
      }, local.after[step.name])
    },
  )
}

resource "aws_sfn_state_machine" "this" {
  name       = var.name
  role_arn   = aws_iam_role.states.arn
  definition = jsonencode({ Comment = "Made by Terraform: ${join(", then ", local.names)}.", StartAt = "Look", States = local.states })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${trimsuffix(var.log_group_arn, ":*")}:*"
  }

  tracing_configuration {
    enabled = true
  }

  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.operations_key_arn
    kms_data_key_reuse_period_seconds = 900
  }

  depends_on = [aws_iam_role_policy.states]
}

resource "aws_scheduler_schedule" "this" {
  name                = var.name
  description         = join(", then ", local.names)
  schedule_expression = var.schedule
  kms_key_arn         = var.operations_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({})

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }
}
