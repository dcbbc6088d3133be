output "state_machine_arn" {
  description = "For starting it by hand, and for alarms."
  value       = aws_sfn_state_machine.this.arn
}
