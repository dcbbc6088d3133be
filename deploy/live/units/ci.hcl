locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//ci"
}

dependency "keys" {
  config_path = "${get_terragrunt_dir()}/../keys"

  mock_outputs                            = local.mocks.keys
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  environment       = local.env.environment
  protected         = local.env.protected
  github_repository = local.env.github_repository
  key_arn           = dependency.keys.outputs.key_arns.operations
}
