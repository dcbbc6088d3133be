# All that makes this environment differ from the others.
locals {
  environment = "dev"
  protected   = false
  release     = get_env("HEADRACE_RELEASE")

  cidr               = "10.16.0.0/16"
  raw_retention_days = 30
  log_retention_days = 30
  scan_limit_bytes   = 10 * 1073741824 # 10 GiB

  github_repository = get_env("HEADRACE_GITHUB_REPOSITORY")
  departments       = ["operations", "network_planning", "maintenance"]
  partners          = {}

  pipelines = {
    flights = {
      reference          = "headrace_local.pipelines:flights"
      provisioned_shards = null
      worker             = { cpu = 1024, memory_mib = 4096, min_tasks = 1, max_tasks = 2 }
    }
  }

  warehouse = {
    base_capacity_rpus      = 8
    max_rpus                = 16
    max_rpu_hours_a_day     = 24
    snapshot_retention_days = 7
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
    page   = ["data-platform-dev@example.com"]
    ticket = ["data-platform-dev@example.com"]
  }
}
