module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  issuer = "token.actions.githubusercontent.com"
  root   = "arn:${module.names.partition}:iam::${module.names.account_id}"
}

# AWS trusts GitHub's certificate by its own list of authorities, so no thumbprint is said.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  subjects = {
    plan  = "repo:${var.github_repository}:pull_request"
    apply = "repo:${var.github_repository}:environment:${var.environment}"
  }
  trust = {
    for role, subject in local.subjects : role => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "GitHub"
        Effect    = "Allow"
        Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = { StringEquals = { "${local.issuer}:aud" = "sts.amazonaws.com", "${local.issuer}:sub" = subject } }
      }]
    })
  }
}

resource "aws_iam_role" "plan" {
  name                 = module.names.of.plan_role
  description          = "Pull requests plan with it; it changes nothing."
  assume_role_policy   = local.trust.plan
  max_session_duration = 3600
}

resource "aws_iam_role" "apply" {
  name                 = module.names.of.apply_role
  description          = "The GitHub environment ${var.environment} applies with it."
  assume_role_policy   = local.trust.apply
  max_session_duration = 3600
}
