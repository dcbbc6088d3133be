-- A flight would join two versions of its plane, and count twice.
select
    earlier.plane_version as earlier_version,
    later.plane_version as later_version
from {{ ref("dim_plane") }} as earlier
inner join {{ ref("dim_plane") }} as later
    on earlier.tailnum = later.tailnum
    and earlier.version < later.version
    and earlier.valid_to > later.valid_from
