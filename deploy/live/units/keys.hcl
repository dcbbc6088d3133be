locals {
  env = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
}

terraform {
  source = "${get_repo_root()}/deploy/modules//keys"
}

inputs = {
  environment = local.env.environment
  protected   = local.env.protected
}
