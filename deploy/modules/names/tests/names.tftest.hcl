mock_provider "aws" {
  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "000000000000" }
  }
  override_data {
    target = data.aws_region.current
    values = { region = "us-east-1" }
  }
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws" }
  }
}

variables {
  environment = "dev"
  pipelines   = ["flights"]
}

run "names_are_whole" {
  assert {
    condition     = output.of.raw_bucket == "headrace-dev-raw-000000000000-us-east-1"
    error_message = "A bucket's name has environment, account and region."
  }
  assert {
    condition     = output.of_pipeline.flights.stream == "headrace-dev-flights"
    error_message = "A stream is called by environment and pipeline."
  }
  assert {
    condition     = !anytrue([for name in values(output.of) : strcontains(name, "{")])
    error_message = "A name has something left in braces."
  }
  assert {
    condition     = output.patterns.secret == "headrace/dev/warehouse/{user}"
    error_message = "What is open stays in braces."
  }
}
