with digits as (
    {%- for digit in range(10) %}
    select {{ digit }} as digit {{ "union all" if not loop.last }}
    {%- endfor %}
),

days as (
    select
        cast(
            dateadd(
                day,
                ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit + 10000 * myriads.digit,
                cast('{{ var("first_day") }}' as timestamp)
            ) as date
        ) as day
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as myriads
)

select
    day as date_day,
    cast(date_part(year, day) as integer) as year_number,
    cast(date_part(quarter, day) as integer) as quarter_of_year,
    cast(date_part(month, day) as integer) as month_of_year,
    cast(date_trunc('month', day) as date) as month_start,
    cast(date_part(day, day) as integer) as day_of_month,
    cast(datediff(day, cast('1900-01-01' as date), day) % 7 + 1 as integer) as day_of_week,
    datediff(day, cast('1900-01-01' as date), day) % 7 >= 5 as is_weekend
from days
where day <= '{{ var("last_day") }}'
