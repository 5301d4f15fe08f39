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

SELECT date_id
FROM kpi_value
WHERE date_id BETWEEN %(first)s AND %(last)s
UNION DISTINCT
SELECT date_id
FROM kpi_state_count
WHERE date_id BETWEEN %(first)s AND %(last)s
UNION DISTINCT
SELECT date_id
FROM kpi_percentiles
WHERE date_id BETWEEN %(first)s AND %(last)s;
