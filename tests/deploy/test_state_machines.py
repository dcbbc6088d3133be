"""The planned state machines on a local Step Functions: which way they go when a step succeeds, fails or is not needed.

ECS and EMR answer what a test says; executions are listed, and failures told, for real.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace_batch.cli import execute as batch
from headrace_local.aws import start_aws
from headrace_local.environment import KEY, REGION
from headrace_local.folder import StackFolder
from tests.deploy import terraform
from tests.deploy.checks.machines import silent_failures, stuck_machines
from tests.deploy.conftest import Planned
from tests.deploy.live import DEPLOY
from tests.deploy.planned import Plan

PATIENCE_S = 20.0
ASKED = {
    "pipeline": "flights", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "owner": "platform-engineer",
    "reason": "carriers were lost", "record": "2026-01-lost-carriers",
}  # fmt: skip
DONE: Mapping[str, Any] = {"0": {"Return": {}}}
BROKEN = {"0-9": {"Throw": {"Error": "States.TaskFailed", "Cause": "exit code 1"}}}
NOTHING: Mapping[str, str] = {}
ARN = f"arn:aws:states:{REGION}:000000000000"
Answers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Ran:
    status: str
    states: list[str]
    """That were entered, in their order."""
    told: list[str]
    entered: dict[str, Any]
    """The last input of each."""


@dataclass(frozen=True)
class StepFunctions:
    endpoint: str

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=KEY
        )

    @cached_property
    def machines(self) -> Any:
        return self.client("stepfunctions")

    def run(
        self, definition: str, answers: Answers, asked: Mapping[str, str] = NOTHING, listed: Sequence[str] = ()
    ) -> Ran:
        """`answers` has what each task's service says; `listed` are executions that run, by their names, newest first:
        this one is called `mine`."""
        name = f"machine-{time.monotonic_ns()}"
        if listed:
            said = [{"ExecutionArn": f"{ARN}:execution:{name}:{one}"} for one in listed]
            answers = {**answers, "Look": {"0": {"Return": {"Executions": said}}}}
        topic, queue = self._topic(name)
        machine = self._make(name, definition, topic)
        cases = {"case": {state: f"{name}-{state}" for state in answers}}
        self._configure({
            "StateMachines": {name: {"TestCases": cases}},
            "MockedResponses": {f"{name}-{state}": answer for state, answer in answers.items()},
        })  # fmt: skip
        begun = {"stateMachineArn": f"{machine}#case", "name": "mine", "input": json.dumps(asked)}
        started = self.machines.start_execution(**begun)
        status = self._end(started["executionArn"])
        events = self.machines.get_execution_history(executionArn=started["executionArn"])["events"]
        entered = [one["stateEnteredEventDetails"] for one in events if "stateEnteredEventDetails" in one]
        inputs = {one["name"]: json.loads(one["input"]) for one in entered}
        return Ran(status, [one["name"] for one in entered], self._told(queue), inputs)

    def _make(self, name: str, definition: str, topic: str) -> str:
        made = json.loads(definition)
        made["States"]["Tell"]["Parameters"]["TopicArn"] = topic
        role = "arn:aws:iam::000000000000:role/states"
        said = self.machines.create_state_machine(name=name, definition=json.dumps(made), roleArn=role)
        return str(said["stateMachineArn"])

    def _topic(self, name: str) -> tuple[str, str]:
        topic: str = self.client("sns").create_topic(Name=name)["TopicArn"]
        queue: str = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        arn = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
        return topic, queue

    def _told(self, queue: str) -> list[str]:
        got = self.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(one["Body"])["Message"] for one in got]

    def _configure(self, mocks: Mapping[str, Any]) -> None:
        body = json.dumps({"stepfunctions._sfn_mock_config": mocks, "stepfunctions._SFN_WAIT_SCALE": 0}).encode()
        request = urllib.request.Request(f"{self.endpoint}/_ministack/config", body, method="POST")  # noqa: S310 -- ours
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 -- the same

    def _end(self, execution: str) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status: str = self.machines.describe_execution(executionArn=execution)["status"]
            if status != "RUNNING":
                return status
            time.sleep(0.05)
        pytest.fail(f"{execution} runs still")


@pytest.fixture(scope="module")
def step_functions() -> Iterator[StepFunctions]:
    with tempfile.TemporaryDirectory(prefix="hrm-", dir="/tmp") as root:
        folder = StackFolder("machines", Path(root) / f"headrace-{os.getuid()}")
        folder.path.mkdir(parents=True)
        started = start_aws(folder, ("stepfunctions", "sns", "sqs", "sts", "iam"))
        yield StepFunctions(started.endpoint)
        started.process.kill()
        started.process.wait()


def definition(plan: Plan, name: str) -> str:
    [found] = [
        one.values["definition"] for one in plan.of("aws_sfn_state_machine") if one.values["name"].endswith(name)
    ]
    return str(found)


@pytest.mark.parametrize("unit", ["dbt", "batch"])
def test_they_end_and_tell_of_failures(plan: Planned, unit: str) -> None:
    """As checks of any plan; here of what is planned of the unit alone."""
    planned = plan(f"dev/{unit}")
    assert planned.of("aws_sfn_state_machine")
    assert [*stuck_machines(planned), *silent_failures(planned)] == []


def test_models_are_built_unloaded_and_asked_how_old_they_are(plan: Planned, step_functions: StepFunctions) -> None:
    machine = definition(plan("dev/dbt"), "-dbt")
    ran = step_functions.run(machine, {"Build": DONE, "Unload": DONE, "Freshness": DONE})
    assert ran.states == ["Look", "IsAnotherRunning", "Build", "Unload", "Freshness"]
    assert (ran.status, ran.told) == ("SUCCEEDED", [])


@pytest.mark.parametrize("step", ["Build", "Unload", "Freshness"])
def test_a_step_that_fails_is_told(plan: Planned, step_functions: StepFunctions, step: str) -> None:
    """With its reason; what comes after it does not run, and the execution has failed."""
    machine = definition(plan("dev/dbt"), "-dbt")
    ran = step_functions.run(machine, {"Build": DONE, "Unload": DONE, "Freshness": DONE, step: BROKEN})
    assert (ran.status, ran.states[-3:]) == ("FAILED", [step, "Tell", "Failed"])
    [told] = ran.told
    assert "exit code 1" in told


@pytest.mark.parametrize(
    ("listed", "states"),
    [
        (("mine", "first"), ["Look", "IsAnotherRunning", "AnotherRuns"]),
        (("later", "mine"), ["Look", "IsAnotherRunning", "Build", "Unload", "Freshness"]),
        (("mine",), ["Look", "IsAnotherRunning", "Build", "Unload", "Freshness"]),
    ],
)
def test_of_two_the_later_one_goes(
    plan: Planned, step_functions: StepFunctions, listed: tuple[str, ...], states: list[str]
) -> None:
    """Quietly: it has nothing to do, and nobody has to know."""
    machine = definition(plan("dev/dbt"), "-dbt")
    ran = step_functions.run(machine, {"Build": DONE, "Unload": DONE, "Freshness": DONE}, listed=listed)
    assert (ran.states, ran.status, ran.told) == (states, "SUCCEEDED", [])


@pytest.mark.parametrize(("name", "step"), [("-compaction", "Compact"), ("-expiry", "Expire")])
def test_upkeep_runs(plan: Planned, step_functions: StepFunctions, name: str, step: str) -> None:
    machine = definition(plan("dev/batch"), name)
    assert step_functions.run(machine, {step: DONE}).status == "SUCCEEDED"
    assert step_functions.run(machine, {step: BROKEN}).status == "FAILED"


def test_a_backfill_stages_what_it_was_asked_for(plan: Planned, step_functions: StepFunctions) -> None:
    machine = definition(plan("dev/batch"), "-backfill")
    ran = step_functions.run(machine, {"Stage": DONE}, ASKED)
    assert (ran.status, ran.states) == ("SUCCEEDED", ["IsAsked", "Stage", "Done"])


@pytest.mark.parametrize("field", sorted(ASKED))
def test_a_backfill_that_lacks_a_word_does_nothing(plan: Planned, step_functions: StepFunctions, field: str) -> None:
    """Nor one of another pipeline."""
    machine = definition(plan("dev/batch"), "-backfill")
    lacking = {name: value for name, value in ASKED.items() if name != field}
    for asked in (lacking, {**ASKED, "pipeline": "another"}):
        assert step_functions.run(machine, {"Stage": DONE}, asked).states == ["IsAsked", "NotAsked"]


def test_a_backfill_that_fails_is_told(plan: Planned, step_functions: StepFunctions) -> None:
    machine = definition(plan("dev/batch"), "-backfill")
    ran = step_functions.run(machine, {"Stage": BROKEN}, ASKED)
    assert (ran.status, ran.states[-3:]) == ("FAILED", ["Stage", "Tell", "Failed"])
    assert "goes on from there" in ran.told[0]


def test_a_backfills_arguments_are_those_of_the_command(
    plan: Planned, step_functions: StepFunctions, capfd: pytest.CaptureFixture[str]
) -> None:
    """As Step Functions makes them, even of a reason that looks like an option or a template."""
    states = json.loads(definition(plan("dev/batch"), "-backfill"))["States"]
    made = states["Stage"]["Parameters"]["JobDriver"]["SparkSubmit"]["EntryPointArguments.$"]
    states["Stage"] = {"Type": "Pass", "Parameters": {"arguments.$": made}, "Next": "Done"}
    definition_ = json.dumps({"StartAt": "IsAsked", "States": states})
    ran = step_functions.run(definition_, {}, {**ASKED, "reason": "--dry-run of {what} was lost"})
    arguments = ran.entered["Done"]["arguments"]
    assert batch(["backfill", *arguments, "--print-settings"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["pipeline"], told["record_name"], told["dry_run"]) == ("flights", ASKED["record"], False)
    assert told["record"]["reason"] == "--dry-run of {what} was lost"


@pytest.fixture(scope="module")
def on_a_cluster(tmp_path_factory: pytest.TempPathFactory, terraform_there: None) -> Plan:
    """The module with its other engine, as its own test plans it."""
    assert terraform_there is None
    folder = tmp_path_factory.mktemp("cluster")
    terraform.copy_modules(DEPLOY, folder)
    tested = terraform.checked(folder / "modules" / "batch")
    assert tested.passed, "\n".join(tested.complaints)
    return Plan("dev", tested.states["a_cluster_lives_as_long_as_its_backfill"])


def test_a_cluster_ends_with_its_backfill(on_a_cluster: Plan, step_functions: StepFunctions) -> None:
    """Done or not."""
    made = {"0": {"Return": {"ClusterId": "j-1"}}}
    answers: Answers = {"MakeCluster": made, "Stage": DONE, "EndCluster": DONE, "EndClusterOfFailure": DONE}
    machine = definition(on_a_cluster, "-backfill")
    ran = step_functions.run(machine, answers, ASKED)
    assert (ran.status, ran.states) == ("SUCCEEDED", ["IsAsked", "MakeCluster", "Stage", "EndCluster", "Done"])
    assert ran.entered["EndCluster"]["cluster"] == {"ClusterId": "j-1"}
    ran = step_functions.run(machine, {**answers, "Stage": BROKEN}, ASKED)
    assert (ran.status, ran.states[-4:]) == ("FAILED", ["Stage", "EndClusterOfFailure", "Tell", "Failed"])
    assert "exit code 1" in ran.told[0]
    assert [*stuck_machines(on_a_cluster), *silent_failures(on_a_cluster)] == []
