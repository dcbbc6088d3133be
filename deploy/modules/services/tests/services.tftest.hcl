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
  environment = "dev"
  protected   = true
  pipelines = {
    flights = {
      reference = "headrace_local.pipelines:flights"
      worker    = { cpu = 1024, memory_mib = 4096, min_tasks = 1, max_tasks = 4 }
    }
    weather = {
      reference   = "headrace_local.pipelines:weather"
      worker      = { cpu = 512, memory_mib = 2048, min_tasks = 2, max_tasks = 2 }
      has_windows = false
    }
  }
  image              = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/worker:1.0.0"
  collector_image    = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/collector:1.0.0"
  subnet_ids         = ["subnet-1", "subnet-2", "subnet-3"]
  security_group_ids = { worker = "sg-worker", windows = "sg-windows", loader = "sg-loader" }
  bucket_names       = { raw = "raw", processed = "processed", curated = "curated" }
  bucket_arns        = { raw = "arn:aws:s3:::raw", processed = "arn:aws:s3:::processed", curated = "arn:aws:s3:::curated" }
  log_table_name     = "headrace-dev-log"
  log_table_arn      = "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-dev-log"
  stream_names       = { flights = "headrace-dev-flights", weather = "headrace-dev-weather" }
  stream_arns = {
    flights = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights"
    weather = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-weather"
  }
  lease_table_arns = {
    flights = ["arn:aws:dynamodb:us-east-1:000000000000:table/headrace-flights-g*", "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-flights-g*/index/*"]
    weather = ["arn:aws:dynamodb:us-east-1:000000000000:table/headrace-weather-g*", "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-weather-g*/index/*"]
  }
  key_arns = {
    raw        = "arn:aws:kms:us-east-1:000000000000:key/raw"
    processed  = "arn:aws:kms:us-east-1:000000000000:key/processed"
    curated    = "arn:aws:kms:us-east-1:000000000000:key/curated"
    stream     = "arn:aws:kms:us-east-1:000000000000:key/stream"
    operations = "arn:aws:kms:us-east-1:000000000000:key/operations"
  }
  warehouse = {
    host          = "warehouse.example.com"
    port          = 5439
    database      = "headrace"
    copy_role_arn = "arn:aws:iam::000000000000:role/headrace-dev-warehouse-copy"
    secret_arns   = { loader = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/loader-AbCdEf" }
  }
  log_group_names = { worker = "/headrace/dev/worker", windows = "/headrace/dev/windows", loader = "/headrace/dev/loader", metrics = "/headrace/dev/metrics" }
  log_group_arns = {
    worker  = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/worker"
    windows = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/windows"
    loader  = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/loader"
    metrics = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/metrics"
  }
}

run "each_pipeline_has_its_services" {
  assert {
    condition = jsonencode(output.service_names) == jsonencode({
      flights = { loader = "headrace-dev-flights-loader", windows = "headrace-dev-flights-windows", worker = "headrace-dev-flights-worker" }
      weather = { loader = "headrace-dev-weather-loader", worker = "headrace-dev-weather-worker" }
    })
    error_message = "A service is missing, or runs for a pipeline that declares no windows."
  }
  assert {
    condition     = { for key, task in local.tasks : key => join(" ", task.command) } == { "flights/loader" = "headrace-consumers load headrace_local.pipelines:flights", "flights/windows" = "headrace-consumers windows headrace_local.pipelines:flights", "flights/worker" = "headrace-consumers run headrace_local.pipelines:flights", "weather/loader" = "headrace-consumers load headrace_local.pipelines:weather", "weather/worker" = "headrace-consumers run headrace_local.pipelines:weather" }
    error_message = "A service runs another command than its own."
  }
}

