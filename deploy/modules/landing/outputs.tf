output "queue_arns" {
  description = "Pipeline to the queue that S3 announces files in."
  value       = { for pipeline, queue in aws_sqs_queue.this : pipeline => queue.arn }
}

output "dead_queue_names" {
  description = "Pipeline to the queue of messages that failed five times."
  value       = { for pipeline, queue in aws_sqs_queue.dead : pipeline => queue.name }
}

output "function_names" {
  description = "Pipeline to its function."
  value       = { for pipeline, function in aws_lambda_function.this : pipeline => function.function_name }
}

output "sftp_endpoint" {
  description = "Id of the SFTP server; its addresses are those of its VPC endpoint."
  value       = aws_transfer_server.this.id
}
