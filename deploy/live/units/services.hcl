locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//services"
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

dependency "warehouse" {
  config_path = "${get_terragrunt_dir()}/../warehouse"

  mock_outputs                            = local.mocks.warehouse
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

dependency "observability" {
  config_path = "${get_terragrunt_dir()}/../observability"

  mock_outputs                            = local.mocks.observability
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  environment     = local.env.environment
  protected       = local.env.protected
  pipelines       = local.env.pipelines
  image           = "${dependency.ci.outputs.repository_urls.worker}:${local.env.release}"
  collector_image = "${dependency.ci.outputs.repository_urls.collector}:${local.env.release}"

  subnet_ids         = dependency.network.outputs.subnet_ids
  security_group_ids = dependency.network.outputs.security_group_ids
  bucket_names       = dependency.lake.outputs.bucket_names
  bucket_arns        = dependency.lake.outputs.bucket_arns
  log_table_name     = dependency.stream.outputs.log_table_name
  log_table_arn      = dependency.stream.outputs.log_table_arn
  lease_table_arns   = dependency.stream.outputs.lease_table_arns
  stream_names       = dependency.stream.outputs.stream_names
  stream_arns        = dependency.stream.outputs.stream_arns
  key_arns           = dependency.keys.outputs.key_arns
  log_group_names    = dependency.observability.outputs.log_group_names
  log_group_arns     = dependency.observability.outputs.log_group_arns

  warehouse = {
    host          = dependency.warehouse.outputs.host
    port          = dependency.warehouse.outputs.port
    database      = dependency.warehouse.outputs.database
    copy_role_arn = dependency.warehouse.outputs.copy_role_arn
    secret_arns   = dependency.warehouse.outputs.secret_arns
  }
}
