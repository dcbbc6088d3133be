-- Records as they were received, per day and shard: how many, how many of them were repeats, and from when to when.
select
    arrival_date,
    shard_id,
    count(*) as records,
    count(case when repeat then 1 end) as repeats,
    date_diff('minute', min(arrival_time), max(arrival_time)) as minutes_spanned
from headrace_raw.flights
group by arrival_date, shard_id
order by arrival_date, shard_id
