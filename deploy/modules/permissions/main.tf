locals {
  calls = jsondecode(file("${path.module}/calls.json"))
  mine  = [for call in local.calls : call if call.service == var.service]
  kinds = distinct([for call in local.mine : call.on])

  document = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for kind in local.kinds : {
        Sid      = replace(title(replace(kind, "_", " ")), " ", "")
        Effect   = "Allow"
        Action   = sort(distinct(flatten([for call in local.mine : call.actions if call.on == kind])))
        Resource = var.resources[kind]
      }
    ]
  })
}
