{# The adapter's SELECT of a relation, as a table `found`. -#}
{% set source = source_schema() -%}
(
{% include 'source/' ~ adapter ~ '/' ~ relation ~ '.sql' %}
) AS found
