with rotations as (
    select * from {{ ref("fct_rotations") }}
),

planes as (
    select * from {{ ref("dim_plane") }}
)

select
    rotations.tailnum,
    rotations.rotation_start,
    rotations.rotation_end,
    rotations.flights,
    rotations.miles,
    rotations.revision,
    planes.plane_version,
    planes.manufacturer,
    planes.model,
    planes.year_built
from rotations
left join planes
    on rotations.tailnum = planes.tailnum
    and rotations.rotation_start >= planes.valid_from
    and rotations.rotation_start < planes.valid_to
