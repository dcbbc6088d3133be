locals {
  tables = "arn:${module.names.partition}:dynamodb:${module.names.region}:${module.names.account_id}:table"

  lease_table_arns = {
    for pipeline in keys(var.pipelines) : pipeline => ["${local.tables}/headrace-${pipeline}-g*"]
  }
}
