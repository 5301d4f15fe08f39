{% import 'sets/in_force.sql' as in_force %}
{# The first day at whose end n local days, that day among them, have passed since the instant; what never happened is long ago. #}
{% macro quiet_from(instant, n) -%}
COALESCE({{ in_force.local_day(instant) }} + INTERVAL {{ n }} DAY, DATE '1900-01-01')
{%- endmacro %}
