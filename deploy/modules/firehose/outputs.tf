output "names" {
  description = "Pipeline to its delivery stream's name."
  value       = { for pipeline, stream in aws_kinesis_firehose_delivery_stream.this : pipeline => stream.name }
}

output "arns" {
  description = "Pipeline to its delivery stream."
  value       = { for pipeline, stream in aws_kinesis_firehose_delivery_stream.this : pipeline => stream.arn }
}
