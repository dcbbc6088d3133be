select
    tailnum,
    cast(nullif(year, 'NA') as integer) as year_built,
    type as plane_type,
    manufacturer,
    model,
    engines,
    seats,
    engine
from {{ ref("planes") }}
