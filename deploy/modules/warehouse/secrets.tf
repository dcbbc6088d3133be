# Containers alone: `headrace-sql rotate` puts the first value in, and every later one.
resource "aws_secretsmanager_secret" "user" {
  for_each = local.users

  name                    = replace(module.names.patterns.secret, "{user}", each.key)
  description             = "How ${each.value} signs in to the warehouse; JSON with username, password, host, port, dbname and engine."
  kms_key_id              = var.key_arns.operations
  recovery_window_in_days = var.protected ? 30 : 7
}
