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
  description = "Id of the VPC endpoint that SFTP is reached by; null where there is no partner."
  value       = one(flatten(aws_transfer_server.this[*].endpoint_details[*].vpc_endpoint_id))
}

output "sftp_host_key_fingerprint" {
  description = "What a partner's client must see at its first login; null where there is no partner."
  value       = one(aws_transfer_server.this[*].host_key_fingerprint)
}
