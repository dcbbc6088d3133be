{{
    config(
        materialized="incremental",
        incremental_strategy="merge",
        unique_key=["tailnum", "rotation_start"],
        on_schema_change="append_new_columns",
        sort=["rotation_start", "tailnum"],
        pre_hook="{{ take_out(['stg_rotations'], ['tailnum', 'rotation_start']) }}",
        post_hook="{{ bury() }}",
    )
}}

with states as (
    {{ last_states("stg_rotations", "rotations", ["tailnum", "rotation_start"]) }}
)

select
    tailnum,
    rotation_start,
    rotation_end,
    events,
    flights,
    miles,
    revision,
    commit_id,
    load_seq
from states
