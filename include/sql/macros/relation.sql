{# The adapter's SELECT of a relation, as a table `adapter_row`. -#}
{% set source = source_schema() -%}
(
{% include 'source/' ~ adapter ~ '/' ~ relation ~ '.sql' %}
) AS adapter_row
