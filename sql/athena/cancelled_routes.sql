-- The routes of which the greatest share was cancelled, with at least twenty flights: from the mart in the lake.
select
    origin,
    dest,
    dest_name,
    sum(flights) as flights,
    sum(cancelled) as cancelled,
    round(cast(sum(cancelled) as double) / sum(flights), 4) as cancelled_share
from headrace_curated.route_demand
group by origin, dest, dest_name
having sum(flights) >= 20
order by cancelled_share desc, origin, dest
limit 25
