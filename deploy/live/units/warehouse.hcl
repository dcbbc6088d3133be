locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//warehouse"
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

dependencies {
  # Roles have the boundary that this unit makes.
  paths = ["${get_terragrunt_dir()}/../ci"]
}

inputs = {
  environment             = local.env.environment
  protected               = local.env.protected
  subnet_ids              = dependency.network.outputs.subnet_ids
  security_group_id       = dependency.network.outputs.security_group_ids.warehouse
  key_arns                = dependency.keys.outputs.key_arns
  bucket_arns             = dependency.lake.outputs.bucket_arns
  departments             = local.env.departments
  base_capacity_rpus      = local.env.warehouse.base_capacity_rpus
  max_rpus                = local.env.warehouse.max_rpus
  max_rpu_hours_a_day     = local.env.warehouse.max_rpu_hours_a_day
  snapshot_retention_days = local.env.warehouse.snapshot_retention_days
  log_retention_days      = local.env.log_retention_days
}
