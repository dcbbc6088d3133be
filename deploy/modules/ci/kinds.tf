# What resource_types.json means by the kinds of resources that calls are allowed on. Where IAM lets, names scope them;
# what AWS names itself is scoped by the tags that Terragrunt's provider sets.
locals {
  environment = "headrace-${var.environment}"
  here        = "${module.names.region}:${module.names.account_id}"

  tags     = { project = "headrace", environment = var.environment }
  new      = { StringEquals = { for tag, value in local.tags : "aws:RequestTag/${tag}" => value } }
  ours     = { StringEquals = { for tag, value in local.tags : "aws:ResourceTag/${tag}" => value } }
  networks = ["network-acl", "route-table", "security-group", "security-group-rule", "subnet", "vpc", "vpc-endpoint", "vpc-flow-log"]
  of_ec2   = { for kind in local.networks : kind => "ec2:${local.here}:${kind}/*" }
  buckets  = [for zone in ["raw", "processed", "curated", "landing", "logs"] : module.names.of["${zone}_bucket"]]
  managed  = "iam::${module.names.account_id}"

  kinds = {
    any        = { on = ["*"] }
    any_tagged = { on = ["*"], if = local.new }

    network       = { on = values(local.of_ec2), if = local.ours }
    network_new   = { on = values(local.of_ec2), if = local.new }
    network_acls  = { on = [local.of_ec2["network-acl"]] } # a subnet that leaves ours goes back to the VPC's own, which has no tags
    network_rules = { on = [local.of_ec2["security-group-rule"]] }
    # Transfer Family and Redshift make their endpoints without tags. Whatever is made stands in our VPC.
    network_endpoints = { on = [local.of_ec2["vpc-endpoint"]] }

    buckets                = { on = [for bucket in local.buckets : "s3:::${bucket}"] }
    folders                = { on = ["s3:::${module.names.of.landing_bucket}/*/"] }
    streams                = { on = ["kinesis:${local.here}:stream/${local.environment}-*"] }
    tables                 = { on = ["dynamodb:${local.here}:table/${local.environment}-*"] }
    firehoses              = { on = ["firehose:${local.here}:deliverystream/${local.environment}-*"] }
    databases              = { on = ["glue:${local.here}:catalog", "glue:${local.here}:database/${module.names.of.catalog_prefix}_*", "glue:${local.here}:table/${module.names.of.catalog_prefix}_*", "glue:${local.here}:userDefinedFunction/${module.names.of.catalog_prefix}_*"] }
    workgroups             = { on = ["athena:${local.here}:workgroup/${module.names.of.workgroup}"] }
    transfers              = { on = local.of_transfer }
    transfers_ours         = { on = local.of_transfer, if = local.ours }
    warehouses             = { on = local.of_warehouse }
    warehouses_new         = { on = local.of_warehouse, if = local.new }
    warehouses_ours        = { on = local.of_warehouse, if = local.ours }
    warehouse_admin_secret = { on = ["secretsmanager:${local.here}:secret:redshift!${module.names.of.warehouse}-*"] }

    clusters              = { on = ["ecs:${local.here}:cluster/${module.names.of.cluster}"] }
    ecs_services          = { on = [for kind in ["service", "service-deployment", "service-revision"] : "ecs:${local.here}:${kind}/${module.names.of.cluster}/*"] }
    task_definitions      = { on = ["ecs:${local.here}:task-definition/${local.environment}-*"] }
    scalable_targets      = { on = ["application-autoscaling:${local.here}:scalable-target/*"] }
    scalable_services     = { on = ["application-autoscaling:${local.here}:scalable-target/*"], if = { StringEquals = { "application-autoscaling:service-namespace" = "ecs" } } }
    tracking_alarms       = { on = ["cloudwatch:${local.here}:alarm:TargetTracking-service/${module.names.of.cluster}/*"] }
    repositories          = { on = ["ecr:${local.here}:repository/${replace(module.names.patterns.repository, "{image}", "*")}"] }
    functions             = { on = ["lambda:${local.here}:function:${local.environment}-*"] }
    functions_called      = { on = ["*"], if = { ArnLike = { "lambda:FunctionArn" = "arn:${module.names.partition}:lambda:${local.here}:function:${local.environment}-*" } } }
    event_source_mappings = { on = ["lambda:${local.here}:event-source-mapping:*"] }
    state_machines        = { on = ["states:${local.here}:stateMachine:${local.environment}-*"] }
    schedules             = { on = ["scheduler:${local.here}:schedule/default/${local.environment}-*"] }
    applications          = { on = ["emr-serverless:${local.here}:/applications/*"] }
    applications_ours     = { on = ["emr-serverless:${local.here}:/applications/*"], if = local.ours }

    log_groups = { on = flatten([for group in [replace(module.names.patterns.log_group, "{part}", "*"), "/aws/redshift/${module.names.of.warehouse}/*"] : ["logs:${local.here}:log-group:${group}", "logs:${local.here}:log-group:${group}:*"]]) }
    alarms     = { on = ["cloudwatch:${local.here}:alarm:${local.environment}-*"] }
    dashboards = { on = ["cloudwatch::${module.names.account_id}:dashboard/${local.environment}-*"] }
    rules      = { on = ["events:${local.here}:rule/${local.environment}-*"] }
    topics     = { on = ["sns:${local.here}:${local.environment}-*"] }
    queues     = { on = ["sqs:${local.here}:${local.environment}-*"] }
    trails     = { on = ["cloudtrail:${local.here}:trail/${module.names.of.trail}"] }
    secrets    = { on = ["secretsmanager:${local.here}:secret:${replace(module.names.patterns.secret, "{user}", "*")}"] }
    aliases    = { on = ["kms:${local.here}:${replace(module.names.patterns.key, "{zone}", "*")}"] }
    keys       = { on = ["kms:${local.here}:key/*"] } # by all keys of the account: KMS heeds tags only minutes after they are set
    keys_used  = { on = ["kms:${local.here}:key/*"], if = { StringLike = { "kms:ViaService" = "*.${module.names.region}.amazonaws.com" } } }

    roles              = { on = ["${local.managed}:role/${local.environment}-*"] }
    roles_bounded      = { on = ["${local.managed}:role/${local.environment}-*"], if = { ArnEquals = { "iam:PermissionsBoundary" = module.names.boundary_arn } } }
    roles_attached     = { on = ["${local.managed}:role/${local.environment}-*"], if = { ArnEquals = { "iam:PolicyARN" = "arn:${module.names.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2" } } }
    roles_passed       = { on = ["${local.managed}:role/${local.environment}-*"], if = { StringEquals = { "iam:PassedToService" = local.served } } }
    service_roles      = { on = ["${local.managed}:role/aws-service-role/*"], if = { StringEquals = { "iam:AWSServiceName" = local.linked } } }
    instance_profiles  = { on = ["${local.managed}:instance-profile/${local.environment}-*"] }
    policies           = { on = ["${local.managed}:policy/${local.environment}-*"] }
    identity_providers = { on = ["${local.managed}:oidc-provider/${local.issuer}"] }
  }

  of_transfer  = [for kind in ["server", "user", "workflow"] : "transfer:${local.here}:${kind}/*"]
  of_warehouse = [for kind in ["namespace", "workgroup"] : "redshift-serverless:${local.here}:${kind}/*"]

  # Whom the platform's roles are given to, and whose own roles AWS makes at first use.
  served = [for service in ["ec2", "ecs-tasks", "elasticmapreduce", "firehose", "lambda", "redshift", "redshift-serverless", "scheduler", "states", "transfer", "vpc-flow-logs"] : "${service}.amazonaws.com"]
  linked = ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "ops.emr-serverless.amazonaws.com", "redshift.amazonaws.com"]
}
