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
  environment        = "dev"
  name               = "headrace-dev-flights-worker"
  service            = "worker"
  pipeline           = "flights"
  image              = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/worker:1.0.0"
  collector_image    = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/collector:1.0.0"
  command            = ["headrace-consumers", "run", "headrace_local.pipelines:flights"]
  health_command     = ["headrace-consumers", "health"]
  metrics_port       = 9464
  settings           = { HEADRACE_LOG_TABLE = "headrace-dev-log" }
  secrets            = { HEADRACE_WAREHOUSE_PASSWORD = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/loader-AbCdEf:password::" }
  cpu                = 1024
  memory_mib         = 4096
  policy             = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  log_group          = { name = "/headrace/dev/worker", arn = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/worker" }
  operations_key_arn = "arn:aws:kms:us-east-1:000000000000:key/operations"
}

run "a_task_is_hardened" {
  assert {
    condition     = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : container.readonlyRootFilesystem])
    error_message = "A container may write to its root."
  }
}
