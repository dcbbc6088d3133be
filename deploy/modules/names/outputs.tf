output "of" {
  description = "What there is one of: its kind in names.json to its name."
  value       = local.single
}

output "of_pipeline" {
  description = "Pipeline to kind to name."
  value       = local.of_pipeline
}

output "patterns" {
  description = "Kind to name, with what is still open in braces: {user}, {part}, {severity}, {alarm}, {zone}, {image}."
  value       = local.here
}

output "account_id" {
  description = "The account that this is applied in."
  value       = local.account_id
}

output "region" {
  description = "Its region."
  value       = local.region
}

output "partition" {
  description = "aws, aws-cn or aws-us-gov: the second part of ARNs."
  value       = local.partition
}

output "boundary_arn" {
  description = "Permissions boundary that every role of the platform has; module ci makes it."
  value       = "arn:${local.partition}:iam::${local.account_id}:policy/${local.single.boundary}"
}
