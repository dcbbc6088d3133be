output "bucket_names" {
  description = "Zone to the name of its bucket. Known once its policy stands, so that whoever writes there comes after."
  value       = { for zone, bucket in aws_s3_bucket.zone : zone => bucket.bucket }
  depends_on  = [aws_s3_bucket_policy.zone]
}

output "bucket_arns" {
  description = "Zone to the ARN of its bucket."
  value       = local.bucket_arns
  depends_on  = [aws_s3_bucket_policy.zone]
}
