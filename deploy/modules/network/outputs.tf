output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.main.id
}

output "subnet_ids" {
  description = "The private subnets, one in each zone."
  value       = aws_subnet.private[*].id
}

output "security_group_ids" {
  description = "Service to its security group: worker, windows, loader, dbt, batch, landing, sftp, warehouse; and endpoints."
  value       = { for service, group in aws_security_group.service : service => group.id }
}

output "endpoint_ids" {
  description = "Service of AWS to its endpoint: s3, dynamodb, kinesis-streams and so on."
  value       = { for service, endpoint in merge(aws_vpc_endpoint.gateway, aws_vpc_endpoint.interface) : service => endpoint.id }
}

output "route_table_id" {
  description = "The subnets' route table: whoever attaches a private way for partners adds its route here."
  value       = aws_route_table.private.id
}
