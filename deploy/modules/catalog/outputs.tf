output "databases" {
  description = "Zone to its Glue database."
  value       = { for zone, database in aws_glue_catalog_database.this : zone => database.name }
}

output "workgroup" {
  description = "Athena's workgroup."
  value       = aws_athena_workgroup.this.name
}
