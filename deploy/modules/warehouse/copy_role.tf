module "permissions" {
  source  = "../permissions"
  service = "copy"
  resources = {
    processed_bucket  = [var.bucket_arns.processed]
    processed_objects = ["${var.bucket_arns.processed}/*"]
    curated_bucket    = [var.bucket_arns.curated]
    curated_objects   = ["${var.bucket_arns.curated}/*"]
    unload_objects    = ["${var.bucket_arns.curated}/marts/*"]
    processed_key     = [var.key_arns.processed]
    curated_key       = [var.key_arns.curated]
  }
}

# The warehouse names the user for whom it acts as external id: no other user of the warehouse reads the lake by this
# role. The name has the workgroup's id, which is known once the namespace has this role; hence any workgroup's here:
# https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
resource "aws_iam_role" "copy" {
  name                 = "${local.name}-warehouse-copy"
  description          = "COPY reads the lake by it, UNLOAD writes marts."
  permissions_boundary = module.names.boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OurUsersOfTheWarehouse"
      Effect    = "Allow"
      Principal = { Service = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"] }
      Action    = "sts:AssumeRole"
      Condition = {
        StringLike = {
          "sts:ExternalId" = [
            for user in values(local.users) :
            "arn:${module.names.partition}:redshift:${module.names.region}:${module.names.account_id}:dbuser:serverless-${module.names.account_id}-*/${user}"
          ]
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "copy" {
  name   = "calls"
  role   = aws_iam_role.copy.name
  policy = module.permissions.json
}
