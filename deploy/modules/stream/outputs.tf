output "stream_arns" {
  description = "Pipeline to its stream."
  value       = { for pipeline, stream in aws_kinesis_stream.this : pipeline => stream.arn }
}

output "stream_names" {
  description = "Pipeline to its stream's name."
  value       = { for pipeline, stream in aws_kinesis_stream.this : pipeline => stream.name }
}

output "log_table_name" {
  description = "The commit log of all pipelines."
  value       = aws_dynamodb_table.log.name
}

output "log_table_arn" {
  description = "The commit log of all pipelines."
  value       = aws_dynamodb_table.log.arn
}

output "lease_table_arns" {
  description = "Pipeline to patterns of the tables that KCL makes for it."
  value       = local.lease_table_arns
}
