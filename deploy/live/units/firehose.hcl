locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//firehose"
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

dependencies {
  # Roles have the boundary that this unit makes.
  paths = ["${get_terragrunt_dir()}/../ci"]
}

inputs = {
  environment    = local.env.environment
  pipelines      = local.env.pipelines
  stream_arns    = dependency.stream.outputs.stream_arns
  bucket_arn     = dependency.lake.outputs.bucket_arns.raw
  key_arns       = dependency.keys.outputs.key_arns
  log_group_name = dependency.observability.outputs.log_group_names.firehose
}
