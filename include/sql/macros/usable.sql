{#
What a source may hold that a history cannot (a zero date, an id above 2^63) is staged as it is, then set aside: by the field, or with the
whole row where the field is its key. Sessions refuse zero dates, so a statement that looks at them says `as_they_are`.
#}

{# For INSERT, UPDATE and DELETE: dates that are none are values like others, and no reason to stop. #}
{% macro as_they_are() -%}
/*+ SET_VAR(sql_mode = 'ALLOW_INVALID_DATES') */
{%- endmacro %}

{# A date that is none (0000-00-00, 2026-02-30), or lies before 1970 or at the end of the calendar. #}
{% macro odd_date(column) -%}
COALESCE({{ column }} NOT BETWEEN '1970-01-01' AND '9998-12-30' OR DAY({{ column }}) > DAY(LAST_DAY({{ column }})), {{ column }} IS NOT NULL)
{%- endmacro %}

{# An id that is no whole number from 1 to 2^63 - 1. #}
{% macro odd_id(column) -%}
{{ column }} NOT BETWEEN 1 AND 9223372036854775807
{%- endmacro %}

{# A kpi_reject row for each odd date in some columns of a staged relation; `key` is the row's key as text. #}
{% macro odd_dates(relation, key, columns) -%}
SELECT
  dated.source_key,
  dated.field,
  IF(MONTH(dated.given) = 0 OR DAY(dated.given) = 0, 'zero_date', 'date_out_of_range') AS reason,
  CAST(dated.given AS CHAR) AS detail
FROM (
  SELECT
    {{ key }} AS source_key,
    listed.field,
    CASE listed.field
{%- for column in columns %}
      WHEN '{{ column }}' THEN stage.{{ column }}
{%- endfor %}
    END AS given
  FROM stage_{{ relation }} AS stage
  CROSS JOIN (
{%- for column in columns %}
    {{ 'UNION ALL ' if not loop.first }}SELECT '{{ column }}'{{ ' AS field' if loop.first }}
{%- endfor %}
  ) AS listed
  WHERE
    {{ any_odd(columns, 'stage.') | indent(2) }}
) AS dated
WHERE {{ odd_date('dated.given') }}
{%- endmacro %}

{# Whether one of the columns is an odd date. #}
{% macro any_odd(columns, of='') -%}
{% for column in columns %}{{ '  OR ' if not loop.first }}{{ odd_date(of ~ column) }}{{ '\n' if not loop.last }}{% endfor %}
{%- endmacro %}

{# Leave out the odd dates of a staged relation, as if the source had none. #}
{% macro leave_out_odd_dates(relation, columns) -%}
-- step: {{ relation }}: leave out unusable dates | phase=find relation={{ relation }}
UPDATE {{ as_they_are() }} stage_{{ relation }}
SET
{%- for column in columns %}
  {{ column }} = IF({{ odd_date(column) }}, NULL, {{ column }}){{ ',' if not loop.last }}
{%- endfor %}
WHERE
  {{ any_odd(columns) }};
{%- endmacro %}
