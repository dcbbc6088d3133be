locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//landing"
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

dependency "observability" {
  config_path = "${get_terragrunt_dir()}/../observability"

  mock_outputs                            = local.mocks.observability
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  environment = local.env.environment
  pipelines   = local.env.pipelines
  partners    = local.env.partners
  image       = "${dependency.ci.outputs.repository_urls.lambda}:${local.env.release}"

  bucket_name       = dependency.lake.outputs.bucket_names.landing
  bucket_arn        = dependency.lake.outputs.bucket_arns.landing
  lake_bucket_names = dependency.lake.outputs.bucket_names
  lake_bucket_arns  = dependency.lake.outputs.bucket_arns
  key_arns          = dependency.keys.outputs.key_arns
  log_table_name    = dependency.stream.outputs.log_table_name
  log_table_arn     = dependency.stream.outputs.log_table_arn
  stream_names      = dependency.stream.outputs.stream_names
  stream_arns       = dependency.stream.outputs.stream_arns

  vpc_id             = dependency.network.outputs.vpc_id
  subnet_ids         = dependency.network.outputs.subnet_ids
  security_group_ids = dependency.network.outputs.security_group_ids
  log_group_names    = dependency.observability.outputs.log_group_names
  log_group_arns     = dependency.observability.outputs.log_group_arns
}
