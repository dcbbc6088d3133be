# All that makes this environment differ from the others.
locals {
  environment = "prod"
  protected   = true
  release     = get_env("HEADRACE_RELEASE")

  cidr               = "10.48.0.0/16"
  raw_retention_days = 365
  log_retention_days = 400
  scan_limit_bytes   = 100 * 1073741824 # 100 GiB

  github_repository = get_env("HEADRACE_GITHUB_REPOSITORY")
  departments       = ["operations", "network_planning", "maintenance"]
  partners          = {}

  pipelines = {
    flights = {
      reference          = "headrace_local.pipelines:flights"
      provisioned_shards = null
      worker             = { cpu = 2048, memory_mib = 8192, min_tasks = 2, max_tasks = 8 }
    }
  }

  warehouse = {
    base_capacity_rpus      = 32
    max_rpus                = 128
    max_rpu_hours_a_day     = 768
    snapshot_retention_days = 35
  }

  models = {
    pipeline = "flights"
    schedule = "cron(15 * * * ? *)"
  }

  batch = {
    engine    = "serverless"
    schedules = { compaction = "cron(30 3 * * ? *)", expiry = "cron(30 5 * * ? *)" }
  }

  emails = {
    page   = ["data-platform-oncall@example.com"]
    ticket = ["data-platform@example.com"]
  }
}
