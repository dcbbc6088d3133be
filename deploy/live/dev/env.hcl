# All that makes this environment differ from the others.
locals {
  environment = "dev"
  protected   = false
  release     = get_env("HEADRACE_RELEASE")

  pipelines = {
    flights = {
      reference          = "headrace_local.pipelines:flights"
      provisioned_shards = null
      worker             = { cpu = 1024, memory_mib = 4096, min_tasks = 1, max_tasks = 2 }
    }
  }
}
