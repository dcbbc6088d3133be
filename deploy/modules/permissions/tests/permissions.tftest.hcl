variables {
  service = "collector"
  resources = {
    log_groups = ["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/worker:*"]
    stream     = ["arn:aws:kinesis:us-east-1:000000000000:stream/nobody-reads-it"]
  }
}

run "what_it_calls_is_allowed_on_what_is_named" {
  assert {
    condition = jsondecode(output.json).Statement == [{
      Sid      = "LogGroups"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/worker:*"]
    }]
    error_message = "A policy allows the calls of its service on the resources of their kind, and nothing more."
  }
}

run "a_kind_that_is_missing_is_named" {
  command = plan

  variables {
    resources = {}
  }

  expect_failures = [output.json]
}

run "what_it_shall_not_reach_is_left_out" {
  variables {
    service = "execution"
    resources = {
      log_groups     = ["arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/worker:*"]
      repositories   = ["arn:aws:ecr:us-east-1:000000000000:repository/headrace/worker"]
      secrets        = []
      operations_key = []
    }
  }

  assert {
    condition     = [for statement in jsondecode(output.json).Statement : statement.Sid] == ["LogGroups", "Registry", "Repositories"]
    error_message = "An empty list leaves the calls of its kind out."
  }
}

run "a_functions_code_may_not_touch_its_network" {
  variables {
    service = "landing"
    resources = {
      for kind in ["curated_bucket", "curated_key", "curated_objects", "landing_bucket", "landing_key", "landing_objects",
        "log_groups", "log_table", "operations_key", "processed_bucket", "processed_key", "processed_objects", "queue",
      "raw_bucket", "raw_key", "raw_objects", "stream", "stream_key"] : kind => ["arn:aws:${kind}"]
    }
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.json).Statement : statement.Condition.Null["lambda:SourceFunctionArn"] == "true"
      if statement.Sid == "NetworkInterfaces"
    ])
    error_message = "Network interfaces are Lambda's to make, not the function's."
  }
}

run "a_service_that_nobody_knows_is_refused" {
  command = plan

  variables {
    service = "nobody"
  }

  expect_failures = [var.service]
}
