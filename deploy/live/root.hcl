# What all units share: where their state is, which account they may touch, and that production is not destroyed.
locals {
  env        = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  region     = basename(dirname(get_terragrunt_dir()))
  account_id = get_env("HEADRACE_${upper(local.env.environment)}_ACCOUNT_ID")
}

terragrunt_version_constraint = ">= 1.0"
terraform_version_constraint  = ">= 1.11"
terraform_binary              = "terraform"
prevent_destroy               = local.env.protected

remote_state {
  backend = "s3"

  generate = {
    path      = "backend.tf"
    if_exists = "overwrite_terragrunt"
  }

  config = {
    bucket       = "headrace-${local.env.environment}-state-${local.account_id}-${local.region}"
    key          = "${path_relative_to_include()}/terraform.tfstate"
    region       = local.region
    encrypt      = true
    use_lockfile = true
  }
}

# Credentials of another account are refused before anything is read or changed.
generate "provider" {
  path      = "provider.tf"
  if_exists = "overwrite_terragrunt"
  contents  = <<-EOF
    provider "aws" {
      region              = "${local.region}"
      allowed_account_ids = ["${local.account_id}"]

      default_tags {
        tags = {
          project     = "headrace"
          environment = "${local.env.environment}"
          unit        = "${basename(get_terragrunt_dir())}"
        }
      }
    }
  EOF
}
