output "key_arns" {
  description = "Zone to the ARN of its key."
  value       = { for zone, key in aws_kms_key.zone : zone => key.arn }
}
