/*
The days from %(first)s to %(last)s whose facts are all written, for all scopes: those that can be rolled up.
*/

WITH done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('kpi_value', 'kpi_state_count', 'kpi_percentiles')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= %(first)s
    AND date_to <= %(last)s
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = 3
)

SELECT date_id
FROM done_day
ORDER BY date_id
