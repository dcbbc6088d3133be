-- Why events became dead letters in the last thirty days, and in which field: what to look at first.
select
    arrival_date,
    stage,
    reason,
    field,
    event_type,
    count(*) as letters
from headrace_processed.flights_dead_letters
where arrival_date >= cast(cast(current_date - interval '30' day as date) as varchar)
group by arrival_date, stage, reason, field, event_type
order by arrival_date desc, letters desc, stage, reason, field, event_type
