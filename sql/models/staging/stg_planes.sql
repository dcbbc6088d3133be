-- Each file is the whole register: what the newest one does not name any more has left it.
select
    tailnum,
    cast(year as integer) as year_built,
    type as plane_type,
    manufacturer,
    model,
    cast(engines as integer) as engines,
    cast(seats as integer) as seats,
    engine
from {{ newest_of("planes", "tailnum") }} as planes
where as_of = (select max(as_of) from {{ source("flights", "planes") }})
