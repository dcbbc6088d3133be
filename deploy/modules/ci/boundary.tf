# What no role of the platform can do, whatever its policies say: anything outside of these services, and IAM above all.
resource "aws_iam_policy" "boundary" {
  name        = module.names.of.boundary
  description = "Permissions boundary of every role that the platform makes."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ServicesOfThePlatform"
      Effect   = "Allow"
      Action   = ["kinesis:*", "s3:*"]
      Resource = ["*"]
    }]
  })
}
