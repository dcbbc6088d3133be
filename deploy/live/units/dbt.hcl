locals {
  env   = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  mocks = read_terragrunt_config(find_in_parent_folders("mocks.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//dbt"
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

dependency "services" {
  config_path = "${get_terragrunt_dir()}/../services"

  mock_outputs                            = local.mocks.services
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
  environment = local.env.environment
  pipeline    = local.env.models.pipeline
  schedule    = local.env.models.schedule
  image       = "${dependency.ci.outputs.repository_urls.dbt}:${local.env.release}"

  cluster_arn       = dependency.services.outputs.cluster_arn
  subnet_ids        = dependency.network.outputs.subnet_ids
  security_group_id = dependency.network.outputs.security_group_ids.dbt
  bucket_names      = dependency.lake.outputs.bucket_names
  bucket_arns       = dependency.lake.outputs.bucket_arns
  key_arns          = dependency.keys.outputs.key_arns
  topic_arn         = dependency.observability.outputs.topic_arns.ticket

  warehouse = {
    host             = dependency.warehouse.outputs.host
    port             = dependency.warehouse.outputs.port
    database         = dependency.warehouse.outputs.database
    users            = dependency.warehouse.outputs.users
    secret_arns      = dependency.warehouse.outputs.secret_arns
    admin_secret_arn = dependency.warehouse.outputs.admin_secret_arn
    copy_role_arn    = dependency.warehouse.outputs.copy_role_arn
  }

  log_group = {
    name = dependency.observability.outputs.log_group_names.dbt
    arn  = dependency.observability.outputs.log_group_arns.dbt
  }
}
