/*
The latest day up to %(last)s whose facts are all written: the last good night, as of which thresholds are looked at.
*/

WITH done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= DATE '1000-01-01'
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
)

SELECT MAX(date_id)
FROM done_day
