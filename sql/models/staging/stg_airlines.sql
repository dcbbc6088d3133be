select
    carrier,
    name as carrier_name
from {{ newest_of("airlines", "carrier") }} as airlines
