output "task_definition_arn" {
  description = "Of this revision."
  value       = aws_ecs_task_definition.this.arn
}

output "task_role_arn" {
  description = "Of what runs."
  value       = aws_iam_role.task.arn
}

output "execution_role_arn" {
  description = "Of who starts it."
  value       = aws_iam_role.execution.arn
}
