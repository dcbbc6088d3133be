{#
    The incremental strategy `refill`: all rows anew, by one transaction that changes rows and no table.

    Readers see the rows of the build before until it has ended. The materialization `table` makes a second table and
    gives it the name of the first: who reads at that moment is told that his table is gone, or finds nothing in it.
#}
{% macro get_incremental_refill_sql(arg_dict) %}
    delete from {{ arg_dict["target_relation"] }};
    {{ get_insert_into_sql(arg_dict["target_relation"], arg_dict["temp_relation"], arg_dict["dest_columns"]) }}
{% endmacro %}
