{# What a figure says of its sample, and the percentiles of one. #}

{# How many rows of the sample rest on reconstructed versions, as extra_json; NULL when none does. #}
{% macro reconstructed(n) -%}
CASE WHEN {{ n }} > 0 THEN JSON_OBJECT('reconstructed', CAST({{ n }} AS SIGNED)) END
{%- endmacro %}

{# The sample with each delay's place within its cell, counted from 0, and how many there are. #}
{% macro ranked(cell) -%}
(
  SELECT
    {{ cell | join(',\n    ') }},
    microseconds,
    reconstructed,
    ROW_NUMBER() OVER (PARTITION BY {{ cell | join(', ') }} ORDER BY microseconds) - 1 AS place,
    COUNT(*) OVER (PARTITION BY {{ cell | join(', ') }}) AS n
  FROM sample
) AS ranked
{%- endmacro %}

{# The percentile of `ranked`, by linear interpolation between the two values around place (n - 1) * percent / 100,
   as PERCENTILE_CONT does; in whole microseconds until the last division by the unit's. #}
{% macro percentile(percent, unit_microseconds) -%}
ROUND(
    SUM(
      CASE
        WHEN place = (n - 1) * {{ percent }} DIV 100
          THEN microseconds * (100 - MOD((n - 1) * {{ percent }}, 100))
        WHEN place = (n - 1) * {{ percent }} DIV 100 + 1
          THEN microseconds * MOD((n - 1) * {{ percent }}, 100)
        ELSE 0
      END
    ) * 1.00000000 / ({{ unit_microseconds }} * 100),
    4
  )
{%- endmacro %}
