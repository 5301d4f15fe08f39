{# Weeks and months in SQL; kpi.core.periods says the same in Python. #}

{# The date_id of the period of the calendar that holds a day. #}
{% macro date_id(period, day) -%}
CASE {{ period }}
    WHEN 'W' THEN {{ day }} + INTERVAL 6 - WEEKDAY({{ day }}) DAY
    WHEN 'M' THEN LAST_DAY({{ day }})
  END
{%- endmacro %}

{# Whether a day is the date_id of a period: each day of D and R, the last ones of weeks and months. #}
{% macro ends(period, day) -%}
({{ period }} NOT IN ('{{ calendar_periods | join("', '") }}') OR {{ day }} = {{ date_id(period, day) }})
{%- endmacro %}

{# The date_id of the period before the one of a date_id; of a window, of the one that it follows without a gap. #}
{% macro before(period, date_id, window) -%}
CASE {{ period }}
    WHEN 'D' THEN {{ date_id }} - INTERVAL 1 DAY
    WHEN 'W' THEN {{ date_id }} - INTERVAL 7 DAY
    WHEN 'M' THEN LAST_DAY({{ date_id }} - INTERVAL 1 MONTH)
    WHEN 'R' THEN {{ date_id }} - INTERVAL {{ window }} DAY
  END
{%- endmacro %}
