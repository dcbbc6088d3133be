select
    commit_id,
    case when state = 'erased' then table_name end as erased_from,
    row_count,
    load_seq,
    recorded_at as withdrawn_at
from {{ source("flights", "loader_ledger") }}
where pipeline = '{{ var("pipeline") }}' and state in ('retired', 'erased') and file_key = ''
