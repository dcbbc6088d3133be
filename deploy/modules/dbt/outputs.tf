output "state_machine_arn" {
  description = "For a build by hand, and for alarms."
  value       = module.builds.state_machine_arn
}

output "task_definition_arn" {
  description = "Of the task that each step runs."
  value       = module.task.task_definition_arn
}

output "rotation_arn" {
  description = "The state machine that gives the warehouse's users new passwords; the first time it is started by hand."
  value       = module.rotation.state_machine_arn
}
