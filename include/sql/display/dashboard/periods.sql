/*
The first and the last date_id that kpi_value has of each period. It asks the unique key for one day after another, from
either end of the calendar, and stops at the first that has a row: MAX(date_id) would read a period's rows of all days.
*/
{% import 'roads/calendar.sql' as calendar -%}
{% import 'macros/dashboard.sql' as dashboard %}
WITH written AS (
  SELECT
    COALESCE(
      (SELECT MAX(date_to) FROM kpi_run WHERE table_name = 'kpi_value' AND state = 'DONE'),
      (SELECT MAX(date_id) FROM kpi_time)
    ) AS last_on
)

{% for period in all_periods -%}
SELECT
  '{{ period }}' AS period,
  {%- for name, order in [('first', 'ASC'), ('latest', 'DESC')] %}
  (
    SELECT day.date_id
    FROM kpi_time AS day
    WHERE
      day.date_id <= written.last_on
      AND {{ calendar.ends("'" ~ period ~ "'", 'day.date_id') }}
      AND EXISTS (
        SELECT /*+ NO_SEMIJOIN() */ 1
        FROM kpi_value AS v
        WHERE
          v.date_id = day.date_id
          AND v.period = '{{ period }}'
      )
    ORDER BY day.date_id {{ order }}
    LIMIT 1
  ) AS {{ name }}{{ ',' if not loop.last }}
  {%- endfor %}
FROM written
{{ 'UNION ALL' if not loop.last }}
{% endfor %}
