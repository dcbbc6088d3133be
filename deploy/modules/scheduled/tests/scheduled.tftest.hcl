mock_provider "aws" {
  override_data {
    target = module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:us-east-1:000000000000:stateMachine:machine" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/role" }
  }
}

variables {
  environment = "dev"
  name        = "headrace-dev-flights-dbt"
  steps = [
    { name = "Build", command = ["headrace-sql", "build"], hours = 4 },
    { name = "Unload", command = ["headrace-sql", "unload"], hours = 0.5 },
  ]
  task = {
    definition_arn     = "arn:aws:ecs:us-east-1:000000000000:task-definition/headrace-dev-flights-dbt:1"
    role_arn           = "arn:aws:iam::000000000000:role/task"
    execution_role_arn = "arn:aws:iam::000000000000:role/execution"
    container          = "dbt"
  }
  cluster_arn        = "arn:aws:ecs:us-east-1:000000000000:cluster/headrace-dev"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_id  = "sg-1"
  schedule           = "cron(15 * * * ? *)"
  topic_arn          = "arn:aws:sns:us-east-1:000000000000:headrace-dev-ticket"
  log_group_arn      = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/dbt"
  operations_key_arn = "arn:aws:kms:us-east-1:000000000000:key/operations"
}

run "steps_come_in_their_order" {
  assert {
    condition     = local.states.IsAnotherRunning.Default == "Build" && local.states.Build.Next == "Unload" && local.states.Unload.End
    error_message = "A step is left out, or runs before the one that it needs."
  }
  assert {
    condition     = local.states.Build.TimeoutSeconds == 14400 && local.states.Unload.TimeoutSeconds == 1800
    error_message = "A step may hang for ever."
  }
  assert {
    condition     = local.states.Build.Parameters.Overrides.ContainerOverrides[0].Command == tolist(["headrace-sql", "build"])
    error_message = "A step runs another command."
  }
}

run "of_two_one_goes" {
  assert {
    condition     = local.states.Look.Parameters["StateMachineArn.$"] == "$$.StateMachine.Id" && local.states.IsAnotherRunning.Choices[0].Next == "AnotherRuns"
    error_message = "Two would run at once."
  }
}

run "failures_are_told" {
  assert {
    condition     = alltrue([for name in ["Look", "Build", "Unload"] : local.states[name].Catch[0].Next == "Tell"]) && local.states.Tell.Next == "Failed"
    error_message = "A failure is told to nobody, or looks like success."
  }
  assert {
    condition     = local.states.Tell.Parameters.TopicArn == "arn:aws:sns:us-east-1:000000000000:headrace-dev-ticket"
    error_message = "The wrong people are told."
  }
}

run "tasks_have_no_public_address" {
  assert {
    condition     = alltrue([for name in ["Build", "Unload"] : local.states[name].Parameters.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp == "DISABLED"])
    error_message = "A task has a public address."
  }
}

run "it_is_encrypted_and_logged" {
  assert {
    condition     = aws_sfn_state_machine.this.encryption_configuration[0].kms_key_id == var.operations_key_arn && aws_scheduler_schedule.this.kms_key_arn == var.operations_key_arn
    error_message = "Inputs and states are not encrypted with our key."
  }
  assert {
    condition     = aws_sfn_state_machine.this.logging_configuration[0].level == "ERROR" && !aws_sfn_state_machine.this.logging_configuration[0].include_execution_data
    error_message = "Failures are not logged, or data are."
  }
}

run "it_may_run_this_task_alone" {
  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.states.policy).Statement : statement.Resource if statement.Sid == "RunTheTask"] == [
      ["arn:aws:ecs:us-east-1:000000000000:task-definition/headrace-dev-flights-dbt:1"],
    ]
    error_message = "The state machine may run other tasks."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.states.policy).Statement : statement.Sid if contains(statement.Resource, "*")] == ["DeliverLogsAndTraces"]
    error_message = "The state machine may do more than deliver logs and traces on anything."
  }
}
