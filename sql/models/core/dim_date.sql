with digits as (
    select 0 as digit
    {%- for digit in range(1, 10) %}
    union all
    select {{ digit }} as digit
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
        ) as date_day
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as myriads
)

select
    date_day,
    cast(date_part(year, date_day) as integer) as year_number,
    cast(date_part(quarter, date_day) as integer) as quarter_of_year,
    cast(date_part(month, date_day) as integer) as month_of_year,
    cast(date_trunc('month', date_day) as date) as month_start,
    cast(date_part(day, date_day) as integer) as day_of_month,
    cast(datediff(day, cast('1900-01-01' as date), date_day) % 7 + 1 as integer) as day_of_week,
    datediff(day, cast('1900-01-01' as date), date_day) % 7 >= 5 as is_weekend
from days
where date_day <= '{{ var("last_day") }}'
