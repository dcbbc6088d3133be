"""A message is not taken for lost while it is worked on, and none is lost when the work fails."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.deploy.planned import Plan

# AWS's advice for a queue that a function takes from: six times the function's timeout.
TIMES = 6


def messages_seen_twice(plan: Plan) -> Iterator[str]:
    for mapping in plan.of("aws_lambda_event_source_mapping"):
        queue, function = plan.owner(mapping.values["event_source_arn"]), plan.owner(mapping.values["function_name"])
        if queue is None or function is None:
            yield f"{mapping.address}: takes from {queue} for {function}, a queue and a function are meant"
        elif queue.values["visibility_timeout_seconds"] < TIMES * function.values["timeout"]:
            hidden, timeout = queue.values["visibility_timeout_seconds"], function.values["timeout"]
            yield f"{queue.address}: hides a message for {hidden} s, and the function may work on it for {timeout} s"


def messages_lost(plan: Plan) -> Iterator[str]:
    sources = {mapping.values["event_source_arn"] for mapping in plan.of("aws_lambda_event_source_mapping")}
    for queue in plan.of("aws_sqs_queue"):
        redrive = json.loads(queue.said("redrive_policy") or "{}")
        if queue.values["arn"] in sources and not plan.is_of(redrive.get("deadLetterTargetArn"), "aws_sqs_queue"):
            yield f"{queue.address}: what fails goes to no queue for dead letters"
