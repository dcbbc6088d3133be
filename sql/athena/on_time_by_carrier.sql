-- On-time arrivals and cancellations of each carrier and local month, from the rows of the processed zone.
with flights as (
    select
        carrier,
        local_date,
        arr_delay,
        0 as cancelled
    from headrace_processed.flights_departed
    union all
    select
        carrier,
        local_date,
        null as arr_delay,
        1 as cancelled
    from headrace_processed.flights_cancelled
)

select
    carrier,
    cast(date_trunc('month', local_date) as date) as local_month,
    count(*) as flights,
    sum(cancelled) as cancelled,
    count(case when arr_delay < 15 then 1 end) as on_time,
    round(avg(arr_delay), 4) as arr_delay_mean_min
from flights
group by carrier, cast(date_trunc('month', local_date) as date)
order by carrier, local_month
