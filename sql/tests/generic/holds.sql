{# Rows for which a rule of the table is not true; where it cannot be told, it holds. #}
{% test holds(model, rule) %}

select *
from {{ model }}
where not coalesce({{ rule }}, true)

{% endtest %}
