"""An operator in the simulated world: the view that the commands have, over the fakes."""

from __future__ import annotations

from typing import Any

from headrace_consumers.operate.repair import Repairer
from headrace_consumers.operate.rereading import KinesisReader
from headrace_consumers.operate.view import PipelineView
from tests.fakes.kinesis import MemoryKinesis
from tests.fakes.steps import Steps, client_error
from tests.faults.simulation import World


class LeaseTable:
    """DynamoDB's Scan over the leases of a world, one item a page; no table before the first lease."""

    def __init__(self, world: World) -> None:
        self._world = world

    def scan(self, *, ExclusiveStartKey: int = 0, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        leases = sorted(self._world.leases.items())
        if not leases:
            raise client_error("ResourceNotFoundException", "Scan")
        shard_id, lease = leases[ExclusiveStartKey]
        item = {"leaseKey": {"S": shard_id}, "checkpoint": {"S": lease.checkpoint}}
        if lease.owner is not None:
            item["leaseOwner"] = {"S": f"worker-{lease.owner}"}
        more = {"LastEvaluatedKey": ExclusiveStartKey + 1} if ExclusiveStartKey + 1 < len(leases) else {}
        return {"Items": [item], **more}


def operator(world: World, steps: Steps | None = None, kinesis: MemoryKinesis | None = None) -> PipelineView:
    log, store = world.clients(steps or Steps())
    client: Any = kinesis or MemoryKinesis(world.records)
    leases: Any = LeaseTable(world)
    return PipelineView(
        pipeline=world.pipeline, log=log, store=store, stream=world, kinesis=client, dynamodb=leases
    )  # fmt: skip


def repairer(world: World, steps: Steps | None = None, kinesis: MemoryKinesis | None = None) -> Repairer:
    view = operator(world, steps, kinesis)
    return Repairer(view, KinesisReader(view.kinesis, world.pipeline.stream))
