output "json" {
  description = "The policy's document."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements })

  precondition {
    condition     = length(local.missing) == 0
    error_message = "The ${var.service} also calls ${join(", ", local.missing)}: name them in `resources`, or say [] for what it shall not reach."
  }
}
