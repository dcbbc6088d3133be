output "json" {
  description = "The policy's document."
  value       = local.document
}
