{# Schemas are called as they are everywhere; a prefix is for one's own copy of the models. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var("schema_prefix") ~ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
