"""The Lambda function: files that S3 announces, by SQS with failures message by message, or directly.

A refused file is no failure: it is judged, kept and told, and would be refused again. What fails is the place, an AWS
that is away or a rewind in between: those messages come again, and then go to the queue for dead ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from headrace_batch.committing import settle
from headrace_batch.landing.announced import DEFAULT_PREFIX, land_announced
from headrace_batch.landing.events import created_in
from headrace_batch.place import Place, opened
from headrace_consumers.lake.inbox import Inbox
from headrace_consumers.settings import LakeSettings, LogSettings
from headrace_producers.errors import SettingsError

_SQS = "aws:sqs"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """AWS's entry. HEADRACE_PIPELINE names the pipeline as MODULE:PIPELINE; HEADRACE_RAW_BUCKET and so on as anywhere;
    HEADRACE_LANDING_PREFIX the folder of the sources' folders, `landing/` where it is not set."""
    env = os.environ
    if not env.get("HEADRACE_PIPELINE"):
        raise SettingsError("set HEADRACE_PIPELINE to MODULE:PIPELINE, such as my_team.pipelines:flights")
    lake, log = LakeSettings(**_said(LakeSettings, env)), LogSettings(**_said(LogSettings, env))
    with opened(env["HEADRACE_PIPELINE"], env.get("HEADRACE_STREAM", ""), lake, log, "land") as place:
        settle(place)
        landing = _Landing(place, Inbox(place.aws.s3), env.get("HEADRACE_LANDING_PREFIX", DEFAULT_PREFIX))
        return landing.answer(event, context)


class _Landing:
    def __init__(self, place: Place, inbox: Inbox, prefix: str) -> None:
        self._place = place
        self._inbox = inbox
        self._prefix = prefix

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        records = event.get("Records", [])
        if not records or records[0].get("eventSource") != _SQS:
            self._land(event)
            return {}
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        return dict(process_partial_response(event, self._land_message, processor, context))

    def _land_message(self, record: Any) -> None:
        self._land(json.loads(record.body))

    def _land(self, message: Mapping[str, Any]) -> None:
        for created in created_in(message):
            land_announced(self._place, self._inbox, created, self._prefix)


def _said(settings: type[LakeSettings | LogSettings], env: Mapping[str, str]) -> dict[str, str]:
    names = {field.name: f"HEADRACE_{field.name.upper()}" for field in fields(settings)}
    return {name: env[variable] for name, variable in names.items() if variable in env}
