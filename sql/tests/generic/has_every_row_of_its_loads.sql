{#
    The books say how many rows each commit brought into the fact's tables, and how many were taken out again; the fact
    must have as many of it, no more and no less. Commits that a load changed after this run began are the next run's
    to judge.

    One test for each fact: dbt holds back what depends on all that a test reads, and nothing depends on both facts.
#}
{% test has_every_row_of_its_loads(model, table_names) %}

with changes as (
    select
        commit_id,
        row_count,
        load_seq
    from {{ ref("stg_loads") }}
    where table_name in ('{{ table_names | join("', '") }}')
    union all
    select
        commit_id,
        -row_count as row_count,
        load_seq
    from {{ ref("stg_withdrawals") }}
    where erased_from is null or erased_from in ('{{ table_names | join("', '") }}')
),

commits as (
    select
        commit_id,
        sum(row_count) as rows_booked,
        max(load_seq) as load_seq
    from changes
    group by commit_id
),

held as (
    select
        commit_id,
        count(*) as rows_held
    from {{ model }}
    group by commit_id
)

select
    coalesce(commits.commit_id, held.commit_id) as commit_id,
    commits.rows_booked,
    held.rows_held
from commits
full outer join held on commits.commit_id = held.commit_id
where
    coalesce(commits.rows_booked, 0) <> coalesce(held.rows_held, 0)
    and {{ within_run("coalesce(commits.load_seq, 0)") }}

{% endtest %}
