{#
    Incremental models beside a loader that goes on.

    The loader numbers its loads, and a load is visible only together with all before it. So a model reads the rows of
    the loads after the greatest that it has (`seen`), up to the one that this run was given (var load_seq): all models
    of a run see the same loads, and what comes meanwhile is the next run's. A row that comes again, a revision or a
    file that was released late, has a higher number and replaces the row of its key.
#}

{# Which load brought each commit's rows of a table: joined by commit_id. Files that came later count with the last. #}
{% macro loads_of(table_name) -%}
    (
        select
            commit_id,
            max(load_seq) as load_seq
        from {{ ref("stg_loads") }}
        where table_name = '{{ table_name }}' and {{ within_run("load_seq") }}
        group by commit_id
    )
{%- endmacro %}


{# Whether a load is one that this run may read. #}
{% macro within_run(column) -%}
    {%- if var("load_seq") is none -%} true {%- else -%} {{ column }} <= {{ var("load_seq") }} {%- endif -%}
{%- endmacro %}


{# The greatest load that this model has; below all loads where it is made anew. #}
{% macro seen() -%}
    {% if is_incremental() -%}
        (select coalesce(max(load_seq), -1) from {{ this }})
    {%- else -%}
        -1
    {%- endif %}
{%- endmacro %}


{#
    The last state of a window's keys that new loads have touched, whatever the order in which revisions were loaded:
    a tombstone (events = 0) is a state, too.
#}
{% macro last_states(model, table_name, keys) -%}
    select *
    from (
        select
            revisions.*,
            max(loads.load_seq) over (partition by {{ keys | join(", ") }}) as load_seq,
            row_number() over (partition by {{ keys | join(", ") }} order by revision desc) as age
        from {{ ref(model) }} as revisions
        inner join {{ loads_of(table_name) }} as loads on revisions.commit_id = loads.commit_id
    ) as ranked
    where age = 1 and load_seq > {{ seen() }}
{%- endmacro %}


{# After the rows are in, in the same transaction: what a tombstone says is no more. #}
{% macro bury() -%}
    delete from {{ this }} where events = 0
{%- endmacro %}


{#
    Before the rows come in, in the same transaction: those go that loads since the last build took out of staging, as
    far as this run may read. `keys` name a row in the model and in what it is made of.
#}
{% macro take_out(models, keys) -%}
    {%- set withdrawals, staging = ref("stg_withdrawals"), [] -%}
    {%- for model in models %}{% do staging.append(ref(model)) %}{% endfor -%}
    {%- if is_incremental() -%}
    {%- set touched -%}
        select commit_id from {{ withdrawals }} where load_seq > {{ seen() }} and {{ within_run("load_seq") }}
    {%- endset -%}
    {%- set name -%}
        commit_id {%- for key in keys %} || '/' || cast({{ key }} as varchar) {%- endfor -%}
    {%- endset -%}
    delete from {{ this }}
    where
        commit_id in ({{ touched }})
        and {{ name }} not in (
            {%- for relation in staging %}
            select {{ name }} from {{ relation }} where commit_id in ({{ touched }})
            {%- if not loop.last %} union all {% endif -%}
            {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
