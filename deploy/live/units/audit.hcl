locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//audit"
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

inputs = {
  environment  = local.env.environment
  bucket_names = dependency.lake.outputs.bucket_names
  bucket_arns  = dependency.lake.outputs.bucket_arns
  key_arns     = dependency.keys.outputs.key_arns
}
