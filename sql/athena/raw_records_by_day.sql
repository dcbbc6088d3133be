-- Records as they were received, per day and shard: how many, how many bytes, and how many were repeats.
select
    arrival_date,
    shard_id,
    count(*) as records,
    count(case when repeat then 1 end) as repeats,
    sum(length(data)) as data_bytes
from headrace_raw.flights
group by arrival_date, shard_id
order by arrival_date, shard_id
