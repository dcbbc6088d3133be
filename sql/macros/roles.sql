{#
    Departments are roles of the warehouse; which role reads which model stands in dbt_project.yml. In the accounts
    Terraform makes them (deploy/modules/warehouse): dbt's user there may make none. Here they are made for the local one.
#}
{% macro department_roles() %}
    {% do return(["headrace_operations", "headrace_network_planning", "headrace_maintenance"]) %}
{% endmacro %}


{% macro make_missing_roles() %}
    {% if execute and target.name == "local" and flags.WHICH in ("build", "run", "snapshot") %}
        {% set known = run_query("select role_name from svv_roles").columns[0].values() | map("trim") | list %}
        {% for role in department_roles() if role not in known %} create role {{ role }}; {% endfor %}
    {% endif %}
{% endmacro %}


{% macro let_roles_in() %}
    {% if execute and flags.WHICH in ("build", "run", "snapshot") %}
        {% for name in ("core", "mart") %}
            {% set schema = generate_schema_name(name, none) %}
            {% if adapter.check_schema_exists(target.database, schema) %} {# not yet, where a part was selected #}
                {% for role in department_roles() %}
                    grant usage on schema {{ schema }} to role {{ role }};
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
