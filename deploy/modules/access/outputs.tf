output "operator_policy" {
  description = "Name of the policy for the person on call: a permission set of IAM Identity Center names it so."
  value       = aws_iam_policy.operator.name
}

output "producer_policies" {
  description = "Pipeline to the name of the policy for applications that put into its stream."
  value       = { for pipeline, policy in aws_iam_policy.producer : pipeline => policy.name }
}
