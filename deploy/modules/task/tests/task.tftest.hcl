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
}

variables {
  environment    = "dev"
  name           = "headrace-dev-flights-loader"
  service        = "loader"
  pipeline       = "flights"
  image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/worker:1.0.0"
  command        = ["headrace-consumers", "load", "headrace_local.pipelines:flights"]
  health_command = ["headrace-consumers", "health"]
  settings       = { HEADRACE_LOG_TABLE = "headrace-dev-log" }
  secrets = {
    HEADRACE_WAREHOUSE_USER     = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/loader-AbCdEf:username::"
    HEADRACE_WAREHOUSE_PASSWORD = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/loader-AbCdEf:password::"
  }
  cpu                = 512
  memory_mib         = 2048
  policy             = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  log_group          = { name = "/headrace/dev/loader", arn = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/loader" }
  operations_key_arn = "arn:aws:kms:us-east-1:000000000000:key/operations"
  metrics = {
    image     = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/collector:1.0.0"
    port      = 9464
    log_group = { name = "/headrace/dev/metrics", arn = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/metrics" }
  }
}

run "containers_are_hardened" {
  assert {
    condition     = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : container.readonlyRootFilesystem])
    error_message = "A container may write to its root."
  }
  assert {
    condition     = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : container.user == "10001:10001" && !container.privileged])
    error_message = "A container runs as root, or is privileged."
  }
  assert {
    condition     = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : container.linuxParameters.initProcessEnabled && container.linuxParameters.capabilities.drop == ["ALL"]])
    error_message = "A container keeps capabilities, or no process reaps what its service leaves."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints == [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }] && one(aws_ecs_task_definition.this.volume).name == "tmp"
    error_message = "The service can write elsewhere than in /tmp, or not there."
  }
  assert {
    condition     = aws_ecs_task_definition.this.network_mode == "awsvpc" && aws_ecs_task_definition.this.requires_compatibilities == toset(["FARGATE"])
    error_message = "The task is none of Fargate's."
  }
}

run "it_stops_in_its_own_time_and_says_how_it_is" {
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 120
    error_message = "ECS kills the service before it has committed: stopTimeout is not 120."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command == ["CMD", "headrace-consumers", "health"]
    error_message = "Nobody asks the service how it is."
  }
  assert {
    condition     = aws_ecs_task_definition.this.skip_destroy
    error_message = "The revision that a deployment is rolled back to is deregistered."
  }
}

run "nothing_secret_is_a_setting" {
  assert {
    condition     = alltrue([for setting in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : !can(regex("(?i)password|secret|token", setting.name))])
    error_message = "Whoever may describe the task reads a secret."
  }
  assert {
    condition     = tomap({ for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : secret.name => secret.valueFrom }) == var.secrets
    error_message = "A secret does not come from Secrets Manager."
  }
}

run "logs_do_not_hold_the_service_up" {
  assert {
    condition     = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : container.logConfiguration.options.mode == "non-blocking" && container.logConfiguration.options.awslogs-group == "/headrace/dev/loader"])
    error_message = "A log that CloudWatch does not take stops the service, or it goes to another group."
  }
}

run "the_collector_stands_beside" {
  assert {
    condition     = [for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : container.essential] == [true, false]
    error_message = "Without its collector the service would end."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[1].restartPolicy.enabled && jsondecode(aws_ecs_task_definition.this.container_definitions)[1].memory == 256
    error_message = "A collector that died stays so, or it can take the service's memory."
  }
  assert {
    condition = [
      for setting in jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment : yamldecode(setting.value).receivers.prometheus.config.scrape_configs[0].static_configs[0] if setting.name == "AOT_CONFIG_CONTENT"
    ] == [{ targets = ["127.0.0.1:9464"], labels = { pipeline = "flights", service = "loader" } }]
    error_message = "The collector scrapes something else than the service beside it."
  }
}

run "roles_are_exact" {
  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid => toset(statement.Resource) } == {
      LogGroups     = toset(["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/loader:*"])
      OperationsKey = toset(["arn:aws:kms:us-east-1:000000000000:key/operations"])
      Registry      = toset(["*"])
      Repositories  = toset(["arn:aws:ecr:us-east-1:000000000000:repository/headrace/worker", "arn:aws:ecr:us-east-1:000000000000:repository/headrace/collector"])
      Secrets       = toset(["arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/loader-AbCdEf"])
    }
    error_message = "The execution role reaches other images, logs, secrets or keys than the task's."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.collector[0].policy).Statement[*].Resource == [["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/metrics:*"]]
    error_message = "The collector writes elsewhere than among the metrics."
  }
  assert {
    condition     = aws_iam_role_policy.task.policy == var.policy
    error_message = "The service may call something else than it was given."
  }
  assert {
    condition = alltrue([
      for role in [aws_iam_role.task, aws_iam_role.execution] :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "000000000000" &&
      jsondecode(role.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ecs:us-east-1:000000000000:*"
    ])
    error_message = "A task of another account may be given the role."
  }
  assert {
    condition     = alltrue([for role in [aws_iam_role.task, aws_iam_role.execution] : role.permissions_boundary == "arn:aws:iam::000000000000:policy/headrace-dev-boundary"])
    error_message = "A role has no boundary, so CI may not make it."
  }
}

run "a_task_without_metrics_and_secrets" {
  variables {
    service        = "dbt"
    health_command = null
    metrics        = null
    secrets        = {}
  }

  assert {
    condition     = length(jsondecode(aws_ecs_task_definition.this.container_definitions)) == 1 && length(aws_iam_role_policy.collector) == 0
    error_message = "A collector stands beside what serves no metrics."
  }
  assert {
    condition     = !can(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck)
    error_message = "What runs to its end is asked how it is."
  }
  assert {
    condition     = toset(jsondecode(aws_iam_role_policy.execution.policy).Statement[*].Sid) == toset(["LogGroups", "Registry", "Repositories"])
    error_message = "A task without secrets may read some."
  }
}

run "no_image_without_a_release" {
  command = plan

  variables {
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/worker:latest"
  }

  expect_failures = [var.image]
}

run "no_size_that_fargate_has_not" {
  command = plan

  variables {
    cpu        = 1024
    memory_mib = 1024
  }

  expect_failures = [var.memory_mib]
}
