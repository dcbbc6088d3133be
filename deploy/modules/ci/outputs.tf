output "plan_role_arn" {
  description = "For pull requests."
  value       = aws_iam_role.plan.arn
}

output "apply_role_arn" {
  description = "For the environment."
  value       = aws_iam_role.apply.arn
}

output "repository_urls" {
  description = "Image to where it is pushed and pulled."
  value = {
    for image, repository in aws_ecr_repository.this :
    image => "${module.names.account_id}.dkr.ecr.${module.names.region}.amazonaws.com/${repository.name}"
  }
}
