"""State machines: whatever happens in one, it comes to an end, and a failure is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.planned import Plan

States = Mapping[str, Mapping[str, Any]]
ENDS = {"Succeed", "Fail"}
TELLS = "sns:publish"


def stuck_machines(plan: Plan) -> Iterator[str]:
    """Every state that is named is there and can be reached, and from each an end can be reached."""
    for machine in plan.of("aws_sfn_state_machine"):
        definition = json.loads(machine.values["definition"])
        yield from (f"{machine.address}: {found}" for found in _stuck(definition["StartAt"], definition["States"]))


def silent_failures(plan: Plan) -> Iterator[str]:
    """What works may not work for ever, and whatever its error is, it is told before the execution fails."""
    for machine in plan.of("aws_sfn_state_machine"):
        states: States = json.loads(machine.values["definition"])["States"]
        for name, state in states.items():
            if state["Type"] == "Task" and TELLS not in state["Resource"]:
                yield from (f"{machine.address}: {name} {found}" for found in _silent(states, state))


def _stuck(start: str, states: States) -> Iterator[str]:
    for name, state in states.items():
        yield from (f"{name} goes to {one}, which is not there" for one in _next(state) if one not in states)
        if state["Type"] == "Choice" and "Default" not in state:
            yield f"{name} says nothing of what meets none of its choices"
    yield from (f"nothing goes to {name}" for name in states if name not in _reached(start, states))
    for name in states:
        if not any(_is_end(states[one]) for one in _reached(name, states)):
            yield f"from {name} no end can be reached"


def _silent(states: States, state: Mapping[str, Any]) -> Iterator[str]:
    if state["Resource"].endswith(".sync") and "TimeoutSeconds" not in state and "terminate" not in state["Resource"]:
        yield "may run for ever"
    caught = [one["Next"] for one in state.get("Catch", []) if one["ErrorEquals"] == ["States.ALL"]]
    if not caught:
        yield "catches no error"
    for name in caught:
        reached = _reached(name, states)
        if not any(TELLS in states[one].get("Resource", "") for one in reached):
            yield f"goes to {name} on an error, and nobody is told"
        if any(states[one]["Type"] == "Succeed" for one in reached):
            yield f"goes to {name} on an error, and may end as if it had none"


def _reached(start: str, states: States) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name in states and name not in found:
            found.add(name)
            waiting += _next(states[name])
    return found


def _next(state: Mapping[str, Any]) -> list[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return [way[word] for way in ways for word in ("Next", "Default") if word in way]


def _is_end(state: Mapping[str, Any]) -> bool:
    return state["Type"] in ENDS or bool(state.get("End"))
