/*
The days of kpi_time, and which of them facts are dated by.
*/
-- step: all
SELECT
  date_id,
  y,
  m,
  d,
  iso_week,
  iso_year,
  utc_start,
  utc_end
FROM kpi_time;

-- step: with facts
{% for table in daily_tables %}
{{ 'UNION DISTINCT\n' if not loop.first -}}
SELECT date_id
FROM {{ table }}
WHERE date_id BETWEEN %(first)s AND %(last)s
{%- endfor %};
