"""Each check is a pure function: what is planned, or written, goes in, and one sentence for each mistake comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.deploy.checks import (
    alarms,
    delivery,
    encryption,
    kinds,
    live_tree,
    machines,
    naming,
    privacy,
    retention,
    statements,
    tasks,
    tls,
    wiring,
)
from tests.deploy.live import Live
from tests.deploy.planned import Plan

PlanCheck = Callable[[Plan], Iterator[str]]
LiveCheck = Callable[[Live], Iterator[str]]


def _by_name(*checks: Callable[..., Iterator[str]]) -> dict[str, Any]:
    return {check.__name__: check for check in checks}


OF_PLANS: dict[str, PlanCheck] = _by_name(
    alarms.alarms_of_nothing,
    alarms.alarms_that_tell_nobody,
    alarms.alarms_without_metric,
    alarms.grave_metrics_without_alarm,
    delivery.messages_lost,
    delivery.messages_seen_twice,
    encryption.unencrypted,
    encryption.keys_do_not_rotate,
    kinds.unknown_kinds,
    machines.silent_failures,
    machines.stuck_machines,
    naming.misnamed,
    naming.refused_descriptions,
    naming.too_long,
    privacy.public_buckets,
    privacy.public_addresses,
    privacy.open_networks,
    privacy.open_ports,
    privacy.open_policies,
    retention.logs_kept_for_ever,
    retention.not_to_be_restored,
    retention.raw_not_locked,
    retention.unlogged_buckets,
    retention.unprotected,
    retention.uploads_left,
    statements.policies_too_long,
    statements.wildcard_actions,
    statements.unbounded_roles,
    statements.unnamed_resources,
    statements.without_sid,
    statements.loose_trust,
    tasks.foreign_images,
    tasks.lost_logs,
    tasks.no_time_to_end,
    tasks.secrets_in_the_open,
    tasks.soft_containers,
    tasks.unwatched,
    tls.plain_warehouse,
    tls.without_tls,
    wiring.miswired,
    wiring.overwritten_policies,
    wiring.zones_mixed,
)

OF_LIVE: dict[str, LiveCheck] = _by_name(
    live_tree.cycles,
    live_tree.literal_account_ids,
    live_tree.mocks_differ,
    live_tree.null_inputs,
    live_tree.other_locals,
    live_tree.production_can_be_destroyed,
    live_tree.roles_before_their_boundary,
    live_tree.shared_state,
    live_tree.unit_missing,
    live_tree.unknown_inputs,
    live_tree.unknown_outputs,
    live_tree.unset_variables,
)
