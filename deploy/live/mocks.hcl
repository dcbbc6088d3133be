# What a plan or validation takes for another unit's outputs as long as that is not applied: of the right form, and nobody's.
locals {
  arn = "arn:aws"
  of  = "us-east-1:000000000000"
  key = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-00000000000"

  keys = {
    key_arns = {
      raw        = "${local.key}1"
      processed  = "${local.key}2"
      curated    = "${local.key}3"
      landing    = "${local.key}4"
      logs       = "${local.key}5"
      stream     = "${local.key}6"
      warehouse  = "${local.key}7"
      operations = "${local.key}8"
    }
  }

  network = {
    vpc_id     = "vpc-00000000"
    subnet_ids = ["subnet-00000001", "subnet-00000002", "subnet-00000003"]
    security_group_ids = {
      worker    = "sg-00000001"
      windows   = "sg-00000002"
      loader    = "sg-00000003"
      dbt       = "sg-00000004"
      batch     = "sg-00000005"
      landing   = "sg-00000006"
      sftp      = "sg-00000007"
      warehouse = "sg-00000008"
      endpoints = "sg-00000009"
    }
  }

  lake = {
    bucket_names = { for zone in ["raw", "processed", "curated", "landing", "logs"] : zone => "mock-${zone}" }
    bucket_arns  = { for zone in ["raw", "processed", "curated", "landing", "logs"] : zone => "${local.arn}:s3:::mock-${zone}" }
  }

  stream = {
    stream_names     = { flights = "mock-flights" }
    stream_arns      = { flights = "${local.arn}:kinesis:${local.of}:stream/mock-flights" }
    log_table_name   = "mock-log"
    log_table_arn    = "${local.arn}:dynamodb:${local.of}:table/mock-log"
    lease_table_arns = { flights = ["${local.arn}:dynamodb:${local.of}:table/mock-flights-g*"] }
  }

  ci = {
    repository_urls = {
      for image in ["worker", "dbt", "batch", "spark", "lambda", "collector"] :
      image => "000000000000.dkr.ecr.us-east-1.amazonaws.com/mock/${image}"
    }
  }

  services = {
    cluster_arn = "${local.arn}:ecs:${local.of}:cluster/mock"
  }

  warehouse = {
    host          = "mock.000000000000.us-east-1.redshift-serverless.amazonaws.com"
    port          = 5439
    database      = "mock"
    copy_role_arn = "${local.arn}:iam::000000000000:role/mock"
    users         = { loader = "mock_loader", dbt = "mock_dbt" }
    secret_arns = {
      loader = "${local.arn}:secretsmanager:${local.of}:secret:mock-loader-000000"
      dbt    = "${local.arn}:secretsmanager:${local.of}:secret:mock-dbt-000000"
    }
    admin_secret_arn = "${local.arn}:secretsmanager:${local.of}:secret:mock-admin-000000"
  }

  observability = {
    log_group_names = { for part in local.parts : part => "/mock/${part}" }
    log_group_arns  = { for part in local.parts : part => "${local.arn}:logs:${local.of}:log-group:/mock/${part}" }
    topic_arns      = { for severity in ["page", "ticket"] : severity => "${local.arn}:sns:${local.of}:mock-${severity}" }
  }
  parts = ["worker", "windows", "loader", "dbt", "batch", "landing", "firehose", "sftp", "warehouse", "network", "metrics"]
}
