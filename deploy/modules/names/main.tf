data "aws_caller_identity" "current" {}
data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  patterns   = jsondecode(file("${path.module}/names.json"))
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.region
  partition  = data.aws_partition.current.partition

  here = {
    for name, pattern in local.patterns : name => replace(replace(replace(pattern,
    "{environment}", var.environment), "{account_id}", local.account_id), "{region}", local.region)
  }
  single = { for name, pattern in local.here : name => pattern if !strcontains(pattern, "{") }
  of_pipeline = {
    for pipeline in var.pipelines : pipeline => {
      for name, pattern in local.here : name => replace(pattern, "{pipeline}", pipeline) if strcontains(pattern, "{pipeline}")
    }
  }
}
