module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  name     = module.names.of.warehouse
  database = "headrace"
  port     = 5439
  logs     = ["connectionlog", "useractivitylog", "userlog"]

  # Redshift answers with all parameters that it has, so all are stated: else each plan would show a difference.
  parameters = {
    auto_mv                          = "true"
    datestyle                        = "ISO, MDY"
    enable_case_sensitive_identifier = "false"
    enable_user_activity_logging     = "true"
    max_query_execution_time         = "3600"
    query_group                      = "default"
    require_ssl                      = "true"
    search_path                      = "$user, public"
    use_fips_ssl                     = "false"
  }
}

# Redshift writes to groups of these names, and would make them itself, kept for ever and without our key.
resource "aws_cloudwatch_log_group" "audit" {
  for_each = toset(local.logs)

  name              = "/aws/redshift/${local.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns.operations
}

resource "aws_redshiftserverless_namespace" "this" {
  namespace_name                   = local.name
  db_name                          = local.database
  kms_key_id                       = var.key_arns.warehouse
  admin_username                   = "headrace_admin"
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.key_arns.operations
  iam_roles                        = [aws_iam_role.copy.arn]
  default_iam_role_arn             = aws_iam_role.copy.arn
  log_exports                      = local.logs

  depends_on = [aws_cloudwatch_log_group.audit]
}

resource "aws_redshiftserverless_workgroup" "this" {
  workgroup_name       = local.name
  namespace_name       = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity        = var.base_capacity_rpus
  max_capacity         = var.max_rpus
  port                 = local.port
  publicly_accessible  = false
  enhanced_vpc_routing = true
  subnet_ids           = var.subnet_ids
  security_group_ids   = [var.security_group_id]

  dynamic "config_parameter" {
    for_each = local.parameters

    content {
      parameter_key   = config_parameter.key
      parameter_value = config_parameter.value
    }
  }
}

resource "aws_redshiftserverless_usage_limit" "a_day" {
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.max_rpu_hours_a_day
  breach_action = var.protected ? "emit-metric" : "deactivate"
}
