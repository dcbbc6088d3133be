locals {
  people = ["operator", "producer"] # their roles are not the platform's
  calls  = [for call in jsondecode(file("${path.module}/../permissions/calls.json")) : call.actions if !contains(local.people, call.service)]
  bound  = sort(distinct(flatten([local.calls, values(jsondecode(file("${path.module}/boundary.json")))])))
}

# Grants nothing: no role that the apply role makes can do more than the platform's code and its AWS services call,
# whatever its own policies say. IAM is not among that, but for passing a role on.
resource "aws_iam_policy" "boundary" {
  name        = module.names.of.boundary
  description = "Permissions boundary of every role that the platform makes."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WhatThePlatformCalls"
      Effect   = "Allow"
      Action   = local.bound
      Resource = ["*"]
    }]
  })
}
