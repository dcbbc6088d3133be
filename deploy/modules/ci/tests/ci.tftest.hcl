mock_provider "aws" {
  override_data {
    target = module.names.data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = module.names.data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = module.names.data.aws_partition.current
    values = { partition = "aws" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::000000000000:policy/headrace-dev-mocked" }
  }
}

variables {
  environment       = "dev"
  github_repository = "octocat@123456/my-repo@456789"
  key_arn           = "arn:aws:kms:us-east-1:000000000000:key/operations"
  protected         = false
}

run "only_the_repository_gets_in" {
  assert {
    condition     = jsondecode(aws_iam_role.plan.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:octocat@123456/my-repo@456789:pull_request"
    error_message = "Others than the repository's pull requests may plan."
  }
  assert {
    condition     = jsondecode(aws_iam_role.apply.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:octocat@123456/my-repo@456789:environment:dev"
    error_message = "Others than the repository's environment may apply."
  }
  assert {
    condition = alltrue([for role in [aws_iam_role.plan, aws_iam_role.apply] : alltrue([
      for statement in jsondecode(role.assume_role_policy).Statement :
      keys(statement.Condition) == ["StringEquals"] && statement.Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    ])])
    error_message = "A token for another audience, or one that only resembles, is taken."
  }
}

run "planning_changes_nothing" {
  assert {
    condition     = alltrue([for name in keys(aws_iam_role_policy_attachment.plan) : endswith(name, "-read")])
    error_message = "The plan role has a policy that writes."
  }
  assert {
    condition = alltrue([
      for name, policy in aws_iam_policy.managing : alltrue([
        for action in flatten(jsondecode(policy.policy).Statement[*].Action) : can(regex(":(Describe|Get|List|Validate)|^kms:Decrypt$", action))
      ]) if endswith(name, "-read")
    ])
    error_message = "A call that is said to read does not."
  }
  assert {
    condition = alltrue([
      for action in flatten([for name in keys(aws_iam_role_policy_attachment.plan) : jsondecode(aws_iam_policy.managing[name].policy).Statement[*].Action]) :
      !contains(["secretsmanager:GetSecretValue", "dynamodb:GetItem", "kinesis:GetRecords"], action)
    ])
    error_message = "The plan role reads data."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : statement.Sid == "Lock" || !contains(statement.Action, "s3:PutObject")])
    error_message = "The plan role writes state."
  }
}

run "applying_stays_within_the_platform" {
  assert {
    condition = alltrue([
      for statement in flatten([for policy in values(aws_iam_policy.managing) : jsondecode(policy.policy).Statement]) :
      statement.Condition.ArnEquals["iam:PermissionsBoundary"] == "arn:aws:iam::000000000000:policy/headrace-dev-boundary" if contains(statement.Action, "iam:CreateRole") || contains(statement.Action, "iam:PutRolePolicy")
    ])
    error_message = "A role may be made, or given more, without the boundary."
  }
  assert {
    condition = alltrue([
      for statement in flatten([for policy in values(aws_iam_policy.managing) : jsondecode(policy.policy).Statement]) :
      alltrue([for arn in statement.Resource : startswith(arn, "arn:aws:iam::000000000000:role/headrace-dev-")]) && length(statement.Condition.StringEquals["iam:PassedToService"]) > 0 if contains(statement.Action, "iam:PassRole")
    ])
    error_message = "A role that is not the platform's may be passed on, or to anyone."
  }
  assert {
    condition = alltrue([
      for action in ["iam:AttachRolePolicy", "iam:DeleteRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"] :
      anytrue([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement : statement.Effect == "Deny" && contains(statement.Action, action) && toset(statement.Resource) == toset(["arn:aws:iam::000000000000:role/headrace-dev-plan", "arn:aws:iam::000000000000:role/headrace-dev-apply"])])
    ])
    error_message = "The apply role may change itself."
  }
  assert {
    condition     = alltrue([for action in flatten([for policy in values(aws_iam_policy.managing) : jsondecode(policy.policy).Statement[*].Action]) : !can(regex("^iam:(Create|Delete|Set).*(Policy|PolicyVersion|OpenIDConnectProvider)$", action)) || contains(["iam:DeleteRolePolicy"], action)])
    error_message = "The apply role may change the boundary, or who gets in."
  }
  assert {
    condition     = [for action in jsondecode(aws_iam_policy.boundary.policy).Statement[0].Action : action if startswith(action, "iam:") || startswith(action, "sts:")] == ["iam:PassRole"]
    error_message = "The boundary lets roles change who may what."
  }
  assert {
    condition     = alltrue([for text in concat(values(aws_iam_policy.managing)[*].policy, [aws_iam_policy.boundary.policy]) : length(text) <= 6144])
    error_message = "A managed policy is longer than IAM takes."
  }
  assert {
    condition     = length(aws_iam_role_policy_attachment.apply) <= 10
    error_message = "More managed policies than IAM attaches to a role."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.apply.policy, "s3:DeleteBucket")
    error_message = "Only a protected environment forbids to delete."
  }
}

run "a_protected_environment_keeps_its_data" {
  variables {
    protected = true
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement :
      statement.Effect == "Deny" && statement.Resource == ["*"] && length(setsubtract(["s3:DeleteBucket", "dynamodb:DeleteTable", "kinesis:DeleteStream", "redshift-serverless:DeleteNamespace"], statement.Action)) == 0
    ])
    error_message = "The apply role may delete what holds data."
  }
}

run "images_stay" {
  assert {
    condition = alltrue([
      for repository in values(aws_ecr_repository.this) :
      repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push && one(repository.encryption_configuration).kms_key == var.key_arn
    ])
    error_message = "A tag can be pushed twice, or an image is not scanned or not encrypted with our key."
  }
  assert {
    condition = alltrue([
      for policy in values(aws_ecr_lifecycle_policy.this) : alltrue([for rule in jsondecode(policy.policy).rules : rule.selection.tagStatus == "untagged"])
    ])
    error_message = "An image that has a tag expires: a release may name it."
  }
  assert {
    condition = alltrue([
      for policy in values(aws_ecr_repository_policy.pulled) : alltrue([
        for statement in jsondecode(policy.policy).Statement : keys(statement.Condition) == ["ArnLike"] && strcontains(statement.Condition.ArnLike["aws:SourceArn"], ":us-east-1:000000000000:")
      ])
    ])
    error_message = "A service may pull images for another account, or never, for it tells ECR its ARN alone."
  }
  assert {
    condition     = output.repository_urls.worker == "000000000000.dkr.ecr.us-east-1.amazonaws.com/headrace/worker"
    error_message = "The repository's URL is another one than ECR's."
  }
}

run "no_wildcards_in_the_repository" {
  command = plan

  variables {
    github_repository = "octocat/*"
  }

  expect_failures = [var.github_repository]
}
