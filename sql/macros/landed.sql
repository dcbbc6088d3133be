{#
    Lists that land as files. Each file names things as of its own time; the newest row of a key is what is so, whatever
    the order in which the files came.
#}
{% macro newest_of(table_name, key) -%}
    (
        select *
        from (
            select
                listed.*,
                row_number() over (
                    partition by {{ key }}
                    order by as_of desc, arrival_time desc, sequence_number desc, record_index desc
                ) as age
            from {{ source("flights", table_name) }} as listed
        ) as ranked
        where age = 1
    )
{%- endmacro %}
