output "host" {
  description = "Where drivers connect."
  value       = aws_redshiftserverless_workgroup.this.endpoint[0].address
}

output "port" {
  description = "Its port."
  value       = local.port
}

output "database" {
  description = "Its only database."
  value       = local.database
}

output "workgroup_name" {
  description = "Of the compute."
  value       = aws_redshiftserverless_workgroup.this.workgroup_name
}

output "namespace_name" {
  description = "Of the data."
  value       = aws_redshiftserverless_namespace.this.namespace_name
}

output "copy_role_arn" {
  description = "What HEADRACE_COPY_ROLE is to be."
  value       = aws_iam_role.copy.arn
}

output "users" {
  description = "Service (loader, dbt) to the name that it signs in by."
  value       = local.users
}

output "secret_arns" {
  description = "Service to its secret, whose key `password` is what HEADRACE_WAREHOUSE_PASSWORD is to be: ARN:password::."
  value       = { for service, secret in aws_secretsmanager_secret.user : service => secret.arn }
}

output "admin_secret_arn" {
  description = "Made and rotated by Redshift; for whoever applies this, and for `headrace-sql rotate`."
  value       = aws_redshiftserverless_namespace.this.admin_password_secret_arn
}

output "audit_log_group_names" {
  description = "Of connections, users and statements."
  value       = { for log, group in aws_cloudwatch_log_group.audit : log => group.name }
}
