# The first release with Spark 4, whose createDataFrame takes Arrow's tables:
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/release-version-emr-spark-8.0.0.html
locals {
  release       = "emr-spark-8.0.0"
  is_serverless = var.engine == "serverless"
  python        = "/opt/headrace/.venv/bin/python"

  # The driver is the command, and needs its settings; a task is told all by the driver, but for which Python it is.
  serverless_spark = {
    for name in keys(var.pipelines) : name => merge(
      { for key, value in local.settings[name] : "spark.emr-serverless.driverEnv.${key}" => value },
      {
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON" = local.python
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON"        = local.python
        "spark.executorEnv.PYSPARK_PYTHON"                     = local.python
      },
      local.spark,
    )
  }

  # A task's memory is Python's, beside the JVM's: it holds a unit of raw records and the rows that come of them.
  spark = {
    "spark.driver.cores"                   = "2"
    "spark.driver.memory"                  = "6g"
    "spark.executor.cores"                 = "2"
    "spark.executor.memory"                = "2g"
    "spark.executor.memoryOverhead"        = "8g"
    "spark.dynamicAllocation.maxExecutors" = "16"
  }

  on_serverless = {
    first = "Stage"
    states = {
      for name in keys(var.pipelines) : name => {
        Stage = {
          Type     = "Task"
          Resource = "arn:${module.names.partition}:states:::emr-serverless:startJobRun.sync"
          Parameters = {
            ApplicationId    = one(aws_emrserverless_application.this[*].id)
            ExecutionRoleArn = aws_iam_role.spark.arn
            "Name.$"         = "States.Format('${local.backfills[name]}-{}', $.record)"
            JobDriver = {
              SparkSubmit = {
                EntryPoint              = "local:///opt/headrace/batch/headrace_batch/backfill/job.py"
                "EntryPointArguments.$" = "States.Array(${local.arguments[name]})"
                SparkSubmitParameters   = join(" ", [for key, value in local.serverless_spark[name] : "--conf ${key}=${value}"])
              }
            }
            ConfigurationOverrides = {
              MonitoringConfiguration = {
                CloudWatchLoggingConfiguration            = { Enabled = true, LogGroupName = var.log_group.name, LogStreamNamePrefix = "backfill" }
                ManagedPersistenceMonitoringConfiguration = { Enabled = false }
              }
            }
          }
          ResultPath     = null
          TimeoutSeconds = 86400
          Retry          = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 300, MaxAttempts = 1, BackoffRate = 1 }]
          Catch          = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "Tell" }]
          Next           = "Done"
        }
      }
    }
  }
}

resource "aws_emrserverless_application" "this" {
  count = local.is_serverless ? 1 : 0

  name          = module.names.of.spark
  release_label = local.release
  type          = "SPARK"
  architecture  = "X86_64"

  image_configuration {
    image_uri = var.spark_image
  }

  network_configuration {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  # Driver and executors know each other by certificates of the job.
  runtime_configuration {
    classification = "spark-defaults"
    properties     = { "spark.ssl.internode.enabled" = "true" }
  }

  # Nothing is kept warm: a backfill is rare, and its first minutes do not matter.
  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = 5
  }

  maximum_capacity {
    cpu    = "64 vCPU"
    memory = "256 GB"
  }

  interactive_configuration {
    livy_endpoint_enabled = false
    studio_enabled        = false
  }
}
