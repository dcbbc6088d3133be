locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//access"
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

inputs = {
  environment      = local.env.environment
  pipelines        = local.env.pipelines
  stream_arns      = dependency.stream.outputs.stream_arns
  log_table_arn    = dependency.stream.outputs.log_table_arn
  lease_table_arns = dependency.stream.outputs.lease_table_arns
  bucket_arns      = dependency.lake.outputs.bucket_arns
  key_arns         = dependency.keys.outputs.key_arns
}
