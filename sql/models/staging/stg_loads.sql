select
    commit_id,
    table_name,
    file_key,
    row_count,
    load_seq,
    recorded_at as loaded_at
from {{ source("flights", "loader_ledger") }}
where pipeline = '{{ var("pipeline") }}' and state in ('loaded', 'replaced')
