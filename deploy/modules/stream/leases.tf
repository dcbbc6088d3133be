# KCL makes these tables itself. The application's name holds the generation and the stream's birth in milliseconds, 13
# digits until 2286, so a pattern is the narrowest that can be said before a worker runs.
locals {
  tables = "arn:${module.names.partition}:dynamodb:${module.names.region}:${module.names.account_id}:table"

  lease_table_arns = {
    for pipeline in keys(var.pipelines) : pipeline => [
      for suffix in ["", "-CoordinatorState", "-WorkerMetricStats"] :
      "${local.tables}/headrace-${pipeline}-g*-${join("", [for digit in range(13) : "?"])}${suffix}"
    ]
  }
}
