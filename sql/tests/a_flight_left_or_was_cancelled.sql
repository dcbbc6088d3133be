-- Both would be two rows of one flight.
select cancelled.flight_id
from {{ ref("stg_flights_cancelled") }} as cancelled
inner join {{ ref("stg_flights_departed") }} as departed on cancelled.flight_id = departed.flight_id
