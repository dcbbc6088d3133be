"""Mistakes in deploy/live, which Terragrunt would find late or never."""

from __future__ import annotations

from tests.deploy.mutants.mutant import Edit, Mutant, edited

CYCLE = """dependency "lake" {
  config_path = "${get_terragrunt_dir()}/../lake"

  mock_outputs                            = local.mocks.lake
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {"""

TREE = [
    edited(
        "an input that is no variable",
        "unknown_inputs",
        "live/units/stream.hcl",
        "  key_arn     = dep",
        "  kms_key_arn = dep",
    ),
    edited(
        "a variable that gets no value",
        "unset_variables",
        "live/units/stream.hcl",
        "  protected   = local.env.protected\n",
        "",
    ),
    edited(
        "an output that is not there any more",
        "unknown_outputs",
        "modules/keys/outputs.tf",
        'output "key_arns"',
        'output "arns"',
    ),
    edited("units that need each other", "cycles", "live/units/keys.hcl", "inputs = {", CYCLE),
    edited(
        "a pipeline that mocks do not know",
        "mocks_differ",
        "live/dev/env.hcl",
        "    flights = {\n",
        "    orders = {\n",
    ),
    edited(
        "mocks where something is applied",
        "mocks_differ",
        "live/units/stream.hcl",
        '["validate", "plan"]',
        '["validate", "plan", "apply"]',
    ),
    Mutant("a unit that production lacks", "unit_missing", (Edit("live/prod/us-east-1/audit/terragrunt.hcl"),)),
    Mutant(
        "state shared by two environments",
        "shared_state",
        (
            Edit("live/root.hcl", "headrace-${local.env.environment}-state-${local.account_id}", "headrace-state"),
            Edit(
                "live/root.hcl",
                "${path_relative_to_include()}/terraform",
                "${basename(get_terragrunt_dir())}/terraform",
            ),
        ),
    ),
    edited(
        "one account for all environments",
        "shared_state",
        "live/root.hcl",
        "HEADRACE_${upper(local.env.environment)}_ACCOUNT_ID",
        "HEADRACE_ACCOUNT_ID",
    ),
    edited(
        "a provider that takes any account",
        "shared_state",
        "live/root.hcl",
        '      allowed_account_ids = ["${local.account_id}"]\n',
        "",
    ),
    edited(
        "production without protection",
        "production_can_be_destroyed",
        "live/prod/env.hcl",
        "protected   = true",
        "protected   = false",
    ),
    edited(
        "an account's id in a file",
        "literal_account_ids",
        "live/root.hcl",
        'get_env("HEADRACE_${upper(local.env.environment)}_ACCOUNT_ID")',
        '"123456789012"',
    ),
]
