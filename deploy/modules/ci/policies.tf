locals {
  areas = jsondecode(file("${path.module}/resource_types.json"))

  statements = {
    for pair in setproduct(keys(local.areas), ["read", "write"]) : "${pair[0]}-${pair[1]}" => [
      for kind in sort(distinct(flatten([for type in values(local.areas[pair[0]]) : keys(try(type[pair[1]], {}))]))) : merge(
        {
          Sid      = replace(title(replace("${pair[1]}_${kind}", "_", " ")), " ", "")
          Effect   = "Allow"
          Action   = sort(distinct(flatten([for type in values(local.areas[pair[0]]) : try(type[pair[1]][kind], [])])))
          Resource = [for arn in local.kinds[kind].on : arn == "*" ? arn : "arn:${module.names.partition}:${arn}"]
        },
        { for name, condition in { Condition = try(local.kinds[kind].if, {}) } : name => condition if condition != {} },
      )
    ]
  }

  may = {
    plan  = [for name in keys(local.statements) : name if endswith(name, "-read")]
    apply = keys(local.statements)
  }
}

resource "aws_iam_policy" "managing" {
  for_each = local.statements

  name        = "${local.environment}-ci-${each.key}"
  description = "What Terraform calls to ${split("-", each.key)[1]} the resource types of this platform: ${split("-", each.key)[0]}."
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = toset(local.may.plan)

  role       = aws_iam_role.plan.name
  policy_arn = aws_iam_policy.managing[each.key].arn
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = toset(local.may.apply)

  role       = aws_iam_role.apply.name
  policy_arn = aws_iam_policy.managing[each.key].arn
}
