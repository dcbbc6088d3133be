output "topic_arns" {
  description = "Severity to topic."
  value       = { for severity, topic in aws_sns_topic.alarms : severity => topic.arn }
}

output "log_group_names" {
  description = "Part to log group."
  value       = { for part, group in aws_cloudwatch_log_group.parts : part => group.name }
}

output "log_group_arns" {
  description = "Part to log group, without the `:*` that its streams have."
  value       = { for part, group in aws_cloudwatch_log_group.parts : part => group.arn }
}

output "alarm_names" {
  description = "All alarms that tell somebody."
  value       = sort(values(local.told_by))
}
