with hours as (
    select * from {{ ref("fct_hourly_departures") }}
),

weather as (
    select * from {{ ref("fct_weather_hourly") }}
),

airports as (
    select * from {{ ref("dim_airport") }}
)

select
    hours.airport,
    airports.airport_name,
    hours.hour_start,
    convert_timezone('UTC', coalesce(airports.time_zone, 'UTC'), hours.hour_start) as local_hour_start,
    hours.departures,
    hours.dep_delay_mean_min,
    hours.dep_delay_max_min,
    hours.dep_delay_p50_min,
    hours.dep_delay_p90_min,
    hours.revision,
    weather.temp_f,
    weather.humidity_pct,
    weather.wind_speed_mph,
    weather.wind_gust_mph,
    weather.precip_in,
    weather.visibility_mi
from hours
left join weather on hours.airport = weather.airport and hours.hour_start = weather.observed_at
left join airports on hours.airport = airports.airport
