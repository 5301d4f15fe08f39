{# The first day at whose end n local days, that day among them, have passed since the instant; what never happened is long ago. #}
{% macro quiet_from(instant, n) -%}
IF(
      {{ instant }} >= (SELECT since.utc_start FROM kpi_time AS since WHERE since.date_id = %(as_of)s - INTERVAL {{ n - 1 }} DAY),
      DATE '9999-12-31',
      DATE '1900-01-01'
    )
{%- endmacro %}
