locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//network"
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
  environment   = local.env.environment
  cidr          = local.env.cidr
  batch_engine  = local.env.batch.engine
  log_group_arn = dependency.observability.outputs.log_group_arns.network
}
