locals {
  # The query API will read as a third one: its line here and its grants in access.sql.tftpl are all that it needs.
  users = {
    loader = "headrace_loader"
    dbt    = "headrace_dbt"
  }
  roles = [for department in sort(tolist(var.departments)) : "headrace_${department}"]

  access = templatefile("${path.module}/access.sql.tftpl", { database = local.database, users = local.users, roles = local.roles })
}

# AWS forgets a statement after a day, and the provider would then plan to run it again. So its arguments are ignored
# once it has run, and this tells when its text is another one. Again is safe at any time.
resource "terraform_data" "access" {
  input = local.access
}

resource "aws_redshiftdata_statement" "access" {
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = local.database
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = "${local.name}-access"
  sql            = local.access

  lifecycle {
    ignore_changes       = [workgroup_name, secret_arn, sql]
    replace_triggered_by = [terraform_data.access]
  }
}

resource "aws_redshiftdata_statement" "apply_access" {
  workgroup_name = aws_redshiftserverless_workgroup.this.workgroup_name
  database       = local.database
  secret_arn     = aws_redshiftserverless_namespace.this.admin_password_secret_arn
  statement_name = "${local.name}-apply-access"
  sql            = "CALL public.sp_headrace_access()"

  lifecycle {
    ignore_changes       = [workgroup_name, secret_arn, sql]
    replace_triggered_by = [terraform_data.access]
  }

  depends_on = [aws_redshiftdata_statement.access]
}
