-- The books say how many rows each commit brought; the facts must have as many of it, no more and no less. Commits of
-- which a file was loaded after this run began are the next run's to judge.
with commits as (
    select
        case when table_name = 'weather_hourly' then 'fct_weather_hourly' else 'fct_flights' end as fact,
        commit_id,
        sum(row_count) as rows_booked,
        max(load_seq) as load_seq
    from {{ ref("stg_loads") }}
    where table_name in ('flights_departed', 'flights_cancelled', 'weather_hourly')
    group by 1, 2
),

held as (
    select
        'fct_flights' as fact,
        commit_id,
        count(*) as rows_held
    from {{ ref("fct_flights") }}
    group by 2
    union all
    select
        'fct_weather_hourly' as fact,
        commit_id,
        count(*) as rows_held
    from {{ ref("fct_weather_hourly") }}
    group by 2
)

select
    coalesce(commits.fact, held.fact) as fact,
    coalesce(commits.commit_id, held.commit_id) as commit_id,
    commits.rows_booked,
    held.rows_held
from commits
full outer join held on commits.fact = held.fact and commits.commit_id = held.commit_id
where
    coalesce(commits.rows_booked, 0) <> coalesce(held.rows_held, 0)
    and {{ within_run("coalesce(commits.load_seq, 0)") }}
