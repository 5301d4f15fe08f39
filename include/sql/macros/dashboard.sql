{#
What the dashboard's queries (display/dashboard) share.
#}
{# complete: whether a row of kpi_value is final: weeks, months and windows say so, a day is once it is over. #}
{% macro complete(row) -%}
COALESCE(({{ row }}.extra_json ->> '$.complete') = 'true', {{ row }}.date_id < %(today)s)
{%- endmacro %}

{# reconstructed: how many rows of the sample rest on versions inferred from dates. #}
{% macro reconstructed(row) -%}
COALESCE(CAST({{ row }}.extra_json ->> '$.reconstructed' AS SIGNED), 0)
{%- endmacro %}

{# ends_period: whether a day is the date_id of a period: each day of D and R, the Sundays of W, the last days of M. #}
{% macro ends_period(day, period) -%}
CASE {{ period }}
    WHEN 'W' THEN WEEKDAY({{ day }}) = 6
    WHEN 'M' THEN {{ day }} = LAST_DAY({{ day }})
    ELSE TRUE
  END
{%- endmacro %}

{# expected: the date_ids that a period has from %(first)s to %(last)s, with or without rows. #}
{% macro expected() -%}
expected AS (
  SELECT date_id
  FROM kpi_time
  WHERE
    date_id BETWEEN %(first)s AND %(last)s
    AND {{ ends_period('date_id', '%(period)s') }}
)
{%- endmacro %}
