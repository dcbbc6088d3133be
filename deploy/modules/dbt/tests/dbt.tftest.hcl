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
    target = module.builds.module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.builds.module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.builds.module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  override_data {
    target = module.rotation_task.module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.rotation_task.module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.rotation_task.module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  override_data {
    target = module.rotation.module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.rotation.module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.rotation.module.names.data.aws_partition.current
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
}

variables {
  environment       = "dev"
  pipeline          = "flights"
  image             = "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/dbt:1.0.0"
  cluster_arn       = "arn:aws:ecs:us-east-1:000000000000:cluster/headrace-dev"
  subnet_ids        = ["subnet-1"]
  security_group_id = "sg-1"
  warehouse = {
    host     = "warehouse.internal"
    port     = 5439
    database = "headrace"
    users    = { loader = "headrace_loader", dbt = "headrace_dbt" }
    secret_arns = {
      loader = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/loader-AbCdEf"
      dbt    = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headrace/dev/warehouse/dbt-AbCdEf"
    }
    admin_secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:redshift!headrace-dev-headrace_admin-AbCdEf"
    copy_role_arn    = "arn:aws:iam::000000000000:role/copy"
  }
  bucket_names = { curated = "curated" }
  bucket_arns  = { curated = "arn:aws:s3:::curated" }
  key_arns     = { curated = "arn:aws:kms:us-east-1:000000000000:key/curated", operations = "arn:aws:kms:us-east-1:000000000000:key/operations" }
  schedule     = "cron(15 * * * ? *)"
  topic_arn    = "arn:aws:sns:us-east-1:000000000000:headrace-dev-ticket"
  log_group    = { name = "/headrace/dev/dbt", arn = "arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/dbt" }
}

run "it_builds_for_its_environment" {
  assert {
    condition     = local.build == ["headrace-sql", "build", "--json", "--target", "dev", "--work-dir", "/tmp/dbt"]
    error_message = "dbt builds for another environment, or writes where a task may not."
  }
  assert {
    condition     = output.state_machine_arn == "arn:aws:states:us-east-1:000000000000:stateMachine:machine"
    error_message = "The state machine is not told."
  }
}

run "every_user_gets_a_new_password" {
  assert {
    condition     = keys(local.rotate) == ["dbt", "loader"] && local.rotate.loader[2] == "headrace_loader" && local.rotate.loader[4] == var.warehouse.secret_arns.loader
    error_message = "A user keeps a password for ever, or gets another one's."
  }
}
