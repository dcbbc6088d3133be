locals {
  calls = jsondecode(file("${path.module}/calls.json"))
  mine  = [for call in local.calls : call if call.service == var.service]
  kinds = sort(distinct([for call in local.mine : call.on]))

  # What has no resource of its own, or none that is known before. A function's own code may not touch its network:
  # the key is there only where the code calls.
  anywhere = {
    registry           = {}
    metrics            = {}
    network_interfaces = { Null = { "lambda:SourceFunctionArn" = "true" } }
  }
  resources = merge({ for kind in keys(local.anywhere) : kind => ["*"] }, var.resources)
  missing   = [for kind in local.kinds : kind if !contains(keys(local.resources), kind)]

  statements = [
    for kind in local.kinds : merge(
      {
        Sid      = replace(title(replace(kind, "_", " ")), " ", "")
        Effect   = "Allow"
        Action   = sort(distinct(flatten([for call in local.mine : call.actions if call.on == kind])))
        Resource = local.resources[kind]
      },
      { for name, condition in { Condition = lookup(local.anywhere, kind, {}) } : name => condition if length(condition) > 0 },
    ) if length(lookup(local.resources, kind, [])) > 0
  ]
}
