{# How many rows there are of those asked for. -#}
{% import 'macros/rows.sql' as some -%}
SELECT COUNT(*)
{{ some.from_where(rows) }}
