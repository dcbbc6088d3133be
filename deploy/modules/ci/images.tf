locals {
  # Image to who pulls it beside the account's own tasks.
  images = {
    worker    = null
    dbt       = null
    collector = null
    batch     = null
    spark     = { service = "emr-serverless.amazonaws.com", from = "emr-serverless:${module.names.region}:${module.names.account_id}:/applications/*", also = ["ecr:DescribeImages"] }
    lambda    = { service = "lambda.amazonaws.com", from = "lambda:${module.names.region}:${module.names.account_id}:function:*", also = [] }
  }
}

resource "aws_ecr_repository" "this" {
  for_each = local.images

  name                 = replace(module.names.patterns.repository, "{image}", each.key)
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.key_arn
  }
  image_scanning_configuration {
    scan_on_push = true
  }
}

# What has a tag may be what a release names, or what a deployment is rolled back to: only untagged images go.
resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Untagged images go after 14 days."
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_policy" "pulled" {
  for_each = { for image, puller in local.images : image => puller if puller != null }

  repository = aws_ecr_repository.this[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Pull"
      Effect    = "Allow"
      Principal = { Service = each.value.service }
      Action    = concat(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], each.value.also)
      # Whose functions and applications they are, the ARN says: these services tell ECR no account beside it.
      Condition = { ArnLike = { "aws:SourceArn" = "arn:${module.names.partition}:${each.value.from}" } }
    }]
  })
}
