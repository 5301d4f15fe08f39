{#
What the dashboard's queries (display/dashboard) share.
#}
{% import 'roads/calendar.sql' as calendar %}
{# complete: whether a row of kpi_value is final: weeks, months and windows say so, a day is once it is over. #}
{% macro complete(row) -%}
COALESCE(({{ row }}.extra_json ->> '$.complete') = 'true', {{ row }}.date_id < %(today)s)
{%- endmacro %}

{# reconstructed: how many rows of the sample rest on versions inferred from dates. #}
{% macro reconstructed(row) -%}
COALESCE(CAST({{ row }}.extra_json ->> '$.reconstructed' AS SIGNED), 0)
{%- endmacro %}

{# expected: the date_ids that a period has from %(first)s to %(last)s, with or without rows. #}
{% macro expected() -%}
expected AS (
  SELECT date_id
  FROM kpi_time
  WHERE
    date_id BETWEEN %(first)s AND %(last)s
    AND {{ calendar.ends('%(period)s', 'date_id') }}
)
{%- endmacro %}
