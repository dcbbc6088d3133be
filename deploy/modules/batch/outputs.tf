output "state_machine_arns" {
  description = "backfill, compaction and expiry to pipeline to the state machine."
  value = {
    backfill   = { for pipeline, machine in aws_sfn_state_machine.backfill : pipeline => machine.arn }
    compaction = { for pipeline, made in module.compaction : pipeline => made.state_machine_arn }
    expiry     = { for pipeline, made in module.expiry : pipeline => made.state_machine_arn }
  }
}

output "task_definition_arns" {
  description = "Pipeline to the task that compacts and expires; any other command of headrace-batch runs in it, too."
  value       = { for pipeline, task in module.task : pipeline => task.task_definition_arn }
}