run "nothing_is_public" {
  assert {
    condition     = alltrue([for service in concat(values(aws_ecs_service.worker), values(aws_ecs_service.single)) : !service.network_configuration[0].assign_public_ip && !service.enable_execute_command])
    error_message = "A task has a public address, or lets people in."
  }
  assert {
    condition     = alltrue([for service in concat(values(aws_ecs_service.worker), values(aws_ecs_service.single)) : service.network_configuration[0].subnets == toset(["subnet-1", "subnet-2", "subnet-3"])])
    error_message = "A service does not spread over all zones."
  }
  assert {
    condition     = one(one(aws_ecs_cluster.this.configuration).managed_storage_configuration).fargate_ephemeral_storage_kms_key_id == "operations"
    error_message = "The tasks' disks are not encrypted with our key, which ECS wants by its id."
  }
  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enhanced"
    error_message = "Nobody sees what the containers use."
  }
}

run "a_bad_release_goes_back" {
  assert {
    condition = alltrue([
      for service in concat(values(aws_ecs_service.worker), values(aws_ecs_service.single)) :
      service.deployment_circuit_breaker[0].enable && service.deployment_circuit_breaker[0].rollback && service.wait_for_steady_state
    ])
    error_message = "A release whose tasks do not become healthy stays, or nobody is told."
  }
}

run "one_windows_service_and_one_loader" {
  assert {
    condition     = alltrue([for service in values(aws_ecs_service.single) : service.desired_count == 1 && service.deployment_minimum_healthy_percent == 0 && service.deployment_maximum_percent == 100])
    error_message = "A deployment runs two of what fence each other."
  }
  assert {
    condition     = alltrue([for service in values(aws_ecs_service.worker) : service.deployment_minimum_healthy_percent == 100 && service.deployment_maximum_percent == 200])
    error_message = "Workers are replaced one by one, so leases move again and again."
  }
}

run "workers_follow_the_stream" {
  assert {
    condition     = { for key, target in aws_appautoscaling_target.worker : key => [target.min_capacity, target.max_capacity] } == { "flights/worker" = [1, 4], "weather/worker" = [2, 2] }
    error_message = "There may be more or fewer workers than was said."
  }
  assert {
    condition = alltrue([
      for key, alarm in aws_cloudwatch_metric_alarm.behind : alarm.metric_name == "headrace_lag_ms" && alarm.namespace == "Headrace" && alarm.dimensions == tomap({ service = "worker", pipeline = split("/", key)[0] })
    ])
    error_message = "Lag is looked for where the collector does not write it."
  }
  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.behind : alarm.alarm_actions == toset([aws_appautoscaling_policy.behind[key].arn])])
    error_message = "Lag makes no more workers."
  }
  assert {
    condition     = alltrue([for policy in values(aws_appautoscaling_policy.cpu) : policy.target_tracking_scaling_policy_configuration[0].disable_scale_in])
    error_message = "Idle processors take workers away that lag asked for."
  }
  assert {
    condition     = alltrue([for policy in values(aws_appautoscaling_policy.quiet) : one(policy.step_scaling_policy_configuration[0].step_adjustment).scaling_adjustment == -1 && policy.step_scaling_policy_configuration[0].cooldown >= 1800])
    error_message = "Workers go faster than leases should move."
  }
}

run "settings_and_roles" {
  assert {
    condition     = { for key, task in local.tasks : key => task.settings["HEADRACE_SHUTDOWN_GRACE_S"] if task.service == "worker" } == { "flights/worker" = "50", "weather/worker" = "50" }
    error_message = "A worker is killed before its last commit: twice (grace + 5 s) must be below stopTimeout."
  }
  assert {
    condition     = alltrue([for settings in values(local.settings) : settings.HEADRACE_METRICS_HOST == "127.0.0.1" && settings.HEADRACE_METRICS_PORT == "9464"])
    error_message = "Metrics can be read from outside of the task, or where nobody looks."
  }
  assert {
    condition     = alltrue([for key, task in local.tasks : (task.service == "loader") == (length(task.secrets) > 0)])
    error_message = "Another service than the loader gets the warehouse's password, or the loader does not."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(module.permissions["weather/worker"].json).Statement : !strcontains(jsonencode(statement.Resource), "flights")])
    error_message = "A worker may touch another pipeline's stream or leases."
  }
}
