locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//batch"
}

dependency "ci" {
  config_path = "${get_terragrunt_dir()}/../ci"

  mock_outputs                            = local.mocks.ci
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "network" {
  config_path = "${get_terragrunt_dir()}/../network"

  mock_outputs                            = local.mocks.network
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "keys" {
  config_path = "${get_terragrunt_dir()}/../keys"

  mock_outputs                            = local.mocks.keys
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "lake" {
  config_path = "${get_terragrunt_dir()}/../lake"

  mock_outputs                            = local.mocks.lake
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "stream" {
  config_path = "${get_terragrunt_dir()}/../stream"

  mock_outputs                            = local.mocks.stream
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "services" {
  config_path = "${get_terragrunt_dir()}/../services"

  mock_outputs                            = local.mocks.services
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "observability" {
  config_path = "${get_terragrunt_dir()}/../observability"

  mock_outputs                            = local.mocks.observability
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  environment          = local.env.environment
  pipelines            = local.env.pipelines
  engine               = local.env.batch.engine
  cluster_packages_url = try(local.env.batch.cluster_packages_url, null)
  schedules            = local.env.batch.schedules
  raw_retention_days   = local.env.raw_retention_days
  image                = "${dependency.ci.outputs.repository_urls.batch}:${local.env.release}"
  spark_image          = "${dependency.ci.outputs.repository_urls.spark}:${local.env.release}"

  cluster_arn       = dependency.services.outputs.cluster_arn
  vpc_id            = dependency.network.outputs.vpc_id
  subnet_ids        = dependency.network.outputs.subnet_ids
  security_group_id = dependency.network.outputs.security_group_ids.batch
  stream_arns       = dependency.stream.outputs.stream_arns
  log_table_arn     = dependency.stream.outputs.log_table_arn
  bucket_names      = dependency.lake.outputs.bucket_names
  bucket_arns       = dependency.lake.outputs.bucket_arns
  key_arns          = dependency.keys.outputs.key_arns
  topic_arn         = dependency.observability.outputs.topic_arns.ticket

  log_group = {
    name = dependency.observability.outputs.log_group_names.batch
    arn  = dependency.observability.outputs.log_group_arns.batch
  }
}
