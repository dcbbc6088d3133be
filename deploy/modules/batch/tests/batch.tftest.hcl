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
  override_data {
    target = module.task.module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.task.module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.task.module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  override_data {
    target = module.compaction.module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.compaction.module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.compaction.module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  override_data {
    target = module.expiry.module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.expiry.module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.expiry.module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:us-east-1:000000000000:stateMachine:machine" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/role" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/task:1" }
  }
  mock_resource "aws_emrserverless_application" {
    defaults = { arn = "arn:aws:emr-serverless:us-east-1:000000000000:/applications/app" }
  }
}

variables {
  environment       = "dev"
  pipelines         = { flights = { reference = "headrace_local.pipelines:flights" } }
  image             = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/batch:1.0.0"
  spark_image       = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/spark:1.0.0"
  engine            = "serverless"
  cluster_arn       = "arn:aws:ecs:us-east-1:000000000000:cluster/headrace-dev"
  vpc_id            = "vpc-1"
  subnet_ids        = ["subnet-1"]
  security_group_id = "sg-1"
  stream_arns       = { flights = "arn:aws:kinesis:us-east-1:000000000000:stream/headrace-dev-flights" }
  log_table_arn     = "arn:aws:dynamodb:us-east-1:000000000000:table/headrace-dev-log"
  bucket_names      = { for zone in ["raw", "processed", "curated", "logs"] : zone => zone }
  bucket_arns       = { for zone in ["raw", "processed", "curated", "landing", "logs"] : zone => "arn:aws:s3:::${zone}" }
  key_arns          = { for zone in ["stream", "raw", "processed", "curated", "landing", "operations"] : zone => "arn:aws:kms:us-east-1:000000000000:key/${zone}" }

  raw_retention_days = 400
  schedules          = { compaction = "cron(0 3 * * ? *)", expiry = "cron(0 5 * * ? *)" }
  topic_arn          = "arn:aws:sns:us-east-1:000000000000:headrace-dev-ticket"
  log_group          = { name = "/headrace/dev/batch", arn = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/batch" }
}

run "upkeep_is_of_its_pipeline" {
  assert {
    condition     = local.commands.flights.compact == ["headrace-batch", "compact", "headrace_local.pipelines:flights", "--json"]
    error_message = "Compaction is of another pipeline."
  }
  assert {
    condition     = local.commands.flights.expire == ["headrace-batch", "expire", "headrace_local.pipelines:flights", "--raw-days", "400", "--json"]
    error_message = "Raw records go before or after their time."
  }
}

run "spark_is_private_and_speaks_tls" {
  assert {
    condition     = toset(aws_emrserverless_application.this[0].network_configuration[0].subnet_ids) == toset(["subnet-1"])
    error_message = "Spark runs outside of the network."
  }
  assert {
    condition     = aws_emrserverless_application.this[0].runtime_configuration[0].properties["spark.ssl.internode.enabled"] == "true"
    error_message = "Spark's processes speak in the clear."
  }
  assert {
    condition     = aws_emrserverless_application.this[0].auto_stop_configuration[0].enabled && length(aws_emrserverless_application.this[0].initial_capacity) == 0
    error_message = "Spark costs while nothing runs."
  }
}

run "there_is_one_engine" {
  assert {
    condition     = length(aws_emr_security_configuration.this) == 0 && length(aws_iam_role.emr) == 0 && length(aws_security_group.nodes) == 0
    error_message = "A cluster's things are there beside EMR Serverless."
  }
  assert {
    condition     = strcontains(local.backfill.flights.States.Stage.Resource, "emr-serverless:startJobRun.sync")
    error_message = "A backfill does not run on EMR Serverless."
  }
}

run "a_cluster_lives_as_long_as_its_backfill" {
  variables {
    engine               = "cluster"
    cluster_packages_url = "s3://packages/1.0.0"
  }
  assert {
    condition     = length(aws_emrserverless_application.this) == 0
    error_message = "EMR Serverless is there beside a cluster."
  }
  assert {
    condition     = local.backfill.flights.States.Stage.Next == "EndCluster" && local.backfill.flights.States.Stage.Catch[0].Next == "EndClusterOfFailure"
    error_message = "A cluster outlives its backfill."
  }
  assert {
    condition     = local.backfill.flights.States.MakeCluster.Parameters.AutoTerminationPolicy.IdleTimeout == 3600
    error_message = "A cluster that nobody ends does not end itself."
  }
  assert {
    condition = alltrue([
      jsondecode(aws_emr_security_configuration.this[0].configuration).EncryptionConfiguration.EnableAtRestEncryption,
      jsondecode(aws_emr_security_configuration.this[0].configuration).EncryptionConfiguration.EnableInTransitEncryption,
    ])
    error_message = "A cluster keeps or sends data in the clear."
  }
  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.backfill["flights"].policy).Statement : statement.Resource if contains(statement.Action, "events:PutRule")
      ]) == [
      for call in ["RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows"] : "arn:aws:events:us-east-1:000000000000:rule/StepFunctionsGetEventForEMR${call}Rule"
    ]
    error_message = "Step Functions cannot be told when a cluster or a step has come to its end: AWS refuses the state machine."
  }
  assert {
    condition = alltrue([
      for group in concat(aws_security_group.nodes, aws_security_group.service_access) :
      can(regex("^[a-zA-Z0-9. _:/()#,@\\[\\]+=&;{}!$*-]{1,255}$", group.description))
    ])
    error_message = "EC2 refuses a description with other characters, an apostrophe for one."
  }
}

run "a_cluster_needs_its_packages" {
  command = plan
  variables {
    engine = "cluster"
  }
  expect_failures = [var.cluster_packages_url]
}

run "an_engine_is_known" {
  command = plan
  variables {
    engine = "flink"
  }
  expect_failures = [var.engine]
}
